package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slugc/slugc/build/builder"
	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/buildpacks/cnb"
	"github.com/slugc/slugc/buildpacks/fetch"
	"github.com/slugc/slugc/buildpacks/runtime/report"
	"github.com/slugc/slugc/cmd/internal/cli"
	"github.com/slugc/slugc/stack"
)

// buildpackInspect is the name of the command in errors.
const buildpackInspect = "slugc buildpack inspect"

func (p *program) buildpackInspectCommand() *cobra.Command {
	var platform string
	var offline bool
	c := &cobra.Command{
		Use:   "inspect BUILDPACK",
		Short: "Say what a buildpack is, and what is in a package",
		Long: `Say what a buildpack is: its API, its targets, its licenses; of one that is an
order of others the order, with all that is inside; and of a package its layers.
BUILDPACK is a builtin id, a directory, a .tgz, .zip or .cnb file, an https or git
address, oci:DIR[:TAG], oci-archive:FILE or docker://REF.`,
		Example: `  slugc buildpack inspect slugc/nodejs
  slugc buildpack inspect ./hello
  slugc buildpack inspect docker://registry.example/buildpack:1 --platform linux/arm64`,
		Args: arguments(1, 1),
	}
	addPlatform(c, &platform)
	c.Flags().BoolVar(&offline, "offline", false, "look at what was fetched before, and ask nothing of the network")
	p.addCache(c)
	c.RunE = interruptible(func(ctx context.Context, args []string) error {
		target, err := parsePlatform(platform)
		if err != nil {
			return &cli.UsageError{Command: buildpackInspect, Err: err}
		}
		return p.inspectBuildpack(ctx, args[0], target, offline)
	})
	return c
}

func (p *program) inspectBuildpack(ctx context.Context, ref string, target stack.Target, offline bool) error {
	return withBuiltins(func(library map[string]*cnb.Buildpack) error {
		if b := library[ref]; b != nil {
			contents, err := builder.Describe(ctx, builtinPackage(b))
			if err != nil {
				return err
			}
			p.tellBuildpack(ref, contents)
			return nil
		}
		fetcher, err := p.fetcher(offline)
		if err != nil {
			return err
		}
		if target.OS != "" {
			fetcher.Target = target
		}
		found, err := fetcher.Fetch(ctx, ref)
		if err != nil {
			return err
		}
		contents, err := builder.Describe(ctx, found)
		if err != nil {
			return err
		}
		if contents.Layers, err = p.layersOf(ctx, ref, found.Digest, fetcher.Target, offline); err != nil {
			return err
		}
		p.tellBuildpack(found.Ref, contents)
		return nil
	})
}

// builtinPackage is a builtin buildpack as a package.
func builtinPackage(b *cnb.Buildpack) fetch.Package {
	d := b.Descriptor()
	m := buildpacks.Member{ID: d.ID, Version: d.Version}
	return fetch.Package{
		Ref: d.ID, Root: m, Buildpacks: []*cnb.Buildpack{b}, Dirs: map[buildpacks.Member]string{m: b.Dir},
	}
}

// layersOf are the layers of the image with a digest that a reference leads to,
// none if it leads to something else.
func (p *program) layersOf(ctx context.Context, ref, digest string, target stack.Target, offline bool) ([]builder.Layer, error) {
	image := ref
	switch file := strings.TrimPrefix(ref, "file://"); {
	case oci.HasTransport(ref):
		if offline && strings.HasPrefix(ref, "docker://") {
			return nil, nil
		}
	case isFile(file):
		image = "oci-archive:" + file
	default:
		return nil, nil
	}
	opened, err := oci.Opener{Keychain: p.keychain(), Target: target}.OpenNearest(ctx, image)
	if err != nil && image == ref {
		return nil, err
	}
	if err != nil {
		// An archive of a directory is no image.
		return nil, nil
	}
	if found, err := opened.Image.Digest(); err != nil || found.String() != digest {
		return nil, err
	}
	return builder.Layers(opened.Image)
}

func isFile(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}

// tellBuildpack prints what a buildpack is.
func (p *program) tellBuildpack(ref string, c builder.Contents) {
	var t table
	t.line("Buildpack", c.String())
	t.line("Name", c.Name)
	t.line("About", c.Description)
	t.line("Homepage", c.Homepage)
	t.line("API", c.API)
	t.line("Targets", strings.Join(c.Targets, ", "))
	t.line("Exec envs", strings.Join(c.ExecEnvs, ", "))
	t.line("Licenses", licenses(c.Licenses))
	t.line("Keywords", strings.Join(c.Keywords, ", "))
	t.line("Size", fmt.Sprintf("%s in %s", cli.Bytes(c.Size), report.Count(c.Files, "file")))
	t.line("Digest", c.Digest)
	if len(c.Order) > 0 {
		t.section("Order")
		t.groups(c.Order, "")
	}
	if len(c.Buildpacks) > 0 {
		t.section("Buildpacks")
		for _, b := range c.Buildpacks {
			t.size(b.Size, strings.TrimRight(fmt.Sprintf("%s  API %s  %s", b, b.API, strings.Join(b.Targets, ", ")), " "))
		}
	}
	if len(c.Layers) > 0 {
		t.section("Layers, compressed")
		for _, l := range c.Layers {
			t.size(l.Size, strings.Join(l.Buildpacks, ", ")+"  "+l.DiffID)
		}
	}
	p.voice.Result(t.text.String(), cli.Fields{"ref": ref, "buildpack": c})
}

// licenses are licenses for people.
func licenses(all []builder.License) string {
	var texts []string
	for _, l := range all {
		texts = append(texts, strings.TrimSpace(l.Type+" "+l.URI))
	}
	return strings.Join(texts, ", ")
}

// groups lists the groups of an order, numbered in the order in which they are
// tried.
func (t *table) groups(groups []builder.Group, indent string) {
	for i, group := range groups {
		mark := fmt.Sprintf("%d. ", i+1)
		for _, place := range group {
			t.row(indent + mark + placeText(place))
			mark = strings.Repeat(" ", len(mark))
			t.groups(place.Order, indent+mark)
		}
	}
}

// placeText is a place in a group for people.
func placeText(p builder.Place) string {
	text := p.ID
	if p.Version != "" {
		text += "@" + p.Version
	}
	var notes []string
	if p.Optional {
		notes = append(notes, "optional")
	}
	if p.ExecEnvs != "" {
		notes = append(notes, "for "+p.ExecEnvs)
	}
	if p.Missing {
		notes = append(notes, "not in the package")
	}
	if p.Again {
		notes = append(notes, "as above")
	}
	if len(notes) > 0 {
		text += " (" + strings.Join(notes, ", ") + ")"
	}
	return text
}
