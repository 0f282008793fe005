package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/slugc/slugc/build/base"
	"github.com/slugc/slugc/buildpacks/runtime/report"
	"github.com/slugc/slugc/cmd/internal/cli"
	"github.com/slugc/slugc/stack"
)

func (p *program) stackRemoveCommand() *cobra.Command {
	var variant, arch string
	c := &cobra.Command{
		Use:   "remove ID",
		Short: "Remove a stack from this machine",
		Long: `Remove what was made of the stack ID: all variants and architectures, or those
that the flags name. What a build or a process stands on stays. Who needs the
stack again makes it again, of the newest packages.

The packages themselves are a cache: see slugc cache prune.`,
		Example: `  slugc stack remove slugc-12
  slugc stack remove slugc-13 --variant build`,
		Args:              arguments(1, 1),
		ValidArgsFunction: completeStack,
	}
	c.Flags().StringVar(&variant, "variant", "", "only this `VARIANT`: run, run-minimal or build")
	c.Flags().StringVar(&arch, "arch", "", "only this `ARCH`: amd64 or arm64")
	completeVariant(c)
	completeArch(c)
	c.RunE = interruptible(func(ctx context.Context, args []string) error {
		return p.removeStack(ctx, args[0], variant, arch)
	})
	return c
}

// removeStack removes the variants and architectures of a stack that are named,
// or all.
func (p *program) removeStack(ctx context.Context, id, variant, arch string) error {
	d, err := findStack("slugc stack remove", id)
	if err != nil {
		return err
	}
	names, archs := variants(d), d.Archs
	if variant != "" {
		names = []string{variant}
	}
	if arch != "" {
		archs = []string{arch}
	}
	store, err := p.stackStore()
	if err != nil {
		return err
	}
	removed, inUse, freed := []madeStack{}, []madeStack{}, int64(0)
	for _, name := range names {
		for _, arch := range archs {
			r, err := store.Remove(ctx, id, name, arch)
			if err != nil {
				return err
			}
			freed += r.Freed
			removed = append(removed, briefly(r.Gone)...)
			inUse = append(inUse, briefly(r.InUse)...)
		}
	}
	for _, m := range inUse {
		p.voice.Warningf("In use, so it stays: %s (%s, %s)", m.ID, m.Variant, m.Arch)
	}
	p.voice.Result(fmt.Sprintf("Removed %s, freed %s", report.Count(len(removed), "root filesystem"), cli.Bytes(freed)),
		cli.Fields{"dir": store.Dir, "removed": removed, "in_use": inUse, "freed": freed})
	return nil
}

// briefly describes root filesystems without looking at their files.
func briefly(all []base.Made) []madeStack {
	var described []madeStack
	for _, m := range all {
		d := describe(m)
		d.Packages = nil
		described = append(described, d)
	}
	return described
}

// findStack finds the definition of a stack that slugc makes.
func findStack(command, id string) (stack.Definition, error) {
	if id == stack.HostID {
		return stack.Definition{}, &cli.UsageError{
			Command: command, Err: fmt.Errorf("%s is this machine itself; expected the ID of a stack that slugc makes", id), Next: "slugc stack list",
		}
	}
	return stack.Find(id)
}
