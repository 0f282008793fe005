package builder

import (
	"io/fs"

	"github.com/slugc/slugc/build/pack"
	"github.com/slugc/slugc/stack"
)

// attributes are the owners and modes that the entries of a buildpack have in a
// package: root's, 0755 for directories and what can be executed, 0644 for the
// rest. The scripts can be executed whatever their modes are, as those of a
// checkout without modes.
func attributes(index pack.Index) stack.Attributes {
	all := stack.Attributes{}
	for _, e := range index {
		mode := fs.FileMode(0o644)
		switch {
		case e.Mode.IsDir(), e.Mode.Type() == fs.ModeSymlink, e.Mode.Perm()&0o111 != 0,
			e.Path == "bin/detect", e.Path == "bin/build", e.Path == "bin/generate":
			mode = 0o755
		}
		all[e.Path] = stack.Attribute{Mode: mode}
	}
	return all
}
