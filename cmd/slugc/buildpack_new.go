package main

import (
	"errors"
	"path"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slugc/slugc/build/builder"
	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/cmd/internal/cli"
)

// buildpackNew is the name of the command in errors.
const buildpackNew = "slugc buildpack new"

func (p *program) buildpackNewCommand() *cobra.Command {
	var dir string
	var targets []string
	scaffold := builder.Scaffold{}
	c := &cobra.Command{
		Use:   "new ID",
		Short: "Write the first files of a buildpack",
		Long: `Write the first files of a buildpack: buildpack.toml, bin/detect and bin/build, in
bash. It builds any app at once, so that you see it work before you change it.

The files go to a new directory, named after the last part of ID.`,
		Example: `  slugc buildpack new example/hello
  slugc build -b ./hello
  slugc buildpack new example/hello --path buildpacks/hello --target linux/amd64`,
		Args: arguments(1, 1),
	}
	c.Flags().StringVar(&dir, "path", "", "write the files to this `DIR`")
	c.Flags().StringVar(&scaffold.API, "api", "0.10", "write it for this `VERSION` of the Buildpack API")
	addTargets(c, &targets, "say that it builds for `OS[/ARCH[/VARIANT]][:DISTRO@VERSION]`; may be repeated")
	c.RunE = func(_ *cobra.Command, args []string) error {
		scaffold.ID = args[0]
		if dir == "" {
			dir = path.Base(strings.TrimRight(args[0], "/"))
			if dir == "." || dir == "/" {
				return &cli.UsageError{Command: buildpackNew, Err: errors.New("the id is empty; expected one such as example/hello")}
			}
		}
		var err error
		if scaffold.Targets, err = parseTargets(buildpackNew, targets); err != nil {
			return err
		}
		if err := scaffold.Write(dir); err != nil {
			if wrong, ok := errors.AsType[*builder.ScaffoldError](err); ok {
				return &cli.UsageError{Command: buildpackNew, Err: wrong}
			}
			return err
		}
		build := "slugc build -b " + asPath(dir)
		p.voice.Result("       "+scaffold.ID+" in "+dir+"\n       Next: "+build+"\n",
			cli.Fields{"id": scaffold.ID, "api": scaffold.API, "dir": dir, "next": build})
		return nil
	}
	return c
}

// asPath is a path as no id of a buildpack looks.
func asPath(dir string) string {
	if filepath.IsAbs(dir) || strings.HasPrefix(dir, ".") {
		return dir
	}
	return "./" + dir
}

// addTargets adds the flag for targets.
func addTargets(c *cobra.Command, targets *[]string, usage string) {
	c.Flags().StringArrayVar(targets, "target", nil, usage)
	completeFlag(c, "target", cobra.FixedCompletions([]string{"linux/amd64", "linux/arm64"}, cobra.ShellCompDirectiveNoFileComp))
}

// parseTargets reads targets.
func parseTargets(command string, texts []string) ([]buildpacks.Target, error) {
	var targets []buildpacks.Target
	for _, text := range texts {
		t, err := builder.ParseTarget(text)
		if err != nil {
			return nil, &cli.UsageError{Command: command, Err: err}
		}
		targets = append(targets, t)
	}
	return targets, nil
}
