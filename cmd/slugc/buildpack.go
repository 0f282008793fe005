package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/buildpacks/builtin"
	"github.com/slugc/slugc/buildpacks/cnb"
	"github.com/slugc/slugc/cmd/internal/cli"
)

func (p *program) buildpackCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "buildpack",
		Short: "Make buildpacks and packages of them, and look at them",
		Long: `Make buildpacks and packages of them, and look at them.

A buildpack is a directory with buildpack.toml, bin/detect and bin/build. A
package is an image, or a .cnb file, that has one, or several with the order in
which they are tried; slugc build -b takes both, and so does every other
platform of Cloud Native Buildpacks.`,
		Args: arguments(0, 0),
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(p.buildpackNewCommand(), p.buildpackPackageCommand(), p.buildpackInspectCommand(), p.buildpackListCommand())
	return c
}

func (p *program) buildpackListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the builtin buildpacks in the order in which they are asked",
		Args:  arguments(0, 0),
		RunE: func(*cobra.Command, []string) error {
			return withBuiltins(func(library map[string]*cnb.Buildpack) error {
				var list []buildpacks.Descriptor
				var text strings.Builder
				members := slices.Concat(builtin.Order()...)
				// What helps others is in several groups.
				slices.SortStableFunc(members, func(a, b buildpacks.Member) int {
					switch {
					case a.Optional == b.Optional:
						return 0
					case a.Optional:
						return 1
					}
					return -1
				})
				seen := map[string]bool{}
				for _, m := range members {
					if seen[m.ID] {
						continue
					}
					seen[m.ID] = true
					d := library[m.ID].Descriptor()
					list = append(list, d)
					fmt.Fprintf(&text, "%-20s %-8s %s\n", d.ID, d.Version, d.Name)
				}
				p.voice.Result(text.String(), cli.Fields{"buildpacks": list})
				return nil
			})
		},
	}
}

// withBuiltins puts the builtin buildpacks on disk for as long as f runs.
func withBuiltins(f func(library map[string]*cnb.Buildpack) error) (err error) {
	dir, err := os.MkdirTemp("", "slugc-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	exe, err := executable()
	if err != nil {
		return err
	}
	library, err := builtin.Install(dir, exe)
	if err != nil {
		return err
	}
	return f(library)
}
