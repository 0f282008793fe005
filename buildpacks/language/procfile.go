package language

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/slugc/slugc/buildpacks/language/appfile"
)

// procfile is the only name under which a file says how an app starts.
const procfile = "Procfile"

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
