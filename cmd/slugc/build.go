package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slugc/slugc/build"
	"github.com/slugc/slugc/build/base"
	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/buildpacks/fetch"
	"github.com/slugc/slugc/cmd/internal/cli"
	"github.com/slugc/slugc/release"
	"github.com/slugc/slugc/release/deploy"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/sandbox"
)

// buildFlags are the flags of slugc build.
type buildFlags struct {
	planFlags
	dests    []string
	runImage string
	metadata string
	process  string
	maxSize  string
	// previousImage is where layers may be reused from.
	previousImage string
	// index joins the image with those for other platforms.
	index bool

	// release releases what was made as the app that --app names.
	release bool
	// events is a file for programs.
	events string
	// as says how.
	as releaseFlags

	clearCache, offline, keep bool
	timeout                   time.Duration
}

// planFlags are the flags that slugc build and slugc detect share.
type planFlags struct {
	buildpacks []string
	vars       environment
	secrets    environment
	stack      string
	app        string
	// directory is that of the source that is the app, where app is its name.
	directory string
	execEnv   string
	bindings  []string
}

func (f *planFlags) add(c *cobra.Command, p *program) {
	f.addSite(c, p)
	c.Flags().StringVar(&f.execEnv, "exec-env", buildpacks.DefaultExecEnv, "build for this execution `ENVIRONMENT`, such as test or development")
}

// addSite adds all but the flag for the execution environment.
func (f *planFlags) addSite(c *cobra.Command, p *program) {
	c.Flags().StringArrayVarP(&f.buildpacks, "buildpack", "b", nil, "use this `BUILDPACK`: a builtin id, a directory, FILE.tgz or .cnb, an https or git URL (#REF), docker://REF; several build in order")
	c.Flags().VarP(&f.vars, "env", "e", "set `NAME=VALUE` for the buildpacks, or hand on the caller's NAME")
	c.Flags().StringArrayVar(&f.vars.files, "env-file", nil, "read NAME=VALUE lines from a `FILE`")
	c.Flags().Var(&f.secrets, "secret", "like -e, for a value that nobody may read: never printed, and a build that leaves it in an artifact fails")
	c.Flags().StringArrayVar(&f.bindings, "binding", nil, "let buildpacks use the service binding in `[NAME=]DIR`, or all in DIR; may be repeated")
	c.Flags().StringVar(&f.stack, "stack", stack.HostID, "build on "+stackHelp)
	c.Flags().StringVar(&f.app, "app", "", "the app's `NAME`, by which its cache is found wherever SOURCE is, by default that of the source directory; with a slash in it the directory of SOURCE that is the app, such as ./web")
	p.addCache(c)
	completeStackFlag(c, "stack", stack.HostID)
}

func (p *program) buildCommand() *cobra.Command {
	var f buildFlags
	c := &cobra.Command{
		Use:   "build [SOURCE]",
		Short: "Build an app into a slug, an image, or both",
		Long: `Build the app in SOURCE into one or more artifacts. DEST is one of

  slug:FILE               a slug tarball
  oci:DIR[:TAG]           an image in an OCI layout
  oci-archive:FILE        an image in an OCI archive
  docker://REF            an image, pushed to a registry
  docker-daemon:REPO:TAG  an image, loaded into Docker or Podman

SOURCE is a directory, by default the current one; a .tar, .tar.gz, .tar.zst, .tar.xz or
.zip file; or a git repository, a path or an address, with #REF for a branch, a tag or
a commit. What is not a directory is called by its file or repository, or --app.

With --app DIR, such as ./web or packages/web, the app is that directory of SOURCE,
and all of SOURCE is there: buildpacks work in /app/packages/web, and so does what
the app says about itself, and its processes start there. Each such app has a cache
of its own.

A release record goes to the file that --metadata names, or to FILE.json beside
a slug. The build runs isolated on a stack, by default the host: this machine's
own /usr, read-only, and nothing of home directories, sockets or keys. With
--stack slugc-13 it stands on compilers and tools of Debian 13 instead, whatever
this machine is.

Credentials for registries come from SLUGC_REGISTRY_AUTH, a JSON object like
{"registry.example": "Basic BASE64"}, else from the configuration of docker login.
No buildpack sees them. DOCKER_HOST and the other variables of Docker's clients say
which daemon is meant. An image reuses layers of the one that it replaces, or of
--previous-image, and states the time of creation SOURCE_DATE_EPOCH if it is set.

Build for several platforms on a machine of each, with --index and the same DEST:
their images come together in one image index, whichever is done last.

An image stands on the run image of the stack; for the host stack that is the
one of slugc's stacks that fits this machine. What has to be made for it is made
once and kept.`,
		Example: `  slugc build
  slugc build ./app -o slug:app.tgz -o oci:app-image
  slugc build --app packages/web -o oci:web
  slugc build https://git.example.com/acme/shop.git#v1.2
  slugc build --stack slugc-13 -o oci:app-image
  slugc build --app shop --release
  slugc build -o docker://registry.example/app:v1 --run-image oci:base`,
		Args: arguments(0, 1),
	}
	f.add(c, p)
	c.RunE = interruptible(func(ctx context.Context, args []string) error { return p.buildAsked(ctx, c, args, f) })
	return c
}

// add adds all flags of slugc build.
func (f *buildFlags) add(c *cobra.Command, p *program) {
	f.planFlags.add(c, p)
	c.Flags().Lookup("cache").Usage = buildCacheHelp
	c.Flags().StringArrayVarP(&f.dests, "output", "o", nil, "write the artifact to `DEST`; may be repeated (default slug:slug.tgz)")
	c.Flags().StringVar(&f.runImage, "run-image", "", "base of the image, a `REF`: one of slugc stack list, docker://REF, oci:DIR[:TAG], oci-archive:FILE or scratch")
	completeStackFlag(c, "run-image", "scratch")
	c.Flags().StringVar(&f.previousImage, "previous-image", "", "reuse layers of this image, a `REF` (default what the first image DEST holds)")
	c.Flags().BoolVar(&f.index, "index", false, "make image DESTs an index, or keep it: this image takes the place of that for its platform, those for others stay")
	c.Flags().StringVar(&f.metadata, "metadata", "", "write the release record to this `FILE`")
	c.Flags().StringVar(&f.process, "process", "", "process `TYPE` that the artifact starts by default")
	c.Flags().StringVar(&f.maxSize, "max-slug-size", "500M", "refuse a slug above this `SIZE`; 0 refuses none")
	c.Flags().DurationVar(&f.timeout, "build-timeout", 0, buildTimeoutHelp)
	c.Flags().BoolVar(&f.clearCache, "clear-cache", false, "forget what earlier builds left")
	c.Flags().BoolVar(&f.keep, "keep", false, keepHelp)
	c.Flags().BoolVar(&f.offline, "offline", false, "cut the network off while buildpacks build")
	c.Flags().BoolVar(&f.release, "release", false, "release it as the app that --app NAME says; see slugc release create")
	c.Flags().StringVar(&f.directory, "directory", "", "the `DIR` of SOURCE that is the app, where --app is its name")
	c.Flags().StringVar(&f.events, "events", "", "write what happens to this `FILE`, too, as --json prints it, for programs")
	f.as.addBuild(c)
}

// buildAsked checks what a person asked for, builds it, and releases it if that is asked for.
func (p *program) buildAsked(ctx context.Context, c *cobra.Command, args []string, f buildFlags) (err error) {
	if f.timeout, err = buildTimeout(c, f.timeout); err != nil {
		return err
	}
	if err := p.recordEvents(f.events); err != nil {
		return err
	}
	if err := f.as.check(c, f.release); err != nil {
		return err
	}
	return p.atSource(ctx, c.CommandPath(), args, f.planFlags, func(s source) error {
		if f.release {
			return p.buildAndRelease(ctx, s, f)
		}
		_, err := p.build(ctx, s, f)
		return err
	})
}

func (p *program) build(ctx context.Context, s source, f buildFlags) (record release.Record, err error) {
	if len(f.dests) == 0 {
		f.dests = []string{slugPrefix + defaultSlug}
	}
	if f.metadata == "" {
		f.metadata = besideSlug(f.dests)
	}
	slugs, image, err := p.forms(f)
	if err != nil {
		return record, err
	}
	if err := distinct("slugc build", f.dests, "--metadata", f.metadata); err != nil {
		return record, err
	}
	if err := release.Check(f.metadata); err != nil {
		return record, &deploy.PackError{Err: err}
	}
	stacks := p.stacks(machine(), f.offline)
	defer func() { err = errors.Join(err, stacks.Close()) }()
	req, err := p.request(ctx, "slugc build", s, f.planFlags, stacks)
	if err != nil {
		return record, err
	}
	if len(slugs.Files) > 0 {
		req.Forms = append(req.Forms, slugs)
	}
	if len(image.Destinations) > 0 {
		if image, err = onBase(ctx, image, f, stacks); err != nil {
			return record, err
		}
		if req.Previous, err = p.previous(ctx, f, image.Base.Target); err != nil {
			return record, err
		}
		req.Forms = append(req.Forms, divided(image)...)
	}
	req.ClearCache, req.Offline, req.Keep = f.clearCache, f.offline, f.keep
	req.BuildTimeout = f.timeout
	req.Outputs = slices.Concat(outputs(f.dests), []string{f.metadata}, s.leftOutputs())
	req.Process = f.process
	req.Metadata = f.metadata
	d, err := p.deploy(req.Stack, f.offline)
	if err != nil {
		return record, err
	}
	record, err = d.Build(ctx, req)
	p.sayFailed(err, f.offline)
	if err != nil {
		return record, err
	}
	var made strings.Builder
	for _, a := range record.Artifacts {
		fmt.Fprintf(&made, "       %s  %s  %s\n", typed(a), cli.Bytes(a.Size), a.Digest)
	}
	p.voice.Result(made.String(), cli.Fields{"release": record})
	return record, nil
}

// recordEvents has all events written to a file, too. What is written after this command
// has ended is how it ended, so the file stays open.
func (p *program) recordEvents(file string) error {
	if file == "" {
		return nil
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return &cli.UsageError{Command: "slugc build", Err: fmt.Errorf("--events: %w", err)}
	}
	p.voice.Record(f)
	return nil
}

// leftOutputs are files that a build without -o may have left in a source, or in
// the directory of it that is the app; nobody means them to be part of it.
func (s source) leftOutputs() []string {
	top, own := filepath.Join(s.Dir, defaultSlug), filepath.Join(s.Dir, s.subdir, defaultSlug)
	return []string{top, top + recordSuffix, own, own + recordSuffix}
}

// sayFailed says where a build that failed is kept, and why it may have failed.
func (p *program) sayFailed(err error, offline bool) {
	if left, is := errors.AsType[*deploy.KeptError](err); is {
		p.voice.Warningf("The build is kept as it failed, with the values of its variables, until you remove %s. Open a shell in it: slugc run kept:%s", left.Kept.Dir, left.Kept.Dir)
	}
	if _, failed := errors.AsType[*buildpacks.CompileError](err); failed && offline {
		p.voice.Warningf("The network is cut off (--offline): a build finds only what earlier builds left in the cache.")
	}
}

// What two commands that build say of a flag.
const (
	keepHelp         = "keep what a buildpack that fails worked in, and say how to look into it"
	buildTimeoutHelp = "give up a buildpack that builds for longer than this `DURATION`; 0 waits for ever (default 1h, a classic buildpack 15m)"
)

// forEver is the limit of a build that has none.
const forEver time.Duration = math.MinInt64

// buildTimeout is the limit of a build that --build-timeout asks for.
func buildTimeout(c *cobra.Command, given time.Duration) (time.Duration, error) {
	switch {
	case given < 0:
		return 0, &cli.UsageError{Command: c.CommandPath(), Err: fmt.Errorf("--build-timeout %s: expected 0 or more, such as 30m", given)}
	case given == 0 && c.Flags().Changed("build-timeout"):
		return forEver, nil
	}
	return given, nil
}

// request is what the commands that build ask for alike.
func (p *program) request(ctx context.Context, command string, s source, f planFlags, stacks *base.Stacks) (deploy.Request, error) {
	env, err := f.vars.read(p.env.Get)
	if err != nil {
		return deploy.Request{}, &cli.UsageError{Command: command, Err: err}
	}
	secrets, err := f.secrets.read(p.env.Get)
	if err != nil {
		return deploy.Request{}, &cli.UsageError{Command: command, Err: err}
	}
	p.voice.Redact(slices.Collect(maps.Values(secrets))...)
	maps.Copy(env, secrets)
	if !execEnvForm.MatchString(f.execEnv) {
		return deploy.Request{}, &cli.UsageError{Command: command, Err: fmt.Errorf("--exec-env %q: expected one name, such as production or test", f.execEnv)}
	}
	bindings, _, err := p.bindings(f.bindings)
	if err != nil {
		return deploy.Request{}, &cli.UsageError{Command: command, Err: err}
	}
	root, err := p.cacheRoot()
	if err != nil {
		return deploy.Request{}, err
	}
	remote, err := p.remoteCache(command)
	if err != nil {
		return deploy.Request{}, err
	}
	on, err := stacks.Build(ctx, f.stack)
	if err != nil {
		return deploy.Request{}, err
	}
	return deploy.Request{
		Source: s.Source, App: s.app, Subdir: s.subdir, Buildpacks: f.buildpacks, Stack: on,
		Env: p.clientEnv(env), Secrets: secrets, ExecEnv: f.execEnv, Bindings: bindings, CacheRoot: root, Remote: remote,
	}, nil
}

// execEnvForm is the form of an execution environment's name; the specification
// keeps the slash for itself (CNB Buildpack API 0.12, "Execution Environments").
var execEnvForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// bindings finds the service bindings that flags name. What is in them is never
// printed from now on.
func (p *program) bindings(words []string) (dirs map[string]string, read []build.Binding, err error) {
	if dirs, err = build.FindBindings(words); err == nil {
		read, err = build.ReadBindings(dirs)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("--binding: %w", err)
	}
	p.voice.Redact(build.Secrets(read)...)
	return dirs, read, nil
}

// deploy is the road of this process, on a stack.
func (p *program) deploy(on stack.Stack, offline bool) (deploy.Deploy, error) {
	exe, err := executable()
	if err != nil {
		return deploy.Deploy{}, err
	}
	system, err := p.system()
	if err != nil {
		return deploy.Deploy{}, err
	}
	return deploy.Deploy{
		Runner: sandbox.Namespaces{CACert: p.authorities(on)},
		Voice:  p.voice,
		Progress: func(label string) (func(done, total int64), func()) {
			live := p.voice.Live(label)
			return live.Progress, live.Stop
		},
		Output: func() deploy.Output { return p.voice.Writer(nil) },
		Reported: func(by buildpacks.Descriptor, report buildpacks.Report) {
			p.voice.Emit(cli.Event{Kind: cli.Reported, Text: by.String(), Fields: cli.Fields{"buildpack": by, "report": report}})
		},
		Reused: func(name string, reused bool, why string) {
			p.voice.Emit(cli.Event{Kind: cli.Reused, Text: name, Fields: cli.Fields{"reused": reused, "reason": why}})
		},
		Fetch:   func(ctx context.Context, ref string) (fetch.Package, error) { return p.fetch(ctx, ref, offline) },
		Asked:   strings.Fields(p.env.Get("SLUGC_BUILDPACKS")),
		System:  system,
		Exe:     exe,
		Clients: p.clients(on),
	}, nil
}

// systemBundles is where distributions keep the certificates of authorities.
var systemBundles = []string{
	"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/cert.pem",
}

// authorities is the file of certificates that builds trust: the one that the
// person names, else on a stack of its own this machine's, which may have a
// company's authority that the registries here are signed by.
func (p *program) authorities(on stack.Stack) string {
	if named := p.env.Get("SSL_CERT_FILE"); named != "" || on.Root == "" {
		return named
	}
	for _, file := range systemBundles {
		if _, err := os.Stat(file); err == nil {
			return file
		}
	}
	return ""
}
