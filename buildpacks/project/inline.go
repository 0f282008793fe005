package project

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/BurntSushi/toml"
)

// defaultShell interprets a script that names no shell.
const defaultShell = "/bin/sh"

// InlineBuildpack writes the script as a buildpack to a directory, which is
// made. Its bin/detect passes, without a plan, and its bin/build is the script.
func (b Buildpack) InlineBuildpack(dir string) error {
	if b.Script == nil {
		return errors.New("it is no inline buildpack: it has no script")
	}
	type id struct {
		ID string `toml:"id"`
	}
	var doc struct {
		API       string `toml:"api"`
		Buildpack struct {
			ID      string `toml:"id"`
			Version string `toml:"version"`
			Name    string `toml:"name"`
		} `toml:"buildpack"`
		// Stacks are what tells a Buildpack API before 0.10 that any will do.
		Stacks []id `toml:"stacks"`
	}
	doc.API, doc.Stacks = b.Script.API, []id{{"*"}}
	doc.Buildpack.ID, doc.Buildpack.Version, doc.Buildpack.Name = b.ID, b.Version, "a script in "+FileName
	var text bytes.Buffer
	if err := toml.NewEncoder(&text).Encode(doc); err != nil {
		return fmt.Errorf("writing the buildpack %s: %w", b.ID, err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "bin"), 0o755); err != nil {
		return err
	}
	shell := "#!" + cmp.Or(b.Script.Shell, defaultShell) + "\n\n"
	for _, file := range []struct {
		name, text string
		mode       os.FileMode
	}{
		{"bin/detect", shell + "exit 0\n", 0o755},
		{"bin/build", shell + b.Script.Inline + "\n", 0o755},
		{"buildpack.toml", text.String(), 0o644},
	} {
		name := filepath.Join(dir, file.name)
		if err := os.WriteFile(name, []byte(file.text), file.mode); err != nil {
			return err
		}
		// The mode is not the business of a umask: another user runs it.
		if err := os.Chmod(name, file.mode); err != nil {
			return err
		}
	}
	return nil
}
