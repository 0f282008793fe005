package language

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/slugc/slugc/buildpacks/language/appfile"
)

// procfile is the only name under which a file says how an app starts.
const procfile = "Procfile"

// Declared are the processes that an app's Procfile names, a line each.
type Declared []DeclaredProcess

// DeclaredProcess is a line of a Procfile. The type is in lower case.
type DeclaredProcess struct{ Type, Command string }

// Has tells whether there is a process of a type.
func (d Declared) Has(kind string) bool {
	return slices.ContainsFunc(d, func(p DeclaredProcess) bool { return p.Type == kind })
}

var procfileLine = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?m)^\s*([A-Za-z0-9_-]+):?\s+(\S.*)$`) })

// ReadProcfile reads what an app's Procfile names, nothing where there is none.
// Whether it is in order is for the buildpack of Procfiles to say.
func ReadProcfile(dir string) (Declared, error) {
	data, err := appfile.ReadIfThere(dir, procfile)
	var declared Declared
	for _, match := range procfileLine().FindAllSubmatch(data, -1) {
		declared = append(declared, DeclaredProcess{Type: strings.ToLower(string(match[1])), Command: string(match[2])})
	}
	return declared, err
}

// checkProcfile refuses, before anything is downloaded, a Procfile that nobody
// can read. What its lines say is for the buildpack of Procfiles, which stands
// behind those of languages.
func checkProcfile(dir string) error {
	_, err := appfile.Read(dir, procfile)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("looking for a Procfile: %w", err)
	}
	for _, entry := range entries {
		name := entry.Name()
		if strings.EqualFold(name, procfile) || strings.EqualFold(name, procfile+".txt") {
			return appfile.Error("%s says how the app starts under a name that nobody reads\nrename it:\n  git mv %s %s", name, name, procfile)
		}
	}
	return nil
}
