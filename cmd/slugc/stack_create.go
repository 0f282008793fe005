package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/base"
	"github.com/slugc/slugc/build/beside"
	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/buildpacks/runtime/report"
	"github.com/slugc/slugc/cmd/internal/cli"
	"github.com/slugc/slugc/release/deploy"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/debian"
)

// stackCreate is the name of the command in errors.
const stackCreate = "slugc stack create"

// stackCreateFlags are the flags of slugc stack create.
type stackCreateFlags struct {
	archives archiveFlags
	variant  string
	archs    []string
	dests    []string
	lock     string
}

func (p *program) stackCreateCommand() *cobra.Command {
	var f stackCreateFlags
	c := &cobra.Command{
		Use:   "create ID",
		Short: "Make a base image of signed Debian packages",
		Long: `Make a variant of the stack ID of the newest packages, or of those that a lock
file pins, and keep it on this machine, where builds find it. With -o it also
becomes an image; DEST is one of

  oci:DIR[:TAG]           an OCI layout
  oci-archive:FILE        an OCI archive
  docker://REF            pushed to a registry

Several architectures become an image index; no code of them runs, so any
machine can make all of them. The same packages give the same bytes.

Debian's archives are looked for in --mirror and --security-mirror, then in
SLUGC_DEBIAN_MIRROR and SLUGC_DEBIAN_SECURITY_MIRROR, then in this machine's apt
sources, then in those of the machine that built slugc.`,
		Example: `  slugc stack create slugc-13
  slugc stack create slugc-13 -o oci:stack --lock stack.lock.toml
  slugc stack create slugc-13 --arch amd64,arm64 -o docker://registry.example/run:13
  slugc stack create slugc-13 --variant build`,
		Args:              arguments(1, 1),
		ValidArgsFunction: completeStack,
	}
	f.archives.add(c)
	addVariant(c, &f.variant)
	c.Flags().StringSliceVar(&f.archs, "arch", []string{runtime.GOARCH}, "make it for these `ARCHS`, separated by commas: amd64, arm64")
	completeArch(c)
	c.Flags().StringArrayVarP(&f.dests, "output", "o", nil, "write the image to `DEST`; may be repeated")
	c.Flags().StringVar(&f.lock, "lock", "", "pin the packages to those in this `FILE`, or write them to it if there is none")
	c.RunE = interruptible(func(ctx context.Context, args []string) error { return p.createStack(ctx, args[0], f) })
	return c
}

func (p *program) createStack(ctx context.Context, id string, f stackCreateFlags) (err error) {
	if err := f.check(id); err != nil {
		return err
	}
	if err := checkDestinations(ctx, stackCreate, f.dests, p.stackDestination); err != nil {
		return err
	}
	if err := distinct(stackCreate, f.dests, "--lock", f.lock); err != nil {
		return err
	}
	pinned, err := f.pinned(id)
	if err != nil {
		return err
	}
	if pinned == nil {
		if err := p.checkArchives(f.archives); err != nil {
			return err
		}
	}
	store, err := p.makingStore(f.archives)
	if err != nil {
		return err
	}
	var all []base.Made
	defer func() {
		for _, made := range all {
			err = errors.Join(err, made.Close())
		}
	}()
	for _, arch := range f.archs {
		before, err := currentDigest(store, id, f.variant, arch)
		if err != nil {
			return err
		}
		made, err := store.Create(ctx, base.Request{ID: id, Variant: f.variant, Arch: arch, Lock: pinned})
		if err != nil {
			return err
		}
		all = append(all, made)
		if made.Digest == before {
			p.voice.Detailf("Its packages are the same as before, and so is the stack")
		}
	}
	if f.lock != "" && pinned == nil {
		if err := writeLock(f.lock, all); err != nil {
			return err
		}
		p.voice.Stepf("Pinned the packages in %s", f.lock)
	}
	exported, err := p.exportStack(ctx, store, all, f.dests)
	if err != nil {
		return err
	}
	return p.tellCreated(ctx, store, all, exported)
}

// currentDigest is the digest of the packages of a stack, empty if it is not made.
func currentDigest(store base.Store, id, variant, arch string) (string, error) {
	made, found, err := store.Find(id, variant, arch)
	if err != nil || !found {
		return "", err
	}
	return made.Digest, made.Close()
}

// check looks for mistakes in what was typed.
func (f *stackCreateFlags) check(id string) error {
	if _, err := findStack(stackCreate, id); err != nil {
		return err
	}
	if len(f.archs) == 0 {
		return &cli.UsageError{Command: stackCreate, Err: errors.New("--arch is empty; expected architectures, separated by commas")}
	}
	for i, arch := range f.archs {
		if _, err := stack.Define(id, f.variant, arch); err != nil {
			return err
		}
		if slices.Contains(f.archs[:i], arch) {
			return &cli.UsageError{Command: stackCreate, Err: fmt.Errorf("--arch names %s twice", arch)}
		}
	}
	return nil
}

// pinned is the lock, nil if there is none yet.
func (f *stackCreateFlags) pinned(id string) (*debian.Lock, error) {
	if f.lock == "" {
		return nil, nil
	}
	lock, err := debian.ReadLock(f.lock)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, f.canPin()
	}
	if err != nil {
		return nil, err
	}
	wrong := func(field, has, want string) error {
		return &debian.LockError{File: f.lock, Err: fmt.Errorf("%s is %q, expected %q: name another file, or delete it to pin anew", field, has, want)}
	}
	if lock.Stack != id {
		return nil, wrong("stack", lock.Stack, id)
	}
	if lock.Variant != f.variant {
		return nil, wrong("variant", lock.Variant, f.variant)
	}
	for _, arch := range f.archs {
		if _, err := lock.Image(arch); err != nil {
			return nil, &debian.LockError{File: f.lock, Err: fmt.Errorf("%w: name another file, or delete it to pin anew", err)}
		}
	}
	return &lock, nil
}

// canPin makes sure that the lock can be written.
func (f *stackCreateFlags) canPin() error {
	dir := filepath.Dir(f.lock)
	err := beside.Writable(dir)
	if info, statErr := os.Stat(dir); statErr != nil || !info.IsDir() {
		err = fmt.Errorf("there is no directory %s: make it first", dir)
	}
	if err != nil {
		return &cli.UsageError{Command: stackCreate, Err: fmt.Errorf("--lock %s: %w", f.lock, err)}
	}
	return nil
}

// writeLock pins the packages of root filesystems.
func writeLock(file string, all []base.Made) error {
	var images []debian.LockedImage
	for _, made := range all {
		images = append(images, made.Lock)
	}
	text, err := debian.NewLock(all[0].Definition.ID, all[0].Variant, images...).Text()
	if err == nil {
		err = beside.Write(filepath.Dir(file), file, func(w *os.File) error {
			_, err := w.WriteString(text)
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("writing the lock %s: %w", file, err)
	}
	return nil
}

// stackDestination reads a destination.
func (p *program) stackDestination(dest string, progress func(done, total int64)) (oci.Destination, error) {
	destination, err := oci.ParseDest(dest, oci.Access{
		Keychain: p.keychain(),
		Progress: progress,
		Warn:     func(err error) { p.voice.Warningf("%v", err) },
	})
	if err != nil {
		return nil, &cli.UsageError{Command: stackCreate, Err: err}
	}
	return destination, nil
}

// checkDestinations makes sure, for a command, that destinations can be written to.
func checkDestinations(ctx context.Context, command string, dests []string, parse func(dest string, progress func(done, total int64)) (oci.Destination, error)) error {
	for i, dest := range dests {
		if slices.Contains(dests[:i], dest) {
			return &cli.UsageError{Command: command, Err: fmt.Errorf("destination %q is named twice", dest)}
		}
		destination, err := parse(dest, nil)
		if err != nil {
			return err
		}
		if checker, ok := destination.(oci.Checker); ok {
			if err := checker.Check(ctx); err != nil {
				return &deploy.PackError{Err: err}
			}
		}
	}
	return nil
}

// exportStack takes the images of root filesystems to destinations, several as
// an index.
func (p *program) exportStack(ctx context.Context, store base.Store, all []base.Made, dests []string) ([]artifact.Artifact, error) {
	if len(dests) == 0 {
		return nil, nil
	}
	var images []oci.Image
	for _, made := range all {
		packed, err := store.Image(ctx, made)
		if err != nil {
			return nil, &deploy.PackError{Err: err}
		}
		images = append(images, oci.Image{Image: packed.Image})
	}
	var exported []artifact.Artifact
	for _, dest := range dests {
		made, err := p.exportTo(ctx, dest, images)
		if err != nil {
			return nil, err
		}
		exported = append(exported, made)
	}
	return exported, nil
}

// exportTo takes images to one destination.
func (p *program) exportTo(ctx context.Context, dest string, images []oci.Image) (artifact.Artifact, error) {
	live := p.voice.Live("Writing " + dest)
	defer live.Stop()
	destination, err := p.stackDestination(dest, live.Progress)
	if err != nil {
		return artifact.Artifact{}, err
	}
	made, err := export(ctx, destination, images)
	if err != nil {
		return artifact.Artifact{}, &deploy.PackError{Err: err}
	}
	return made, nil
}

// export takes images to a destination.
func export(ctx context.Context, destination oci.Destination, images []oci.Image) (artifact.Artifact, error) {
	if len(images) == 1 {
		return destination.Export(ctx, images[0])
	}
	index, ok := destination.(oci.IndexDestination)
	if !ok {
		return artifact.Artifact{}, errors.New("the destination takes one architecture only")
	}
	return index.ExportIndex(ctx, images)
}

// tellCreated prints what was made: where it is, or what became of it, and
// what to do with it.
func (p *program) tellCreated(ctx context.Context, store base.Store, all []base.Made, exported []artifact.Artifact) error {
	var text strings.Builder
	stacks := []madeStack{}
	for _, made := range all {
		d, err := describeMade(ctx, made)
		if err != nil {
			return err
		}
		stacks = append(stacks, d)
		fmt.Fprintf(&text, "       %s (%s, %s)  %s  %s on disk\n", d.ID, d.Variant, d.Arch, report.Count(d.Count, "package"), cli.Bytes(d.Size))
	}
	if exported == nil {
		exported = []artifact.Artifact{}
		fmt.Fprintf(&text, "       in %s\n       Next: %s\n", store.Dir, afterCreate(all[0]))
	}
	for _, a := range exported {
		fmt.Fprintf(&text, "       %s  %s  %s\n", typed(a), cli.Bytes(a.Size), a.Digest)
	}
	p.voice.Result(text.String(), cli.Fields{"dir": store.Dir, "stacks": stacks, "artifacts": exported})
	return nil
}

// afterCreate is the command that a stack was probably made for.
func afterCreate(made base.Made) string {
	switch id := made.Definition.ID; {
	case made.Arch != runtime.GOARCH || made.Variant == stack.RunMinimal:
		return (&stackFlags{variant: made.Variant, arch: made.Arch}).create(id) + " -o oci:stack"
	case made.Variant == stack.Build:
		return "slugc build --stack " + id
	default:
		return "slugc build --stack " + id + " -o oci:app-image"
	}
}
