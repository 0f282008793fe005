package main

import (
	"context"
	"errors"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/slugc/slugc/build/builder"
	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/cmd/internal/cli"
	"github.com/slugc/slugc/stack"
)

// builderLifecycle is the name of the command in errors.
const builderLifecycle = "slugc builder lifecycle"

func (p *program) builderLifecycleCommand() *cobra.Command {
	var targets []string
	var on string
	c := &cobra.Command{
		Use:   "lifecycle DEST...",
		Short: "Make the image with slugc's lifecycle alone",
		Long: `Make the image with slugc's lifecycle and nothing else. Where pack does not trust
a builder, it runs what sees credentials in this image instead:

  pack build APP --builder REF --lifecycle-image REF

DEST is as slugc builder create has it. The image stands on --base, which should
have the certificates of the authorities that your registries' certificates are
of; without one it has only what reaches registries by http and Docker.`,
		Example: `  slugc builder lifecycle registry.example/lifecycle:1 --base registry.example/run:13
  slugc builder lifecycle oci:lifecycle --target linux/amd64 --target linux/arm64`,
		Args: arguments(1, maxDests),
	}
	addTargets(c, &targets, "make it for `OS/ARCH[/VARIANT]`; may be repeated")
	c.Flags().StringVar(&on, "base", "", "put it on this `IMAGE`")
	c.RunE = interruptible(func(ctx context.Context, args []string) error { return p.createLifecycle(ctx, args, on, targets) })
	return c
}

func (p *program) createLifecycle(ctx context.Context, args []string, on string, asked []string) (err error) {
	parsed, err := parseTargets(builderLifecycle, asked)
	if err != nil {
		return err
	}
	var targets []stack.Target
	for _, t := range parsed {
		if t.Arch == "" {
			return &cli.UsageError{Command: builderLifecycle, Err: errors.New("a target has no architecture; expected one such as linux/amd64")}
		}
		if target := (stack.Target{OS: t.OS, Arch: t.Arch, Variant: t.Variant}); !slices.Contains(targets, target) {
			targets = append(targets, target)
		}
	}
	if len(targets) == 0 {
		targets = []stack.Target{{OS: "linux", Arch: machine().Arch}}
	}
	dests, err := p.imageDests(builderLifecycle, args)
	if err != nil {
		return err
	}
	if err := checkDests(ctx, dests); err != nil {
		return err
	}
	temp, err := os.MkdirTemp("", "slugc-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temp)) }()
	creator := builder.Creator{Opener: oci.Opener{Keychain: p.keychain()}, Temp: temp}
	var images []oci.Image
	for _, target := range targets {
		archive, err := ownLifecycle(target.Arch)
		if err != nil {
			return err
		}
		image, err := creator.LifecycleImage(ctx, archive, on, target)
		if err != nil {
			return err
		}
		images = append(images, image)
	}
	exported, text, err := p.exportImages(ctx, dests, images)
	if err != nil {
		return err
	}
	p.voice.Stepf("Made a lifecycle image for %s", targetsText(targets))
	p.voice.Result(text, cli.Fields{"targets": targets, "artifacts": exported})
	return nil
}
