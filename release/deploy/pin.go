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

// PinError says why a choice of buildpacks cannot be written to the source.
type PinError struct {
	// Buildpack is the one that cannot be named there; empty for none.
	Buildpack string
	Problem   string
}

func (e *PinError) Error() string {
	if e.Buildpack == "" {
		return "pinning the buildpacks: " + e.Problem
	}
	return fmt.Sprintf("pinning %s: %s", e.Buildpack, e.Problem)
}

// pin writes the buildpacks of a plan to the .buildpacks of an app, a directory
// of a source, one a line, and returns the name of that file. That of the Procfile joins every
// group by itself, and so do those that project.toml and the operator add.
func (p planned) pin(source, app string) (file string, err error) {
	if p.by != "" && p.by != byFlag {
		return "", &PinError{Problem: p.by + " names the buildpacks of this app already, so there is nothing to pin"}
	}
	var lines strings.Builder
	for _, m := range p.members() {
		if m.ID == procfileID || slices.ContainsFunc(p.extra, func(e buildpacks.Member) bool { return e.ID == m.ID }) {
			continue
		}
		ref := p.references[detect.Key(m)]
		switch {
		case ref == "" && p.library[m.ID] == nil:
			return "", &PinError{m.ID, fmt.Sprintf("it is part of another buildpack and cannot be named in %s; name that one in %s", project.BuildpackListFile, project.FileName)}
		case ref == "":
			ref = m.ID
		}
		if u, err := url.Parse(ref); err == nil && u.Host != "" && (u.User != nil && strings.HasPrefix(u.Scheme, "http") || u.RawQuery != "") {
			return "", &PinError{m.ID, "its address has credentials, which must not be committed; name it without them, and let git or a proxy have them"}
		}
		if _, err := os.Stat(ref); err == nil && p.library[ref] == nil {
			if ref, err = nameIn(source, app, ref); err != nil {
				return "", err
			}
			if ref == "" {
				return "", &PinError{m.ID, "it is not part of the app or its repository, so others do not have it; copy it there, or name a repository"}
			}
		}
		lines.WriteString(ref + "\n")
	}
	file = filepath.Join(app, project.BuildpackListFile)
	err = beside.Write(app, file, func(f *os.File) error {
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
		return "", errLeadsOut
	}
	return rel, nil
}

var errLeadsOut = errors.New("it leads out of the app")

// nameIn is how a file of an app in a source names a path of this machine:
// ./DIRECTORY, or ../DIRECTORY for one that is beside it in its repository. It is empty for what
// lies elsewhere.
func nameIn(source, app, path string) (string, error) {
	rel, err := within(repositoryOf(source), path)
	if errors.Is(err, errLeadsOut) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	name, err := filepath.Rel(app, filepath.Join(repositoryOf(source), rel))
	if err == nil && filepath.IsLocal(name) {
		name = "./" + name
	}
	return filepath.ToSlash(name), err
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
