package configure

import (
	"context"
	"fmt"
	"os"

	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/debian/deb"
)

// Request says what a root was made of.
type Request struct {
	// User is the ordinary user that it gets.
	User stack.User
	// Arch is what it runs on, as GOARCH.
	Arch string
	// Packages are those that were unpacked into it.
	Packages []deb.Unpacked
	// Attributes are those of the files of the packages.
	Attributes stack.Attributes
}

// Apply does in a root with unpacked packages what dpkg and their maintainer
// scripts would have done. It returns the attributes of all files. The root may
// be left half done by an error.
func Apply(ctx context.Context, root *os.Root, r Request) (stack.Attributes, error) {
	machine, err := machineOf(r.Arch)
	if err != nil {
		return nil, err
	}
	s := system{
		tree:     newTree(root, r.Attributes),
		user:     r.User,
		machine:  machine,
		unpacked: r.Packages,
		packages: map[string]bool{},
	}
	for _, p := range r.Packages {
		s.packages[p.Package] = true
	}
	for _, step := range []struct {
		what string
		do   func() error
	}{
		{"making base directories", s.directories},
		{"merging /usr", s.mergeLibraries},
		{"making accounts", s.accounts},
		{"writing default files", s.defaults},
		{"choosing alternatives", s.alternatives},
		{"collecting certificates", s.certificates},
		{"listing packages", s.database},
		{"listing shared libraries", s.libraries},
	} {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := step.do(); err != nil {
			return nil, fmt.Errorf("%s: %w", step.what, err)
		}
	}
	return s.attributes, nil
}

// system is the root of one Apply.
type system struct {
	tree
	user     stack.User
	machine  machine
	unpacked []deb.Unpacked
	packages map[string]bool
}
