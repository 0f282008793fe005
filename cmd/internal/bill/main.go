// Command bill writes beside each Go program what it is made of, as PROGRAM.cdx.json:
// a bill of materials in the form of CycloneDX. make release runs it.
package main

import (
	"fmt"
	"os"

	"github.com/slugc/slugc/buildpacks/language/sbom"
)

func main() {
	for _, program := range os.Args[1:] {
		parts, err := sbom.OfProgram(program)
		if err == nil {
			err = sbom.Write(program+".cdx.json", parts)
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, " !     What %s is made of is not known: %v\n", program, err)
			os.Exit(1)
		}
	}
}
