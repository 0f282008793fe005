package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/build/slug"
	"github.com/slugc/slugc/cmd/internal/cli"
	"github.com/slugc/slugc/release"
)

func (p *program) releaseCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "release",
		Short: "Make releases of an app, list them, and roll back",
		Long: `Make releases of an app, list them, and roll back. A release is what a build made,
with the config of the app at that time. It has a number, v1, v2 and so on, and
never changes. The last one that succeeded is the current one.

A process type release in the Procfile is the release phase: it runs, in a process
of its own with the config of the new release, before that becomes the current
one. If it fails, the release fails, and the one before stays.

The ledger is in $SLUGC_HOME, by default the user's data directory.`,
		Args: arguments(0, 0),
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(p.releaseCreateCommand(), p.releaseListCommand(), p.releaseShowCommand(), p.releaseRollbackCommand())
	return c
}

// releaseFlags are those of who releases an artifact.
type releaseFlags struct {
	description string
	keep        int
	without     []string
	// keepName is the flag for keep.
	keepName string
}

// keptSlugs is how many slugs of an app stay when nobody says.
const keptSlugs = 10

func (f *releaseFlags) add(c *cobra.Command) {
	f.addAs(c, "keep", "")
}

// addBuild adds those of who builds and releases in one go. --keep of a build is about
// one that failed.
func (f *releaseFlags) addBuild(c *cobra.Command) { f.addAs(c, "keep-releases", "with --release, ") }

func (f *releaseFlags) addAs(c *cobra.Command, keep, when string) {
	f.keepName = keep
	c.Flags().StringVar(&f.description, "description", "", when+"the `TEXT` to call the release, by default Deploy and the commit or digest")
	c.Flags().IntVar(&f.keep, keep, keptSlugs, when+"keep the slugs or images of the last so many `RELEASES` of the app that have different ones; 0 keeps all")
	c.Flags().StringArrayVar(&f.without, "without", nil, when+"release although this `ADDON` that the app wants is not attached; may be repeated")
}

// check says what is wrong with the flags of a command that releases, or does not.
func (f *releaseFlags) check(c *cobra.Command, releases bool) error {
	wrong := func(err error) error { return &cli.UsageError{Command: c.CommandPath(), Err: err} }
	for _, name := range []string{"description", f.keepName, "without"} {
		if !releases && c.Flags().Changed(name) {
			return wrong(fmt.Errorf("--%s is about a release; add --release", name))
		}
	}
	if f.keep < 0 {
		return wrong(fmt.Errorf("--%s %d: expected 0 or more", f.keepName, f.keep))
	}
	if err := release.CheckDescription(f.description); err != nil {
		return wrong(fmt.Errorf("--description: %w", err))
	}
	return nil
}

func (p *program) releaseCreateCommand() *cobra.Command {
	var f releaseFlags
	var file, image, metadata string
	c := &cobra.Command{
		Use:   "create APP --slug FILE|--image REF",
		Short: "Release a slug or an image",
		Long: `Release a slug or an image, with the config of the current release of APP. The slug
is copied to $SLUGC_HOME, and so is the image: it runs as it is now, wherever a tag
points later. What app.json says of env is looked at first: what it
generates or gives a value is set where the config lacks it, and what it requires
has to be there. So have add-ons that the app wants: heroku-postgresql is attached
as DATABASE_URL, others as their own name, such as REDISCLOUD_URL.`,
		Example: `  slugc release create shop --slug slug.tgz
  slugc release create shop --image docker://registry.example/shop:v1`,
		Args:              arguments(1, 1),
		ValidArgsFunction: p.completeApp,
	}
	c.Flags().StringVar(&file, "slug", "", "release the slug in this `FILE`")
	c.Flags().StringVar(&image, "image", "", "release the image `REF`: docker://REF, oci:DIR[:TAG] or oci-archive:FILE")
	c.Flags().StringVar(&metadata, "metadata", "", "the `FILE` with the release record of its build, by default FILE.json beside a slug")
	f.add(c)
	c.RunE = p.atDesk(func(ctx context.Context, d desk, args []string) error {
		if (file == "") == (image == "") {
			return &cli.UsageError{Command: c.CommandPath(), Err: errors.New("expected --slug FILE or --image REF")}
		}
		if err := f.check(c, true); err != nil {
			return err
		}
		if image != "" {
			record, err := readRecord(metadata, false)
			if err != nil {
				return err
			}
			return p.releaseImage(ctx, d, args[0], image, record, f)
		}
		record, err := readRecord(metadata, false)
		if metadata == "" {
			record, err = readRecord(strings.TrimPrefix(file, slugPrefix)+recordSuffix, true)
		}
		if err != nil {
			return err
		}
		return p.releaseSlug(ctx, d, args[0], strings.TrimPrefix(file, slugPrefix), record, f)
	})
	return c
}

// readRecord reads the record of a build; nil where no file is named, or where it
// may be missing and is.
func readRecord(file string, may bool) (*release.Record, error) {
	if file == "" {
		return nil, nil
	}
	record, err := release.ReadFile(file)
	if may && errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, &cli.UsageError{Command: "slugc release create", Err: err}
	}
	return &record, nil
}

// recordOf is a record, if it is that of an artifact.
func (p *program) recordOf(record *release.Record, digest string) *release.Record {
	if record != nil && !record.Of(digest) {
		p.voice.Warningf("The release record is not that of %s, and is not looked at.", digest)
		return nil
	}
	return record
}

// releaseSlug releases a slug in a file.
func (p *program) releaseSlug(ctx context.Context, d desk, app, file string, record *release.Record, f releaseFlags) error {
	if err := release.CheckApp(app); err != nil {
		return err
	}
	offer, err := release.OfferSlug(ctx, file)
	if err != nil {
		return err
	}
	// Until the ledger has the release, nobody may throw the slug away.
	hold, err := d.slugs.Hold()
	if err != nil {
		return err
	}
	r, err := func() (r release.Release, err error) {
		defer func() { err = errors.Join(err, hold.Close()) }()
		kept, err := d.slugs.Put(ctx, file)
		if err != nil {
			return r, err
		}
		if kept.Digest != offer.Artifact.Digest {
			return r, &slug.FileError{File: file, Err: errors.New("it changed while it was read")}
		}
		return p.deployOffer(ctx, d, app, offer.With(p.recordOf(record, kept.Digest)), f)
	}()
	if err != nil {
		return err
	}
	p.prune(ctx, d, app, f.keep)
	p.sayReleased(r)
	return nil
}

// releaseImage releases an image.
func (p *program) releaseImage(ctx context.Context, d desk, app, ref string, record *release.Record, f releaseFlags) error {
	if dir, is := strings.CutPrefix(ref, "oci:"); is && !filepath.IsAbs(dir) {
		absolute, err := filepath.Abs(dir)
		if err != nil {
			return err
		}
		ref = "oci:" + absolute
	}
	base, err := p.openOne(ctx, ref, "")
	if err != nil {
		return err
	}
	described, err := oci.Inspect(base.Image)
	if err != nil {
		return err
	}
	// Until the ledger has the release, nobody may throw the image away.
	hold, err := d.images.Hold()
	if err != nil {
		return err
	}
	r, err := func() (r release.Release, err error) {
		defer func() { err = errors.Join(err, hold.Close()) }()
		p.voice.Stepf("Keeping the image %s", ref)
		if err := d.images.Put(ctx, base.Image); err != nil {
			return r, err
		}
		return p.deployOffer(ctx, d, app, release.OfferImage(ref, described).With(p.recordOf(record, described.Digest)), f)
	}()
	if err != nil {
		return err
	}
	p.prune(ctx, d, app, f.keep)
	p.sayReleased(r)
	return nil
}

func (p *program) deployOffer(ctx context.Context, d desk, app string, offer release.Offer, f releaseFlags) (release.Release, error) {
	offer.Description = f.description
	p.voice.Stepf("Releasing %s", app)
	return p.releaseMaker(d).Deploy(ctx, app, offer.Without(f.without))
}

// prune removes slugs and images that releases of an app had which are too old, and
// says which went. It is no reason for a release to fail.
func (p *program) prune(ctx context.Context, d desk, app string, keep int) {
	slugs, images := p.unused(ctx, d, app, keep)
	gone := slices.Concat(slugs, images)
	if len(gone) == 0 {
		return
	}
	all, err := d.Releases(ctx, app)
	if err != nil {
		p.voice.Warningf("%v", err)
		return
	}
	var versions []string
	for _, r := range slices.Backward(all) {
		if slices.Contains(gone, r.Artifact.Digest) {
			versions = append(versions, r.Version())
		}
	}
	if len(versions) == 0 {
		return // what a release that was never made left
	}
	what := "slugs"
	switch {
	case len(slugs) == 0:
		what = "images"
	case len(images) > 0:
		what = "slugs and images"
	}
	p.voice.Detailf("Removed the %s of %s, which cannot be rolled back to any more: those of the last %d stay", what, strings.Join(versions, ", "), keep)
}

// unused removes the slugs and images that no app may run any more (Digests), and
// returns their digests.
func (p *program) unused(ctx context.Context, d desk, app string, keep int) (slugs, images []string) {
	used := func() (map[string]bool, error) { return d.Digests(ctx, app, keep) }
	slugs, slugsErr := d.slugs.Prune(used)
	images, imagesErr := d.images.Prune(used)
	for _, err := range []error{slugsErr, imagesErr} {
		if err != nil {
			p.voice.Warningf("%v", err)
		}
	}
	return slugs, images
}

// sayReleased says that a release is the current one.
func (p *program) sayReleased(r release.Release) {
	p.voice.Detailf("Done, %s", r.Version())
	p.voice.Result("", cli.Fields{"release": r})
}

func (p *program) releaseListCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "list APP",
		Short:             "List the releases of an app, the newest first",
		Args:              arguments(1, 1),
		ValidArgsFunction: p.completeApp,
		RunE: p.atDesk(func(ctx context.Context, d desk, args []string) error {
			all, err := d.Releases(ctx, args[0])
			if err != nil {
				return err
			}
			p.voice.Result(releaseTable(args[0], all), cli.Fields{"app": args[0], "releases": append([]release.Release{}, all...)})
			return nil
		}),
	}
}

// when is a time for people.
const when = "2006-01-02 15:04:05 -0700"

// releaseTable is the list for people.
func releaseTable(app string, all []release.Release) string {
	if len(all) == 0 {
		return app + " has no releases yet"
	}
	rows := [][]string{{"Rel", "Change", "By", "When", ""}}
	for _, r := range all {
		state := ""
		switch {
		case r.Current:
			state = "current"
		case r.Status == release.Pending:
			state = "release phase runs"
		case r.Status == release.Failed:
			state = "release phase failed"
		}
		rows = append(rows, []string{r.Version(), r.Description, r.Author, r.Created.Local().Format(when), state})
	}
	return columns(rows)
}

// columns puts cells below each other.
func columns(rows [][]string) string {
	widths := map[int]int{}
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	var b strings.Builder
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			fmt.Fprintf(&line, "%-*s  ", widths[i], cell)
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return b.String()
}

func (p *program) releaseShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "show APP [vN]",
		Short:             "Say what is in a release, by default the current one",
		Args:              arguments(1, 2),
		ValidArgsFunction: p.completeApp,
		RunE: p.atDesk(func(ctx context.Context, d desk, args []string) error {
			number, err := versionArgument("slugc release show", args[1:])
			if err != nil {
				return err
			}
			r, err := d.Current(ctx, args[0])
			if number > 0 {
				r, err = d.Release(ctx, args[0], number)
			}
			if err != nil {
				return err
			}
			output, err := p.phaseOutput(ctx, d, r)
			if err != nil {
				p.voice.Warningf("What its release phase printed cannot be shown: %v", err)
			}
			p.voice.Result(describeRelease(r, string(output)), cli.Fields{"release": r, "output": string(output)})
			return nil
		}),
	}
}

// phaseOutput is what a release phase printed. Values of the config that are secret
// are not shown from now on.
func (p *program) phaseOutput(ctx context.Context, d desk, r release.Release) ([]byte, error) {
	output, err := d.Output(ctx, r)
	if err != nil || len(output) == 0 {
		return nil, err
	}
	config, err := d.Config(ctx, r)
	if err != nil {
		return nil, err
	}
	p.voice.Redact(config.Secrets()...)
	return output, nil
}

// describeRelease is a release for people, as heroku releases:info has it.
func describeRelease(r release.Release, output string) string {
	var t table
	t.line("Release", r.App+" "+r.Version())
	t.line("Change", r.Description)
	t.line("By", r.Author)
	t.line("When", r.Created.Local().Format(when))
	status := string(r.Status)
	if r.Current {
		status += ", current"
	}
	if r.Reason != "" {
		status += ": " + r.Reason
	}
	t.line("Status", status)
	t.line(map[string]string{release.SlugKind: "Slug", release.ImageKind: "Image"}[r.Artifact.Kind], strings.TrimSpace(r.Artifact.Reference+" "+r.Artifact.Digest))
	t.line("Commit", r.Artifact.Commit)
	t.line("Stack", r.Artifact.Stack)
	t.line("Addons", strings.Join(r.Artifact.Addons, ", "))
	t.line("Config", strings.Join(r.Names, ", "))
	types := make([]string, 0, len(r.Artifact.ProcessTypes))
	for name := range r.Artifact.ProcessTypes {
		types = append(types, name)
	}
	slices.Sort(types)
	if len(types) > 0 {
		t.section("Processes")
	}
	for _, name := range types {
		t.row(name + ": " + r.Artifact.ProcessTypes[name])
	}
	if output != "" {
		t.section("Output of the release phase")
		t.row(strings.ReplaceAll(strings.TrimRight(output, "\n"), "\n", "\n  "))
	}
	return t.text.String()
}

func (p *program) releaseRollbackCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "rollback APP [vN]",
		Short: "Release once more what an earlier release was",
		Long: `Release once more what an earlier release was, by default that before the current
one: its slug or image, and its config. This is a new release. Databases and other
services are not rolled back.`,
		Args:              arguments(1, 2),
		ValidArgsFunction: p.completeApp,
		RunE: p.atDesk(func(ctx context.Context, d desk, args []string) error {
			number, err := versionArgument("slugc release rollback", args[1:])
			if err != nil {
				return err
			}
			p.voice.Stepf("Rolling back %s", args[0])
			r, err := p.releaseMaker(d).Rollback(ctx, args[0], number)
			if err != nil {
				return err
			}
			p.voice.Detailf("Done, %s: %s", r.Version(), r.Description)
			p.voice.Result("", cli.Fields{"release": r})
			return nil
		}),
	}
}
