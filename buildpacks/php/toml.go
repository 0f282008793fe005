package php

import (
	"cmp"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// TOML is the buildpack.toml.
//
//go:embed buildpack.toml
var TOML []byte

// known is what buildpack.toml knows of PHP in Debian.
type known struct {
	// Stacks are the lines of PHP, oldest first.
	Stacks []struct {
		Distro string `toml:"distro"`
		Stack  string `toml:"stack"`
		PHP    string `toml:"php"`
		// Lacks are extensions of the table that it does not have.
		Lacks []string `toml:"lacks"`
	} `toml:"stacks"`
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

// on is the line of a distribution, such as "debian 13"; "" for one that is not
// known.
func (k known) on(distro string) string {
	for _, s := range k.Stacks {
		if s.Distro == distro {
			return s.PHP
		}
	}
	return ""
}

// newest is the last line.
func (k known) newest() string { return k.Stacks[len(k.Stacks)-1].PHP }

// here is the line of a distribution, or the newest one.
func (k known) here(distro string) string { return cmp.Or(k.on(distro), k.newest()) }

// String names the stacks with their lines.
func (k known) String() string {
	var all []string
	for _, s := range k.Stacks {
		all = append(all, fmt.Sprintf("%s has PHP %s", s.Stack, s.PHP))
	}
	return strings.Join(all, ", ")
}

// packageOf is the Debian package of an extension behind the version of PHP:
// "xml" for dom, "" for one that is always there. Found is false for one that the
// distribution does not have.
func (k known) packageOf(extension, distro string) (name string, found bool) {
	extension = strings.ToLower(extension)
	if slices.Contains(k.BuiltIn, extension) {
		return "", true
	}
	line := k.here(distro)
	for _, s := range k.Stacks {
		if s.PHP == line && slices.Contains(s.Lacks, extension) {
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
