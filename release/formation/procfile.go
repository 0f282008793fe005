package formation

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/slugc/slugc/buildpacks/procfile"
)

// procfileTypes are the commands of a Procfile by process type; none when
// there is no such file.
func procfileTypes(file string) (map[string]string, error) {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the process types: %w", err)
	}
	defer f.Close()
	parsed, _, err := procfile.Parse(f)
	if err != nil {
		return nil, fmt.Errorf("reading the process types: %w", err)
	}
	types := map[string]string{}
	for _, p := range parsed {
		types[p.Type] = p.Command
	}
	return types, nil
}
