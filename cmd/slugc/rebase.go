package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/base"
	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/build/oci/rebase"
	"github.com/slugc/slugc/buildpacks/runtime/report"
	"github.com/slugc/slugc/cmd/internal/cli"
	"github.com/slugc/slugc/release/deploy"
	"github.com/slugc/slugc/stack"
)

// rebaseName is the command as typed.
const rebaseName = "slugc rebase"

// rebaseFlags are the flags of slugc rebase.
type rebaseFlags struct {
	runImage string
	dest     string
	platform string
	force    bool
	// index keeps the images for other platforms.
	index bool
}

func (p *program) rebaseCommand() *cobra.Command {
	var f rebaseFlags
	c := &cobra.Command{
		Use:   "rebase IMAGE",
		Short: "Put an app on a newer base, without a build",
		Long: `Replace the base layers of an image that slugc or pack built, without a build.
The layers of the app stay as they are, byte for byte; so do its environment, its
processes and its user. IMAGE is oci:DIR[:TAG], oci-archive:FILE[:TAG] or
docker://REF, and is replaced in one step unless -o names another place.

Without --run-image the base is the newest one of the name that the image itself
remembers, or the run image of the stack that it stands on, as slugc stack create
made it last. A base is refused, with exit code 2, if it is

  - for another OS, architecture or variant than the app,
  - of another distribution or version, or else of another stack,
  - not the run image, or one of its mirrors, that the app was built to follow,

or if the app says that it cannot be rebased (io.buildpacks.rebasable=false).
An app whose base came from a file remembers no name, and takes any base that
fits. --force goes over these rules and says which.

Of an index --platform names the image to rebase, and --index keeps the others.

The image states the time of creation that it had, or SOURCE_DATE_EPOCH.`,
		Example: `  slugc rebase docker://registry.example/app:v1
  slugc rebase oci:app-image --run-image oci:base
  slugc rebase docker://registry.example/app:v1 -o docker://registry.example/app:v1-patched`,
		Args: arguments(1, 1),
	}
	c.Flags().StringVar(&f.runImage, "run-image", "", "the new base, a `REF`: one of slugc stack list, docker://REF, oci:DIR[:TAG] or oci-archive:FILE (default the image's own run image)")
	c.Flags().StringVarP(&f.dest, "output", "o", "", "write the image to `DEST`, a reference like IMAGE, and leave IMAGE alone")
	addPlatform(c, &f.platform)
	c.Flags().BoolVar(&f.index, "index", false, "make the place of the image an index, or keep it: images for other platforms stay")
	c.Flags().BoolVar(&f.force, "force", false, "rebase even if the new base may not fit the app")
	p.addCache(c)
	completeStackFlag(c, "run-image")
	c.RunE = interruptible(func(ctx context.Context, args []string) error { return p.rebase(ctx, args[0], f) })
	return c
}

func (p *program) rebase(ctx context.Context, ref string, f rebaseFlags) (err error) {
	created, err := p.sourceDate(rebaseName)
	if err != nil {
		return err
	}
	opener := oci.Opener{Keychain: p.keychain()}
	app, err := openApp(ctx, opener, ref, f.platform)
	if err != nil {
		return err
	}
	var live *cli.Live
	access := oci.Access{
		Keychain: p.keychain(),
		Progress: func(done, total int64) { live.Progress(done, total) },
	}
	destination, err := rebaseDest(ctx, app, ref, f, access)
	if err != nil {
		return err
	}
	// The app runs on what it was built for, wherever slugc runs.
	stacks := p.stacks(stack.Target{OS: app.Target.OS, Arch: app.Target.Arch, Variant: app.Target.Variant}, false)
	defer func() { err = errors.Join(err, stacks.Close()) }()
	newBase, err := openNewBase(ctx, stacks, app, ref, f.runImage)
	if err != nil {
		return err
	}
	rebased, err := rebase.Recipe{App: app, Base: newBase.Base, Force: f.force, Created: created}.Assemble()
	if err != nil {
		return fmt.Errorf("rebasing %s on %s: %w", ref, newBase.ref, err)
	}
	p.sayRebase(ref, newBase.ref, rebased)
	live = p.voice.Live("Writing " + cmp.Or(f.dest, ref))
	made, err := destination.Export(ctx, rebased.Image)
	live.Stop()
	if err != nil {
		return &deploy.PackError{Err: err}
	}
	p.voice.Result(fmt.Sprintf("       %s  %s  %s\n", typed(made), cli.Bytes(made.Size), made.Digest), cli.Fields{"rebase": rebaseResult{
		Artifact: made, From: rebased.From, To: rebased.To,
		Replaced: rebased.Replaced, Added: rebased.Added, Kept: rebased.Kept,
		Unchanged: rebased.Unchanged, Overruled: rebased.Overruled,
	}})
	return nil
}

// rebaseResult is what slugc rebase tells programs.
type rebaseResult struct {
	Artifact  artifact.Artifact `json:"artifact"`
	From      oci.RunImage      `json:"from"`
	To        oci.RunImage      `json:"to"`
	Replaced  int               `json:"replaced"`
	Added     int               `json:"added"`
	Kept      int               `json:"kept"`
	Unchanged bool              `json:"unchanged"`
	Overruled []rebase.Refusal  `json:"overruled,omitempty"`
}

// sayRebase tells what becomes of the layers.
func (p *program) sayRebase(ref, to string, r rebase.Result) {
	p.voice.Stepf("Rebasing %s from %s to %s", ref, baseName(r.From), to)
	for _, note := range r.Notes {
		p.voice.Detailf("%s", note)
	}
	for _, refusal := range r.Overruled {
		p.voice.Warningf("Forced, against the rule of the %s", refusal)
	}
	if r.Unchanged {
		p.voice.Detailf("The app stands on this base already; %s kept", report.Count(r.Replaced+r.Kept, "layer"))
		return
	}
	p.voice.Detailf("%s of the base replaced by %d, %s of the app kept", report.Count(r.Replaced, "layer"), r.Added, report.Count(r.Kept, "layer"))
}

// baseName is what a base is best known by.
func baseName(b oci.RunImage) string {
	return cmp.Or(b.Reference, b.TopLayer, "scratch")
}

// openApp opens the image to rebase.
func openApp(ctx context.Context, opener oci.Opener, ref, platform string) (oci.Base, error) {
	if !oci.HasTransport(ref) {
		text := fmt.Sprintf("%q: expected oci:DIR[:TAG], oci-archive:FILE[:TAG] or docker://REF", ref)
		if strings.HasPrefix(ref, slugPrefix) {
			text += "; a slug has no base layers"
		} else if try := transportFor(ref); try != "" && try != slugPrefix {
			text += "; try " + try + ref
		}
		return oci.Base{}, &cli.UsageError{Command: rebaseName, Err: errors.New(text)}
	}
	var err error
	if opener.Target, err = parsePlatform(platform); err != nil {
		return oci.Base{}, &cli.UsageError{Command: rebaseName, Err: err}
	}
	return opener.Open(ctx, ref)
}

// addPlatform adds the flag that names one image of several.
func addPlatform(c *cobra.Command, platform *string) {
	c.Flags().StringVar(platform, "platform", "", "of an image for several, take the one for this `OS/ARCH[/VARIANT]`")
}

// parsePlatform reads OS/ARCH[/VARIANT]; nothing is any.
func parsePlatform(platform string) (stack.Target, error) {
	if platform == "" {
		return stack.Target{}, nil
	}
	fields := strings.Split(platform, "/")
	if len(fields) < 2 || len(fields) > 3 || slices.Contains(fields, "") {
		return stack.Target{}, fmt.Errorf("--platform %s: expected OS/ARCH or OS/ARCH/VARIANT, such as linux/arm64", platform)
	}
	target := stack.Target{OS: fields[0], Arch: fields[1]}
	if len(fields) == 3 {
		target.Variant = fields[2]
	}
	return target, nil
}

// rebaseDest is where the rebased image goes. It fails if nothing can be
// written there.
func rebaseDest(ctx context.Context, app oci.Base, ref string, f rebaseFlags, access oci.Access) (destination oci.Destination, err error) {
	switch {
	case f.index && f.dest != "":
		destination, err = oci.Base{}.InIndex(f.dest, access)
	case f.index:
		destination, err = app.InIndex(ref, access)
	case f.dest != "":
		destination, err = oci.ParseDest(f.dest, access)
	default:
		if destination, err = app.InPlace(ref, access); err != nil && app.Place.Index {
			err = fmt.Errorf("%w with -o DEST, or keep the others with --index", err)
		} else if err != nil {
			err = fmt.Errorf("%w with -o DEST", err)
		}
	}
	if err != nil {
		return nil, &cli.UsageError{Command: rebaseName, Err: err}
	}
	if checker, ok := destination.(oci.Checker); ok {
		if err := checker.Check(ctx); err != nil {
			return nil, &deploy.PackError{Err: err}
		}
	}
	return destination, nil
}

// namedBase is a base and how it is named.
type namedBase struct {
	oci.Base
	ref string
}

// openNewBase opens the new base: the one that is named, or that the image
// names, or the run image of the stack that it stands on.
func openNewBase(ctx context.Context, stacks *base.Stacks, app oci.Base, image, ref string) (namedBase, error) {
	if ref == "" {
		var err error
		if ref, err = ownBase(app); err != nil {
			return namedBase{}, fmt.Errorf("image %s: %w", image, err)
		}
	}
	if ref == "" {
		return namedBase{}, &cli.UsageError{Command: rebaseName, Err: fmt.Errorf("%s does not remember the name of its base: name the new one with --run-image REF", image)}
	}
	if err := base.CheckRunImage(ref); err != nil {
		return namedBase{}, err
	}
	open := stacks.Opener.OpenNearest
	if base.Ours(ref) {
		open = stacks.RunImage
	}
	opened, err := open(ctx, ref)
	return namedBase{Base: opened, ref: ref}, err
}

// ownBase is what the image itself says that it stands on, empty where it says
// nothing.
func ownBase(app oci.Base) (string, error) {
	name, err := rebase.DefaultBase(app)
	if err != nil {
		return "", err
	}
	if name != "" {
		return "docker://" + strings.TrimPrefix(name, "docker://"), nil
	}
	on, err := base.Describe(app.Image)
	if err != nil || on.ID == "" {
		return "", err
	}
	return on.ID + ":" + on.Variant, nil
}

// sourceDate is SOURCE_DATE_EPOCH for a command, the zero time when it is not set
// (Reproducible Builds, "SOURCE_DATE_EPOCH specification").
func (p *program) sourceDate(command string) (time.Time, error) {
	const variable = "SOURCE_DATE_EPOCH"
	value := p.env.Get(variable)
	if value == "" {
		return time.Time{}, nil
	}
	seconds, err := strconv.ParseInt(value, 10, 64)
	if err != nil || seconds < 0 {
		return time.Time{}, &cli.UsageError{Command: command, Err: fmt.Errorf("%s=%s: expected seconds since 1970", variable, value)}
	}
	return time.Unix(seconds, 0), nil
}
