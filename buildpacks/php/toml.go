package php

import (
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/slugc/slugc/buildpacks/language/version"
)

// TOML is the buildpack.toml.
//
//go:embed buildpack.toml
var TOML []byte

// known is what buildpack.toml knows of PHP in Debian.
type known struct {
	// Stacks are the lines of PHP. What they lack are extensions of the table.
	Stacks version.Stacks `toml:"stacks"`
	// BuiltIn are the extensions that are always there.
	BuiltIn []string `toml:"built-in"`
	// Usual are packages that every app has, without being asked.
	Usual []string `toml:"usual"`
	// Extensions are those of each package, which has the name of the package
	// behind the version: "xml".
	Extensions map[string][]string `toml:"extensions"`
}

func readKnown() (known, error) {
	var doc struct {
		Metadata known `toml:"metadata"`
	}
	if _, err := toml.Decode(string(TOML), &doc); err != nil {
		return known{}, fmt.Errorf("reading buildpack.toml: %w", err)
	}
	if len(doc.Metadata.Stacks) == 0 {
		return known{}, errors.New("reading buildpack.toml: it names no stacks")
	}
	return doc.Metadata, nil
}

// packageOf is the Debian package of an extension behind the version of PHP:
// "xml" for dom, "" for one that is always there. Found is false for one that the
// distribution does not have.
func (k known) packageOf(extension, distro string) (name string, found bool) {
	extension = strings.ToLower(extension)
	if slices.Contains(k.BuiltIn, extension) {
		return "", true
	}
	line := k.Stacks.Here(distro)
	for _, s := range k.Stacks {
		if s.Line == line && slices.Contains(s.Lacks, extension) {
			return "", false
		}
	}
	for name, extensions := range k.Extensions {
		if slices.Contains(extensions, extension) {
			return name, true
		}
	}
	return "", false
}
