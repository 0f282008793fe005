package ruby

import (
	_ "embed"
	"errors"
	"fmt"

	"github.com/BurntSushi/toml"

	"github.com/slugc/slugc/buildpacks/language/version"
)

// TOML is the buildpack.toml.
//
//go:embed buildpack.toml
var TOML []byte

// readStacks reads which line of Ruby each stack has.
func readStacks() (version.Stacks, error) {
	var doc struct {
		Metadata struct {
			Stacks version.Stacks `toml:"stacks"`
		} `toml:"metadata"`
	}
	if _, err := toml.Decode(string(TOML), &doc); err != nil {
		return nil, fmt.Errorf("reading buildpack.toml: %w", err)
	}
	if len(doc.Metadata.Stacks) == 0 {
		return nil, errors.New("reading buildpack.toml: it names no stacks")
	}
	return doc.Metadata.Stacks, nil
}
