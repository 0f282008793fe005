package main

import (
	"path/filepath"
	"runtime"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/slugc/slugc/build/base"
	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/rootfs"
)

// stackHelp is what --stack takes.
const stackHelp = "a `STACK`: host, one of slugc stack list, a directory with a root filesystem, oci:DIR[:TAG], oci-archive:FILE or docker://REF"

// stacks finds what --stack names, without the network when offline. Who is
// done with them closes them.
func (p *program) stacks(offline bool) *base.Stacks {
	return &base.Stacks{
		Shelf: func() (base.Shelf, error) { return p.shelfWith(archiveFlags{offline: offline}) },
		Images: func() (rootfs.Store, error) {
			root, err := p.cacheRoot()
			return rootfs.Store{Dir: filepath.Join(root, "images")}, err
		},
		Opener: oci.Opener{
			Keychain: authn.DefaultKeychain,
			// The distribution may be another one than this machine's.
			Target: stack.Target{OS: runtime.GOOS, Arch: runtime.GOARCH},
		},
		Making: func(id, variant string) {
			p.voice.Stepf("Making the %s root filesystem of %s, once", variant, id)
		},
	}
}
