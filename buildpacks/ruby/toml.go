package ruby

import (
	_ "embed"
	"errors"
	"fmt"
	"strings"

	"github.com/BurntSushi/toml"
)

// TOML is the buildpack.toml.
//
//go:embed buildpack.toml
var TOML []byte

// known is the line of Ruby of each stack.
type known []struct {
	Distro string `toml:"distro"`
	Stack  string `toml:"stack"`
	Ruby   string `toml:"ruby"`
}

func readKnown() (known, error) {
	var doc struct {
		Metadata struct {
			Stacks known `toml:"stacks"`
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

// on is the line of a distribution, such as "debian 13"; "" for one that is not
// known.
func (k known) on(distro string) string {
	for _, s := range k {
		if s.Distro == distro {
			return s.Ruby
		}
	}
	return ""
}

// newest is the last line.
func (k known) newest() string { return k[len(k)-1].Ruby }

// String names the stacks with their lines.
func (k known) String() string {
	var all []string
	for _, s := range k {
		all = append(all, fmt.Sprintf("%s has Ruby %s", s.Stack, s.Ruby))
	}
	return strings.Join(all, ", ")
}
