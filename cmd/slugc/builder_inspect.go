package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slugc/slugc/build/builder"
	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/cmd/internal/cli"
)

// builderInspect is the name of the command in errors.
const builderInspect = "slugc builder inspect"

func (p *program) builderInspectCommand() *cobra.Command {
	var platform string
	c := &cobra.Command{
		Use:   "inspect REF",
		Short: "Say what is in a builder image",
		Long: `Say what is in a builder image, whoever made it: its lifecycle, its run images,
its buildpacks and the order in which they are tried. REF is an image in a
registry, docker://REF, oci:DIR[:TAG] or oci-archive:FILE.`,
		Example: `  slugc builder inspect registry.example/builder:1
  slugc builder inspect oci:builder --platform linux/arm64`,
		Args: arguments(1, 1),
	}
	addPlatform(c, &platform)
	c.RunE = interruptible(func(ctx context.Context, args []string) error { return p.inspectBuilder(ctx, args[0], platform) })
	return c
}

func (p *program) inspectBuilder(ctx context.Context, ref, platform string) error {
	target, err := parsePlatform(platform)
	if err != nil {
		return &cli.UsageError{Command: builderInspect, Err: err}
	}
	opener := oci.Opener{Keychain: p.keychain(), Target: target}
	open := opener.Open
	if platform == "" {
		opener.Target = machine()
		open = opener.OpenNearest
	}
	opened, err := open(ctx, ref)
	if err != nil {
		return err
	}
	c, err := builder.DescribeBuilder(ref, opened.Image)
	if err != nil {
		return err
	}
	about, err := oci.Inspect(opened.Image)
	if err != nil {
		return err
	}
	var t table
	t.line("Builder", ref)
	t.line("About", c.Description)
	t.line("Made by", c.Creator)
	t.line("Digest", about.Digest)
	t.line("Size", cli.Bytes(about.Size))
	t.line("Stack", c.Stack)
	t.line("Target", targetText(opened.Target))
	t.line("User", c.User)
	t.line("Lifecycle", c.Lifecycle.Version)
	t.line("  Buildpack", strings.Join(c.Lifecycle.BuildpackAPIs, ", "))
	t.line("  Platform", strings.Join(c.Lifecycle.PlatformAPIs, ", "))
	t.builder(c)
	p.voice.Result(t.text.String(), cli.Fields{
		"ref": ref, "digest": about.Digest, "size": about.Size, "target": opened.Target, "builder": c,
	})
	return nil
}

// builder lists what is in a builder.
func (t *table) builder(c builder.Inventory) {
	t.section("Run images")
	for _, r := range c.RunImages {
		t.row(r.Image)
		for _, mirror := range r.Mirrors {
			t.row("  or " + mirror)
		}
	}
	t.none(len(c.RunImages))
	t.section("Order")
	t.groups(c.Order, "")
	t.none(len(c.Order))
	t.around("Before every group", c.Before)
	t.around("After every group", c.After)
	t.entries("Buildpacks", c.Buildpacks)
	if len(c.Extensions) > 0 {
		t.section("Order of extensions")
		t.groups(c.OrderExtensions, "")
		t.entries("Extensions", c.Extensions)
	}
}

// around lists buildpacks that stand around every group, if there are any.
func (t *table) around(name string, group builder.Group) {
	if len(group) == 0 {
		return
	}
	t.section(name)
	for _, place := range group {
		t.row(placeText(place))
	}
}

// entries lists buildpacks with the sizes of their layers.
func (t *table) entries(name string, all []builder.Item) {
	t.section(name + ", compressed")
	for _, e := range all {
		t.size(e.Size, strings.TrimRight(e.String()+"  API "+e.API+"  "+e.Name, " "))
	}
	t.none(len(all))
}
