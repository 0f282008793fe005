package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slugc/slugc/buildpacks"
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

	clearCache, offline bool
}

// planFlags are the flags that slugc build and slugc detect share.
type planFlags struct {
	buildpacks []string
	vars       environment
	stack      string
	app        string
}

func (f *planFlags) add(c *cobra.Command, p *program) {
	c.Flags().StringArrayVarP(&f.buildpacks, "buildpack", "b", nil, "use this `BUILDPACK`: a builtin id or a directory; several build in order")
	c.Flags().VarP(&f.vars, "env", "e", "set `NAME=VALUE` for the buildpacks, or hand on the caller's NAME")
	c.Flags().StringArrayVar(&f.vars.files, "env-file", nil, "read NAME=VALUE lines from a `FILE`")
	c.Flags().StringVar(&f.stack, "stack", stack.HostID, "build on this `STACK`")
	c.Flags().StringVar(&f.app, "app", "", "the app's `NAME`; by default that of the source directory")
	c.Flags().StringVar(&p.caches, "cache", "", "keep the caches in this `DIR` (SLUGC_CACHE)")
}

func (p *program) buildCommand() *cobra.Command {
	var f buildFlags
	c := &cobra.Command{
		Use:   "build [SOURCE]",
		Short: "Build an app into a slug, an image, or both",
		Long: `Build the app in SOURCE, a directory (by default the current one), into one or
more artifacts. DEST is one of

  slug:FILE               a slug tarball
  oci:DIR[:TAG]           an image in an OCI layout
  oci-archive:FILE        an image in an OCI archive
  docker://REF            an image, pushed to a registry

A release record goes to the file that --metadata names, or to FILE.json beside
a slug. The build runs isolated on the host stack: this machine's own /usr,
read-only, and nothing of home directories, sockets or keys.`,
		Example: `  slugc build
  slugc build ./app -o slug:app.tgz -o oci:app-image
  slugc build -o docker://registry.example/app:v1 --run-image oci:base`,
		Args: arguments(0, 1),
	}
	f.add(c, p)
	c.Flags().StringArrayVarP(&f.dests, "output", "o", nil, "write the artifact to `DEST`; may be repeated (default slug:slug.tgz)")
	c.Flags().StringVar(&f.runImage, "run-image", "", "base of the image, a `REF`: docker://REF, oci:DIR[:TAG], oci-archive:FILE or scratch")
	c.Flags().StringVar(&f.metadata, "metadata", "", "write the release record to this `FILE`")
	c.Flags().StringVar(&f.process, "process", "", "process `TYPE` that the artifact starts by default")
	c.Flags().StringVar(&f.maxSize, "max-slug-size", "500M", "refuse a slug above this `SIZE`; 0 refuses none")
	c.Flags().BoolVar(&f.clearCache, "clear-cache", false, "forget what earlier builds left")
	c.Flags().BoolVar(&f.offline, "offline", false, "cut the network off while buildpacks build")
	c.RunE = interruptible(func(ctx context.Context, args []string) error { return p.build(ctx, args, f) })
	return c
}

func (p *program) build(ctx context.Context, args []string, f buildFlags) error {
	req, err := p.request("slugc build", args, &f.planFlags)
	if err != nil {
		return err
	}
	if len(f.dests) == 0 {
		f.dests = []string{slugPrefix + defaultSlug}
	}
	if req.Forms, err = p.forms(ctx, f, req.Stack.Target); err != nil {
		return err
	}
	req.ClearCache, req.Offline = f.clearCache, f.offline
	req.Outputs = outputs(f.dests)
	req.Process = f.process
	req.Metadata = f.metadata
	if req.Metadata == "" {
		req.Metadata = besideSlug(f.dests)
	}
	if err := distinct(f.dests, req.Metadata); err != nil {
		return err
	}
	if err := release.Check(req.Metadata); err != nil {
		return &deploy.PackError{Err: err}
	}
	// A build without -o may have left these; nobody means them to be packed.
	own := filepath.Join(req.Source, defaultSlug)
	req.Outputs = append(req.Outputs, req.Metadata, own, own+recordSuffix)
	d, err := p.deploy()
	if err != nil {
		return err
	}
	record, err := d.Build(ctx, req)
	if _, failed := errors.AsType[*buildpacks.CompileError](err); failed && f.offline {
		p.voice.Warningf("The network is cut off (--offline): a build finds only what earlier builds left in the cache.")
	}
	if err != nil {
		return err
	}
	var made strings.Builder
	for _, a := range record.Artifacts {
		fmt.Fprintf(&made, "       %s  %s  %s\n", typed(a), cli.Bytes(a.Size), a.Digest)
	}
	p.voice.Result(made.String(), cli.Fields{"release": record})
	return nil
}

// request reads what slugc build and slugc detect share.
func (p *program) request(command string, args []string, f *planFlags) (deploy.Request, error) {
	source := "."
	if len(args) > 0 {
		source = args[0]
	}
	if source == "" {
		return deploy.Request{}, &cli.UsageError{Command: command, Err: errors.New("SOURCE is empty; expected a directory, or nothing for the current one")}
	}
	if f.stack != stack.HostID {
		return deploy.Request{}, &cli.UsageError{Command: command, Err: fmt.Errorf("--stack %s: this version knows the %s stack only", f.stack, stack.HostID)}
	}
	host, err := stack.Host()
	if err != nil {
		return deploy.Request{}, err
	}
	env, err := f.vars.read(p.env.Get)
	if err != nil {
		return deploy.Request{}, &cli.UsageError{Command: command, Err: err}
	}
	root, err := p.cacheRoot()
	if err != nil {
		return deploy.Request{}, err
	}
	return deploy.Request{
		Source: source, App: f.app, Buildpacks: f.buildpacks, Stack: host,
		Env: p.clientEnv(env), CacheRoot: root,
	}, nil
}

// deploy is the road of this process.
func (p *program) deploy() (deploy.Deploy, error) {
	exe, err := executable()
	if err != nil {
		return deploy.Deploy{}, err
	}
	clients, err := p.clients()
	if err != nil {
		return deploy.Deploy{}, err
	}
	return deploy.Deploy{
		Runner: sandbox.Namespaces{CACert: p.env.Get("SSL_CERT_FILE")},
		Voice:  p.voice,
		Progress: func(label string) (func(done, total int64), func()) {
			live := p.voice.Live(label)
			return live.Progress, live.Stop
		},
		Output:  func() deploy.Output { return p.voice.Writer(nil) },
		Exe:     exe,
		Clients: clients,
	}, nil
}
