package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/slugc/slugc/build/builder"
	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/buildpacks/builtin"
)

// packageOwn packages what a person names: a builtin buildpack by its id, which
// is laid out in the packager's temporary directory, or a directory or a file.
func packageOwn(ctx context.Context, packager builder.Packager, from string, targets []buildpacks.Target) (builder.Package, error) {
	if _, err := os.Lstat(from); err == nil {
		return packager.Package(ctx, from, targets)
	}
	dir, is, err := layBuiltin(packager.Temp, from)
	if err != nil {
		return builder.Package{}, err
	}
	if is {
		from = dir
	}
	return packager.Package(ctx, from, targets)
}

// layBuiltin lays a builtin buildpack out below a directory, for all platforms
// that slugc carries its scripts for, and says whether there is one of that id.
func layBuiltin(below, id string) (dir string, is bool, err error) {
	var programs []builtin.Program
	for _, arch := range carriedArchs {
		content, err := embeddedProgram("buildpack", "linux", arch)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", false, err
		}
		programs = append(programs, builtin.Program{Arch: arch, Content: content})
	}
	dir = filepath.Join(below, "builtin", filepath.FromSlash(id))
	is, err = builtin.Lay(dir, id, programs)
	if err == nil && is && len(programs) == 0 {
		err = fmt.Errorf("this slugc carries no scripts of %s for other platforms; build slugc with make build", id)
	}
	return dir, is, err
}
