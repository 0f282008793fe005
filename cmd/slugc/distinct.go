package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/cmd/internal/cli"
)

// distinct makes sure that no two results of a command go to one file, where
// the last would take the place of the others. Beside the destinations that is
// the file that a flag names, if it names one.
func distinct(command string, dests []string, flag, beside string) error {
	results := map[string]string{}
	claim := func(result, file string) error {
		absolute, err := filepath.Abs(file)
		if err != nil {
			return err
		}
		if target, err := filepath.EvalSymlinks(absolute); err == nil {
			absolute = target
		}
		if other := results[absolute]; other != "" {
			return &cli.UsageError{Command: command, Err: fmt.Errorf("%s and %s are the same file: name another for one of them", other, result)}
		}
		results[absolute] = result
		return nil
	}
	for _, dest := range dests {
		file, ok := strings.CutPrefix(dest, slugPrefix)
		if !ok {
			destination, err := oci.ParseDest(dest, oci.Access{})
			if err != nil {
				return err
			}
			archive, isArchive := destination.(oci.Archive)
			if !isArchive {
				continue // a layout holds many images
			}
			file = archive.File
		}
		if err := claim(dest, file); err != nil {
			return err
		}
	}
	if beside == "" {
		return nil
	}
	return claim(flag+" "+beside, beside)
}
