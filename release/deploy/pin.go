package deploy

import (
	"errors"
	"fmt"
	"net/url"
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
		if u, err := url.Parse(ref); err == nil && u.Host != "" && (u.User != nil && strings.HasPrefix(u.Scheme, "http") || u.RawQuery != "") {
			return "", fmt.Errorf("the address of %s has credentials in it, which must not be committed; name it without them, and let git or a proxy have them", m.ID)
		}
		if _, err := os.Stat(ref); err == nil && p.library[ref] == nil {
			rel, err := within(source, ref)
			if err != nil {
				return "", fmt.Errorf("%s is not part of the app, so others do not have it; copy it into the app, or name a repository: %w", ref, err)
			}
			ref = "./" + filepath.ToSlash(rel)
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

// within is a path of this machine that leads into a directory, also by way of
// links, relative to that.
func within(dir, path string) (string, error) {
	end, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", err
	}
	if end, err = filepath.Abs(end); err != nil {
		return "", err
	}
	rel, err := filepath.Rel(dir, end)
	if err != nil || !filepath.IsLocal(rel) {
		return "", errors.New("it leads out of the app")
	}
	return rel, nil
}

// repositoryOf is the work tree of which a source is a directory, or the source.
func repositoryOf(source string) string {
	for dir := source; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil {
			return dir
		}
	}
	return source
}
