package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slugc/slugc/build/base"
	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/build/pack"
	"github.com/slugc/slugc/build/sbom"
	"github.com/slugc/slugc/build/slug"
	"github.com/slugc/slugc/buildpacks/runtime/report"
	"github.com/slugc/slugc/cmd/internal/cli"
	"github.com/slugc/slugc/release"
	"github.com/slugc/slugc/stack/launch"
)

func (p *program) inspectCommand() *cobra.Command {
	var platform string
	var packages bool
	c := &cobra.Command{
		Use:   "inspect DEST",
		Short: "Say what is in a slug or an image",
		Long: `Say what is in a slug or an image: processes, buildpacks, layers with their sizes,
the packages that buildpacks brought, and the biggest directories. DEST is
slug:FILE, oci:DIR[:TAG], oci-archive:FILE or docker://REF. Of an image for several
platforms it is the one for this machine.`,
		Example: `  slugc inspect slug:slug.tgz
  slugc inspect oci:app-image
  slugc inspect docker://registry.example/app:v1 --platform linux/arm64`,
		Args: arguments(1, 1),
		RunE: interruptible(func(ctx context.Context, args []string) error {
			for _, transport := range []string{slugPrefix, "oci:", "oci-archive:", "docker://"} {
				rest, ok := strings.CutPrefix(args[0], transport)
				switch {
				case !ok || rest == "":
				case transport == slugPrefix:
					return p.inspectSlug(ctx, rest, packages)
				default:
					return p.inspectImage(ctx, args[0], platform, packages)
				}
			}
			return &cli.UsageError{Command: "slugc inspect", Err: errors.New(notDest(args[0]))}
		}),
	}
	addPlatform(c, &platform)
	c.Flags().BoolVar(&packages, "packages", false, "list every package of the bills of materials that its buildpacks left")
	return c
}

// stackName is the stack that an image is or stands on, empty if it does not
// say.
func stackName(on base.Description) string {
	if on.ID == "" {
		return ""
	}
	return on.ID + " " + on.Variant
}

// notDest says what a destination looks like, and how this one would if it is
// a file or a directory.
func notDest(arg string) string {
	text := fmt.Sprintf("%q: expected slug:FILE, oci:DIR[:TAG], oci-archive:FILE or docker://REF", arg)
	if transport := transportFor(arg); transport != "" {
		text += "; try " + transport + arg
	}
	return text
}

// transportFor is the transport that a file or a directory probably wants in
// front of its name, empty if there is none of the name.
func transportFor(arg string) string {
	info, err := os.Stat(arg)
	switch {
	case err != nil:
		return ""
	case info.IsDir():
		return "oci:"
	case strings.HasSuffix(arg, ".tar"):
		return "oci-archive:"
	}
	return slugPrefix
}

func (p *program) inspectSlug(ctx context.Context, file string, packages bool) error {
	d, err := slug.Describe(ctx, file, slug.Limits{})
	if err != nil {
		return err
	}
	var t table
	t.line("Slug", file)
	t.line("Digest", d.Digest)
	t.line("Size", fmt.Sprintf("%s, %s in %s unpacked", cli.Bytes(d.Size), cli.Bytes(d.Unpacked), report.Count(d.Files, "file")))
	t.line("Stack", d.Stack)
	t.line("App", d.Directory)
	if len(d.Processes) == 0 && d.Procfile != "" {
		t.section("Procfile")
		t.row(strings.ReplaceAll(strings.TrimSpace(d.Procfile), "\n", "\n  "))
	} else {
		t.processes(d.Processes, d.DefaultProcess)
	}
	t.section("Buildpacks")
	for _, b := range d.Buildpacks {
		t.row(b.ID + "@" + b.Version)
	}
	t.none(len(d.Buildpacks))
	t.brought(d.Packages, packages)
	t.section("Layers, unpacked")
	for _, l := range d.Layers {
		t.size(l.Size, l.Name)
	}
	t.biggest(d.Biggest)
	p.voice.Result(t.text.String(), cli.Fields{"slug": d})
	return nil
}

// openOne opens an image for the platform that is named, else of several the
// one for this machine.
func (p *program) openOne(ctx context.Context, ref, platform string) (oci.Base, error) {
	target, err := parsePlatform(platform)
	if err != nil {
		return oci.Base{}, &cli.UsageError{Command: "slugc inspect", Err: err}
	}
	opener := oci.Opener{Keychain: p.keychain(), Target: target}
	if platform != "" {
		return opener.Open(ctx, ref)
	}
	opener.Target = machine()
	return opener.OpenNearest(ctx, ref)
}

func (p *program) inspectImage(ctx context.Context, ref, platform string, packages bool) error {
	image, err := p.openOne(ctx, ref, platform)
	if err != nil {
		return err
	}
	d, err := oci.Inspect(image.Image)
	if err != nil {
		return err
	}
	if d.Biggest, err = oci.Biggest(ctx, image.Image, 10); err != nil {
		return err
	}
	if d.Packages, err = packagesOf(ctx, image, d.Buildpacks); err != nil {
		return err
	}
	on, err := base.Describe(image.Image)
	if err != nil {
		return err
	}
	var t table
	t.line("Image", ref)
	t.line("Digest", d.Digest)
	t.line("Size", cli.Bytes(d.Size))
	t.line("Stack", stackName(on))
	t.line("Target", targetText(d.Target))
	t.line("Base", d.Base.Reference)
	t.line("User", d.User)
	t.line("Directory", d.WorkingDir)
	t.line("Entrypoint", strings.Join(d.Entrypoint, " "))
	t.processes(d.Processes, d.DefaultProcess)
	t.section("Buildpacks")
	for _, b := range d.Buildpacks {
		t.row(b.ID + "@" + b.Version)
	}
	t.none(len(d.Buildpacks))
	t.brought(d.Packages, packages)
	t.section("Layers, compressed")
	for _, l := range d.Layers {
		t.size(l.Size, l.Name+"  "+l.DiffID)
	}
	t.section("Environment")
	if len(d.Env) > 0 {
		t.row(strings.Join(d.Env, ", "))
	}
	t.none(len(d.Env))
	t.biggest(d.Biggest)
	p.voice.Result(t.text.String(), cli.Fields{"image": d})
	return nil
}

// packagesOf are the packages of an image. One that no lifecycle built says
// nothing of any.
func packagesOf(ctx context.Context, image oci.Base, by []oci.BuildpackRef) ([]sbom.Package, error) {
	if len(by) == 0 {
		return nil, nil
	}
	previous, err := oci.NewPrevious(image.Image)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, b := range by {
		ids = append(ids, b.ID)
	}
	return previous.Packages(ctx, ids)
}

// table is a description for people.
type table struct{ text strings.Builder }

func (t *table) line(name, value string) {
	if value != "" {
		fmt.Fprintf(&t.text, "%-12s %s\n", name+":", value)
	}
}

func (t *table) section(name string) { fmt.Fprintf(&t.text, "\n%s:\n", name) }
func (t *table) row(text string)     { fmt.Fprintf(&t.text, "  %s\n", text) }
func (t *table) size(size int64, text string) {
	fmt.Fprintf(&t.text, "  %10s  %s\n", cli.Bytes(size), text)
}

// brought says how many packages each buildpack brought, or names them all.
func (t *table) brought(all []sbom.Package, each bool) {
	if len(all) == 0 {
		return
	}
	t.section("Packages")
	counts := map[string]int{}
	for _, p := range all {
		counts[p.Buildpack]++
		if each {
			t.row(cmp.Or(p.PURL, strings.TrimSpace(p.Name+" "+p.Version)))
		}
	}
	if each {
		return
	}
	for _, by := range slices.Sorted(maps.Keys(counts)) {
		t.row(fmt.Sprintf("%s by %s (--packages lists them)", report.Count(counts[by], "package"), by))
	}
}

func (t *table) biggest(dirs []pack.DirSize) {
	t.section("Biggest directories")
	for _, d := range dirs {
		t.size(d.Size, d.Path)
	}
	t.none(len(dirs))
}

// none says that a section of n rows has none.
func (t *table) none(n int) {
	if n == 0 {
		t.row("none")
	}
}

func (t *table) processes(all []launch.Process, byDefault string) {
	t.section("Processes")
	for _, process := range all {
		mark := ""
		if process.Type == byDefault {
			mark = " (default)"
		}
		t.row(fmt.Sprintf("%s%s: %s", process.Type, mark, release.CommandLine(process)))
	}
	t.none(len(all))
}
