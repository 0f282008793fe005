package control

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// ParsePackage reads the stanza of a package in the Packages file of an archive.
// It checks the form of what becomes part of file names and addresses.
func ParsePackage(p Paragraph, archive string) (Package, error) {
	name := p.Get("Package")
	if err := checkName(name); err != nil {
		return Package{}, fmt.Errorf("reading a stanza of a package: %w", err)
	}
	pkg := Package{
		Name: name, Version: p.Get("Version"), Architecture: p.Get("Architecture"),
		Archive: archive, Filename: p.Get("Filename"), SHA256: strings.ToLower(p.Get("SHA256")),
	}
	var err error
	if pkg.Size, err = strconv.ParseInt(p.Get("Size"), 10, 64); err != nil {
		return Package{}, fmt.Errorf("reading the stanza of %s: Size is %s, expected a number of bytes", name, quote(p.Get("Size")))
	}
	if pkg.InstalledSize, err = parseKiB(p.Get("Installed-Size")); err != nil {
		return Package{}, fmt.Errorf("reading the stanza of %s: Installed-Size is %w", name, err)
	}
	if err := pkg.Check(); err != nil {
		return Package{}, err
	}
	return pkg, nil
}

// parseKiB reads a number of KiB, 0 where it is not given.
func parseKiB(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/1024 {
		return 0, fmt.Errorf("%s, expected a number of KiB", quote(text))
	}
	return n * 1024, nil
}
