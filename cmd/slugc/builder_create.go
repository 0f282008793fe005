package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slugc/slugc/build/builder"
	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/cmd/internal/cli"
	"github.com/slugc/slugc/release/deploy"
	"github.com/slugc/slugc/stack"
)

// builderCreate is the name of the command in errors.
const builderCreate = "slugc builder create"

// builderFlags are the flags of slugc builder create.
type builderFlags struct {
	config  string
	targets []string
	flatten []string
	labels  map[string]string
	offline bool
}

func (p *program) builderCreateCommand() *cobra.Command {
	var f builderFlags
	c := &cobra.Command{
		Use:   "create DEST... -c builder.toml",
		Short: "Make a builder image, without Docker",
		Long: `Make the builder image that a builder.toml describes, in the format of pack:

  [build]
  image = "registry.example/build:13"   # or oci:DIR[:TAG], oci-archive:FILE

  [[run.images]]
  image = "registry.example/run:13"

  [[buildpacks]]
  uri = "slugc/nodejs"                  # or anything that slugc build -b takes

  [[order]]
  [[order.group]]
  id = "slugc/nodejs"

Without [lifecycle] it has slugc's own, which builds the same layers as that of
the Cloud Native Buildpacks project; uri names another: a file, an https address,
or an image that has it. DEST is one of

  REGISTRY/REPO:TAG       pushed to a registry, also docker://REF
  oci:DIR[:TAG]           an OCI layout
  oci-archive:FILE[:TAG]  an OCI archive

Targets are those of --target, else [[targets]], else this machine. Several
become an image index. The same files give the same bytes, and what a destination
has is not sent again.`,
		Example: `  slugc builder create registry.example/builder:1 -c builder.toml
  slugc builder create oci:builder -c builder.toml --target linux/amd64 --target linux/arm64
  slugc builder create oci:builder -c builder.toml --flatten example/one@1.0.0,example/two@1.0.0`,
		Args: arguments(1, maxDests),
	}
	c.Flags().StringVarP(&f.config, "config", "c", "", "the `FILE` that describes the builder")
	addTargets(c, &f.targets, "make it for `OS[/ARCH[/VARIANT]]`; may be repeated")
	c.Flags().StringArrayVar(&f.flatten, "flatten", nil, "put these `BUILDPACKS`, ID@VERSION,ID@VERSION, into one layer; may be repeated")
	c.Flags().StringToStringVarP(&f.labels, "label", "l", nil, "put a label `NAME=VALUE` on the image; may be repeated")
	c.Flags().BoolVar(&f.offline, "offline", false, "take buildpacks that were fetched before, and look at no run image")
	p.addCache(c)
	c.RunE = interruptible(func(ctx context.Context, args []string) error { return p.createBuilder(ctx, args, f) })
	return c
}

// maxDests bounds the places that one builder is written to.
const maxDests = 16

func (p *program) createBuilder(ctx context.Context, args []string, f builderFlags) (err error) {
	if f.config == "" {
		return &cli.UsageError{Command: builderCreate, Err: errors.New("no builder.toml; add -c FILE")}
	}
	targets, err := parseTargets(builderCreate, f.targets)
	if err != nil {
		return err
	}
	dests, err := p.imageDests(builderCreate, args)
	if err != nil {
		return err
	}
	fetcher, err := p.fetcher(f.offline)
	if err != nil {
		return err
	}
	temp, err := os.MkdirTemp("", "slugc-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temp)) }()
	creator := builder.Creator{
		Fetcher: fetcher, Opener: oci.Opener{Keychain: p.keychain()}, Temp: temp, Labels: f.labels, Offline: f.offline,
		Lifecycle: ownLifecycle, Warn: func(err error) { p.voice.Warningf("%v", err) },
		Builtin: func(id string) (string, bool, error) { return layBuiltin(temp, id) },
	}
	for _, text := range f.flatten {
		group, err := builder.ParseFlatten(text)
		if err != nil {
			return &cli.UsageError{Command: builderCreate, Err: fmt.Errorf("--flatten %w", err)}
		}
		creator.Flatten = append(creator.Flatten, group)
	}
	if err := checkDests(ctx, dests); err != nil {
		return err
	}
	live := p.voice.Live("Making the builder")
	defer live.Stop()
	creator.Progress = live.Progress
	made, err := creator.Create(ctx, f.config, targets)
	if err != nil {
		return creatingError(err)
	}
	live.Stepf("Made a builder for %s", targetsText(made.Targets))
	exported, text, err := p.exportImages(ctx, dests, made.Images)
	if err != nil {
		return err
	}
	contents, err := builder.DescribeBuilder(f.config, made.Images[0])
	if err != nil {
		return err
	}
	p.voice.Result(text, cli.Fields{"builder": contents, "targets": made.Targets, "artifacts": exported})
	return nil
}

// creatingError is an error of making a builder, with a class that has an exit
// code.
func creatingError(err error) error {
	if _, ok := errors.AsType[*builder.CreateError](err); ok {
		return err
	}
	return &deploy.PackError{Err: err}
}

// targetsText is targets in words.
func targetsText(targets []stack.Target) string {
	var texts []string
	for _, t := range targets {
		texts = append(texts, t.String())
	}
	return strings.Join(texts, ", ")
}
