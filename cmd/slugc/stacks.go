package main

import (
	"path/filepath"
	"runtime"

	"github.com/slugc/slugc/build/base"
	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/rootfs"
)

// stackHelp is what --stack takes.
const stackHelp = "a `STACK`: host, one of slugc stack list, a directory with a root filesystem, oci:DIR[:TAG], oci-archive:FILE or docker://REF"

// stackStore is the stacks of this machine, to look at.
func (p *program) stackStore() (base.Store, error) {
	home, err := p.home()
	if err != nil {
		return base.Store{}, err
	}
	return base.Store{
		Dir:      filepath.Join(home, "stacks"),
		Warn:     func(err error) { p.voice.Warningf("%v", err) },
		Making:   func(id, variant, arch string) { p.voice.Stepf("Making the stack %s (%s, %s)", id, variant, arch) },
		Waiting:  func() { p.voice.Detailf("Waiting for another slugc that makes the same stack") },
		Progress: p.longStep,
	}, nil
}

// makingStore is the stacks of this machine, where those that are missing are
// made, with archives that are reached as the flags say.
func (p *program) makingStore(f archiveFlags) (base.Store, error) {
	store, err := p.stackStore()
	if err != nil {
		return base.Store{}, err
	}
	maker, err := p.maker(f)
	if err != nil {
		return base.Store{}, err
	}
	store.Maker = mirrored{maker}
	return store, nil
}

// longStep shows a step while it runs, and how long it took when it ended well.
func (p *program) longStep(label string) (tell func(done, total int64), end func(error)) {
	live := p.voice.Live(label)
	return live.Progress, func(err error) {
		if err != nil {
			live.Stop()
			return
		}
		live.Detailf("%s", label)
	}
}

// machine is the target of this machine, on any distribution.
func machine() stack.Target { return stack.Target{OS: runtime.GOOS, Arch: runtime.GOARCH} }

// stacks finds what --stack names, for a target, without the network when
// offline. Who is done with them closes them.
func (p *program) stacks(target stack.Target, offline bool) *base.Stacks {
	return &base.Stacks{
		Store: func() (base.Store, error) { return p.makingStore(archiveFlags{offline: offline}) },
		Images: func() (rootfs.Store, error) {
			root, err := p.cacheRoot()
			return rootfs.Store{Dir: filepath.Join(root, "images")}, err
		},
		Opener: oci.Opener{Keychain: p.keychain(), Target: target},
	}
}
