package build

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/stack/sandbox"
)

// Prepare makes the directories of a site that buildpacks expect, and the
// platform directory with the person's variables and bindings (CNB Platform
// API, "Platform directory"). A binding that cannot be used is a *BindingError.
func Prepare(site buildpacks.Site) error {
	bindings, err := ReadBindings(site.Bindings)
	if err != nil {
		return err
	}
	if err := prepare(site, bindings); err != nil {
		return fmt.Errorf("preparing the build: %w", err)
	}
	return nil
}

func prepare(site buildpacks.Site, bindings []Binding) error {
	if err := clearWay(site); err != nil {
		return err
	}
	for _, dir := range []string{site.App.Host, site.Layers.Host, site.Temp.Host, site.Scratch, site.Platform.Host} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	// The layers may lie some directories below the app; all are the build's.
	for dir := site.Layers.Host; len(dir) > len(site.App.Host); dir = filepath.Dir(dir) {
		if err := sandbox.Give(dir); err != nil {
			return err
		}
	}
	for _, dir := range []string{site.App.Host, site.Layers.Host, site.Temp.Host} {
		if err := sandbox.Give(dir); err != nil {
			return err
		}
	}
	vars, err := variables(site.Env)
	if err != nil {
		return err
	}
	return errors.Join(
		writePlatform(filepath.Join(site.Platform.Host, "env"), vars),
		writePlatform(filepath.Join(site.Platform.Host, "bindings"), bindings...))
}

// variables are the person's variables as files.
func variables(env map[string]string) (Binding, error) {
	files := map[string][]byte{}
	for name, value := range env {
		if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/=\x00") {
			return Binding{}, fmt.Errorf("%q is no name of a variable", name)
		}
		files[name] = []byte(value)
	}
	return Binding{Files: files}, nil
}

// writePlatform writes files of the platform directory for the user that the
// scripts run as, and for nobody else. What was there is gone.
func writePlatform(dir string, parts ...Binding) error {
	if err := sandbox.Remove(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, part := range parts {
		for name, content := range part.Files {
			name = path.Join(part.Name, name)
			if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
				return err
			}
			if err := root.WriteFile(name, content, 0o600); err != nil {
				return err
			}
			if err := sandbox.Give(filepath.Join(dir, name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// WriteBindings writes bindings to a directory for the user that processes of a
// sandbox run as, and for nobody else. What was there is gone.
func WriteBindings(dir string, bindings []Binding) error { return writePlatform(dir, bindings...) }

// clearWay leaves nothing on the way from the app down to its layers but the
// directories themselves: what an earlier build put beside them is no part of
// this one, and a link in their place would lead out of the app. The directories
// can be used again, whatever modes the build gave them.
func clearWay(site buildpacks.Site) error {
	rel, err := filepath.Rel(site.App.Host, site.Layers.Host)
	if err != nil || !filepath.IsLocal(rel) {
		return nil // the layers lie elsewhere
	}
	dir := site.App.Host
	if err := sandbox.Mend(dir); err != nil {
		return err
	}
	for i, name := range strings.Split(rel, string(filepath.Separator)) {
		if i > 0 {
			entries, err := os.ReadDir(dir)
			if err != nil {
				return err
			}
			for _, entry := range entries {
				if entry.Name() == name {
					continue
				}
				if err := sandbox.Remove(filepath.Join(dir, entry.Name())); err != nil {
					return err
				}
			}
		}
		dir = filepath.Join(dir, name)
		info, err := os.Lstat(dir)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if !info.IsDir() {
			return sandbox.Remove(dir)
		}
		if err := sandbox.Mend(dir); err != nil {
			return err
		}
	}
	return nil
}
