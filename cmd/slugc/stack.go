package main

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slugc/slugc/build/base"
	"github.com/slugc/slugc/buildpacks/runtime/report"
	"github.com/slugc/slugc/cmd/internal/cli"
	"github.com/slugc/slugc/stack"
)

func (p *program) stackCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "stack",
		Short: "Make base images, and look at them",
		Long: `Make the base images that apps are built on and run on, of Debian's signed
packages, without root, without dpkg and without anybody's registry.

A stack has variants: run, with a shell and the tools that start scripts use;
run-minimal, without; and build, with compilers and headers. What was made rests
in $SLUGC_HOME/stacks, by default below the user's data directory, and changes
only when slugc stack create is called again.`,
		Args: arguments(0, 0),
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.PersistentFlags().StringVar(&p.caches, "cache", "", cacheHelp)
	c.AddCommand(p.stackCreateCommand(), p.stackListCommand(), p.stackInspectCommand(), p.stackRemoveCommand())
	return c
}

// stackFlags say which root filesystem of a stack is meant.
type stackFlags struct{ variant, arch string }

func (f *stackFlags) add(c *cobra.Command) {
	addVariant(c, &f.variant)
	c.Flags().StringVar(&f.arch, "arch", runtime.GOARCH, "the `ARCH`: amd64 or arm64")
	completeArch(c)
}

func addVariant(c *cobra.Command, variant *string) {
	c.Flags().StringVar(variant, "variant", stack.Run, "the `VARIANT`: run, run-minimal or build")
	completeVariant(c)
}

func (p *program) stackListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the stacks that there are, and which of them are made",
		Args:  arguments(0, 0),
		RunE: interruptible(func(ctx context.Context, _ []string) error {
			store, err := p.stackStore()
			if err != nil {
				return err
			}
			definitions, err := stack.Definitions()
			if err != nil {
				return err
			}
			made, err := store.List(ctx)
			if err != nil {
				return err
			}
			described := []madeStack{}
			for _, m := range made {
				d, err := describeMade(ctx, m)
				if err != nil {
					return err
				}
				d.Packages = nil
				described = append(described, d)
			}
			p.voice.Result(stackTable(definitions, described, store.Dir),
				cli.Fields{"dir": store.Dir, "stacks": definitions, "made": described})
			return nil
		}),
	}
}

// stackTable is the list for people.
func stackTable(definitions []stack.Definition, made []madeStack, dir string) string {
	var b strings.Builder
	superseded, size := 0, int64(0)
	for _, d := range definitions {
		fmt.Fprintf(&b, "%s  %s\n", d.ID, d.Description)
		for _, variant := range variants(d) {
			for _, arch := range d.Archs {
				state := "not made"
				for _, m := range made {
					switch {
					case m.ID != d.ID || m.Variant != variant || m.Arch != arch:
					case m.Superseded:
						superseded++
						size += m.Size
					default:
						state = fmt.Sprintf("%-14s %10s  %s", report.Count(m.Count, "package"), cli.Bytes(m.Size), age(time.Since(m.Made)))
					}
				}
				fmt.Fprintf(&b, "  %-12s %-7s %s\n", variant, arch, state)
			}
		}
	}
	if len(made) > 0 {
		fmt.Fprintf(&b, "\nIn %s\n", dir)
	}
	if superseded > 0 {
		fmt.Fprintf(&b, "and %s of %s, which slugc stack create and remove remove when nobody uses them\n",
			cli.Bytes(size), report.Count(superseded, "superseded root filesystem"))
	}
	return b.String()
}

// variants are those of a stack in the order in which people meet them: what
// processes run on before what is built on.
func variants(d stack.Definition) []string {
	names := make([]string, 0, len(d.Variants))
	for name := range d.Variants {
		names = append(names, name)
	}
	rank := func(name string) int { return slices.Index([]string{stack.Build, stack.RunMinimal, stack.Run}, name) }
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(rank(b)-rank(a), strings.Compare(a, b)) })
	return names
}

// age is how long ago something was, in one unit.
func age(d time.Duration) string {
	switch hours := int(d.Hours()); {
	case hours >= 48:
		return report.Count(hours/24, "day") + " old"
	case hours >= 1:
		return report.Count(hours, "hour") + " old"
	}
	return "new"
}

// madeStack is a root filesystem, as slugc stack list and inspect describe it.
type madeStack struct {
	ID          string       `json:"id"`
	Variant     string       `json:"variant"`
	Arch        string       `json:"arch"`
	Description string       `json:"description"`
	Target      stack.Target `json:"target"`
	User        stack.User   `json:"user"`
	// Digest is that of its packages: equal digests, equal bytes.
	Digest     string    `json:"digest"`
	Root       string    `json:"root"`
	Made       time.Time `json:"made"`
	Superseded bool      `json:"superseded"`
	// Size is what it takes on disk, Installed what its packages say they
	// take, in bytes.
	Size      int64       `json:"size"`
	Installed int64       `json:"installed"`
	Count     int         `json:"package_count"`
	Packages  []installed `json:"packages,omitempty"`
}

// installed is a package of a stack.
type installed struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Arch    string `json:"arch"`
	// Size is what it takes on disk, in bytes, as its maker estimated.
	Size int64 `json:"size"`
}

func describeMade(ctx context.Context, m base.Made) (madeStack, error) {
	size, err := m.Usage(ctx)
	if err != nil {
		return madeStack{}, err
	}
	d := describe(m)
	d.Size = size
	return d, nil
}

// describe is describeMade without a look at the disk.
func describe(m base.Made) madeStack {
	packages, total := installedOf(m.Lock.Packages)
	return madeStack{
		ID: m.Definition.ID, Variant: m.Variant, Arch: m.Arch, Description: m.Definition.Description,
		Target: m.Stack().Target, User: m.Definition.User, Digest: m.Digest, Root: m.Root, Made: m.Made.UTC(), Superseded: m.Superseded,
		Installed: total, Count: len(packages), Packages: packages,
	}
}
