package builtin

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Program is cmd/buildpack for an architecture of Linux.
type Program struct {
	Arch string
	// Content is the program itself.
	Content []byte
}

// Lay lays the builtin buildpack of an id out for other platforms, in a new
// directory: buildpack.toml, and beside it a folder for each program,
// linux/amd64 and so on, with bin/build and bin/detect. Is tells whether there is
// such a buildpack.
func Lay(dir, id string, programs []Program) (is bool, err error) {
	for _, b := range All(context.Background(), io.Discard, nil) {
		own, err := b.id()
		if err != nil {
			return false, err
		}
		if own != id {
			continue
		}
		if err := b.lay(dir, programs); err != nil {
			return true, fmt.Errorf("laying out buildpack %s: %w", id, err)
		}
		return true, nil
	}
	return false, nil
}

func (b Buildpack) lay(dir string, programs []Program) error {
	for _, p := range programs {
		bin := filepath.Join(dir, "linux", p.Arch, "bin")
		if err := os.MkdirAll(bin, 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(bin, "build"), p.Content, 0o755); err != nil {
			return err
		}
		if err := os.Symlink("build", filepath.Join(bin, "detect")); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, "buildpack.toml"), b.TOML, 0o644)
}
