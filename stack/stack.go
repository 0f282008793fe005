package stack

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// HostID is the id of the stack that stands on this machine's own /usr.
const HostID = "host"

// DefaultPath is the PATH of a stack before any layer.
const DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Stack is a base on which buildpacks run and processes start.
type Stack struct {
	// ID names the stack: "host", or the id of a base image.
	ID string
	// Root is the directory that holds the root filesystem. It is empty for
	// the host stack, which shows parts of this machine's own root read-only.
	Root string
	// Target is what the stack runs.
	Target Target
}

// Target is what a build is made for (CNB Buildpack API 0.10, "Targets").
type Target struct {
	OS      string `json:"os" toml:"os"`
	Arch    string `json:"arch" toml:"arch"`
	Variant string `json:"variant,omitempty" toml:"variant,omitempty"`
	// DistroName and DistroVersion are ID and VERSION_ID of os-release, both
	// empty when the distribution is unknown.
	DistroName    string `json:"distro_name,omitempty" toml:"distro-name,omitempty"`
	DistroVersion string `json:"distro_version,omitempty" toml:"distro-version,omitempty"`
}

// String is the target in the usual os/arch[/variant] form.
func (t Target) String() string {
	s := t.OS + "/" + t.Arch
	if t.Variant != "" {
		s += "/" + t.Variant
	}
	return s
}

// Host returns the stack of this machine. It fails when os-release is there
// but cannot be read.
func Host() (Stack, error) {
	s := Stack{ID: HostID, Target: Target{OS: runtime.GOOS, Arch: runtime.GOARCH}}
	if err := s.Target.readDistribution(os.DirFS("/")); err != nil {
		return Stack{}, fmt.Errorf("reading the distribution of this machine: %w", err)
	}
	return s, nil
}

// Directory returns the stack whose root filesystem is in a directory, for
// this machine's architecture. An error says what kept the directory from
// being one.
func Directory(id, dir string) (Stack, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return Stack{}, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return Stack{}, fmt.Errorf("the root filesystem %s: %w", dir, err)
	}
	defer root.Close()
	if _, err := root.Lstat("usr"); err != nil {
		return Stack{}, fmt.Errorf("%s is no root filesystem: expected a directory usr in it", dir)
	}
	s := Stack{ID: id, Root: dir, Target: Target{OS: runtime.GOOS, Arch: runtime.GOARCH}}
	if err := s.Target.readDistribution(root.FS()); err != nil {
		return Stack{}, fmt.Errorf("reading the distribution of %s: %w", dir, err)
	}
	return s, nil
}

// readDistribution reads the distribution of a root filesystem (os-release(5)).
// Without the file it stays unknown.
func (t *Target) readDistribution(root fs.FS) error {
	for _, name := range []string{"etc/os-release", "usr/lib/os-release"} {
		f, err := root.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		t.DistroName, t.DistroVersion, err = osRelease(f)
		if err = errors.Join(err, f.Close()); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	}
	return nil
}

// osRelease reads ID and VERSION_ID.
func osRelease(text io.Reader) (name, version string, err error) {
	lines := bufio.NewScanner(text)
	for lines.Scan() {
		key, value, found := strings.Cut(strings.TrimSpace(lines.Text()), "=")
		if !found {
			continue
		}
		value = strings.Trim(value, `"'`)
		switch key {
		case "ID":
			name = value
		case "VERSION_ID":
			version = value
		}
	}
	return name, version, lines.Err()
}
