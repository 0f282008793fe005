package deploy

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slugc/slugc/build/beside"
	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/buildpacks/project"
	"github.com/slugc/slugc/detect"
)

// PinnedError says that the buildpacks of an app were chosen before.
type PinnedError struct {
	// By is the file or the variable that names them.
	By string
}

func (e *PinnedError) Error() string {
	return fmt.Sprintf("%s names the buildpacks of this app already, so there is nothing to pin", e.By)
}

// pin writes the buildpacks of a plan to the .buildpacks of a source, one a
// line, and returns the name of that file. That of the Procfile joins every
// group by itself, and so do those that project.toml and the operator add.
func (p planned) pin(source string) (string, error) {
	if p.by != "" && p.by != byFlag {
		return "", &PinnedError{By: p.by}
	}
	var lines strings.Builder
	for _, m := range p.members() {
		if m.ID == procfileID || slices.ContainsFunc(p.extra, func(e buildpacks.Member) bool { return e.ID == m.ID }) {
			continue
		}
		ref := p.references[detect.Key(m)]
		switch {
		case ref == "" && p.library[m.ID] == nil:
			return "", fmt.Errorf("%s is part of another buildpack and cannot be named in %s; name that one in %s", m.ID, project.BuildpackListFile, project.FileName)
		case ref == "":
			ref = m.ID
		}
		if _, err := os.Stat(ref); err == nil && p.library[ref] == nil {
			relative, err := relativeTo(source, ref)
			if err != nil {
				return "", err
			}
			ref = relative
		}
		lines.WriteString(ref + "\n")
	}
	file := filepath.Join(source, project.BuildpackListFile)
	err := beside.Write(source, file, func(f *os.File) error {
		_, err := f.WriteString(lines.String())
		return err
	})
	if err != nil {
		return "", fmt.Errorf("pinning the buildpacks: %w", err)
	}
	return file, nil
}

// byFlag is who chose where references were handed in.
const byFlag = "-b"

// relativeTo is a path of this machine as a file in a directory names it: one
// below it relative to it, any other in full.
func relativeTo(dir, path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if rel, err := filepath.Rel(dir, path); err == nil && filepath.IsLocal(rel) {
		return "./" + filepath.ToSlash(rel), nil
	}
	return path, nil
}
