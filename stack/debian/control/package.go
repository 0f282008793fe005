package control

import (
	"encoding/hex"
	"fmt"
	"io/fs"
	"strings"
)

// Package is one version of a package in an archive, or one to be found there.
type Package struct {
	// Name, Version and Architecture identify it. Architecture is Debian's
	// name: "amd64", "arm64", "all".
	Name         string `toml:"name" json:"name"`
	Version      string `toml:"version" json:"version"`
	Architecture string `toml:"arch" json:"arch"`
	// Archive names the archive that has it (see stack.Suite), and Filename
	// is its path below that archive's address.
	Archive  string `toml:"archive" json:"archive"`
	Filename string `toml:"filename" json:"filename"`
	// Size is the number of bytes of the .deb, SHA256 its checksum in
	// hexadecimal.
	Size   int64  `toml:"size" json:"size"`
	SHA256 string `toml:"sha256" json:"sha256"`
	// InstalledSize is what it takes on disk, in bytes, as its maker estimated.
	InstalledSize int64 `toml:"installed-size,omitempty" json:"installed_size"`
}

// String is name_version_arch, as the files of packages are called.
func (p Package) String() string { return p.Name + "_" + p.Version + "_" + p.Architecture }

// Check tells what keeps a package from being fetched and verified, and from
// being named in paths: names and versions that are not as Policy wants them, a
// path that leaves the archive, the size or the checksum.
func (p Package) Check() error {
	if err := checkName(p.Name); err != nil {
		return err
	}
	if err := p.check(); err != nil {
		return fmt.Errorf("the package %s: %w", p.Name, err)
	}
	return nil
}

func (p Package) check() error {
	if err := checkVersion(p.Version); err != nil {
		return err
	}
	if err := checkArch(p.Architecture); err != nil {
		return err
	}
	if !fs.ValidPath(p.Filename) || p.Filename == "." || strings.ContainsFunc(p.Filename, notInPaths) {
		return fmt.Errorf("the file name %s is no path below an archive", quote(p.Filename))
	}
	if p.Size <= 0 {
		return fmt.Errorf("the size is %d, expected a number of bytes", p.Size)
	}
	if sum, err := hex.DecodeString(p.SHA256); err != nil || len(sum) != 32 || strings.ToLower(p.SHA256) != p.SHA256 {
		return fmt.Errorf("SHA256 is %s, expected 64 hexadecimal digits", quote(p.SHA256))
	}
	return nil
}

// notInPaths are letters that mean something else to a shell, a terminal or an
// address.
func notInPaths(r rune) bool {
	return r <= ' ' || r >= 0x7f || strings.ContainsRune(`\?#"'`, r)
}
