package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/slugc/slugc/buildpacks/fetch"
	"github.com/slugc/slugc/cmd/internal/cli"
	"github.com/slugc/slugc/release"
	"github.com/slugc/slugc/release/formation/control"
	"github.com/slugc/slugc/release/hook"
	"github.com/slugc/slugc/release/hook/commits"
	"github.com/slugc/slugc/release/ledger"
	"github.com/slugc/slugc/release/queue"
	httpserver "github.com/slugc/slugc/release/serve"
	"github.com/slugc/slugc/stack/download"
	"github.com/slugc/slugc/stack/untar"
)

// serveFlags are those of slugc serve.
type serveFlags struct {
	listen        string
	cert, key     string
	behindProxy   bool
	tokenFile     string
	workers       int
	limit, grace  time.Duration
	largestSource string
	address       string
	again         bool
}

func (p *program) serveCommand() *cobra.Command {
	var f serveFlags
	c := &cobra.Command{
		Use:   "serve",
		Short: "Build and release what webhooks and people send, with a page about it",
		Long: `Take webhooks of GitHub, GitLab, Gitea and Forgejo and source archives, build them in
their order, and release what succeeds. A page shows apps, releases, processes and
builds with their logs, live; every address of it is JSON for programs.

Programs have a token, which is made when the server first starts, and people sign in
with it. Webhooks have a secret each: slugc hooks add APP makes it.

The server listens on this machine alone. Others reach it by TLS: with --tls-cert
and --tls-key, or through a proxy before it (--behind-tls-proxy).`,
		Example: `  slugc serve
  slugc hooks add shop --repository https://git.example.com/shop.git
  tar -cz . | curl --data-binary @- -H "Authorization: Bearer $(cat $SLUGC_HOME/serve-token)" \
    http://127.0.0.1:8080/apps/shop/builds`,
		Args: arguments(0, 0),
	}
	c.Flags().StringVar(&f.listen, "listen", "127.0.0.1:8080", "take requests at this `HOST:PORT`")
	c.Flags().StringVar(&f.cert, "tls-cert", "", "the certificate for TLS, a PEM `FILE`; it is read again when it is renewed")
	c.Flags().StringVar(&f.key, "tls-key", "", "the key of the certificate, a PEM `FILE`")
	c.Flags().BoolVar(&f.behindProxy, "behind-tls-proxy", false, "others reach the server through a proxy that speaks TLS with them")
	c.Flags().StringVar(&f.tokenFile, "token-file", "", "the `FILE` with the token (default $SLUGC_HOME/serve-token, which is made)")
	c.Flags().StringVar(&f.address, "address", "", "the `URL` at which others reach the server, for links in commit statuses")
	c.Flags().IntVar(&f.workers, "workers", 0, "run this `NUMBER` of builds at once (default one for two processors)")
	c.Flags().DurationVar(&f.limit, "build-limit", time.Hour, "end a build that takes longer than this `DURATION`")
	c.Flags().DurationVar(&f.grace, "grace", 30*time.Second, "let builds go on for this `DURATION` when the server is told to end")
	c.Flags().StringVar(&f.largestSource, "max-source", "1G", "refuse a source archive above this `SIZE`")
	c.Flags().BoolVar(&f.again, "again", true, "order a build again that did not end because its server did")
	p.addCache(c)
	c.RunE = p.atDesk(func(ctx context.Context, d desk, _ []string) error { return p.serve(ctx, d, f) })
	return c
}

// serve runs until ctx ends, which is how it is to end.
func (p *program) serve(ctx context.Context, d desk, f serveFlags) (err error) {
	if err := f.check(); err != nil {
		return err
	}
	largest, err := cli.ParseBytes(f.largestSource)
	if err != nil {
		return serveMisused(fmt.Errorf("--max-source: %w", err), "")
	}
	token, err := p.serveToken(d, f.tokenFile)
	if err != nil {
		return serveMisused(err, "")
	}
	store, err := d.Queue(0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	server, err := httpserver.New(httpserver.Settings{
		Store: store, Book: d.Ledger, Rules: d.Ledger, Token: token, Author: p.author(), Voice: p.voice,
		Maker: func(author string, voice release.Voice) release.Maker {
			maker := p.releaseMaker(d)
			maker.Author, maker.Voice = author, voice
			return maker
		},
		Formation: func(app string) control.Client { return control.Client{Dir: d.runDir(app)} },
		Slug:      d.slugs.Path,
		Sources:   filepath.Join(store.Dir(), "sources"), Sizes: filepath.Join(d.home, "sizes"),
		Secure: f.cert != "" || f.behindProxy, LargestSource: largest,
	})
	if err != nil {
		return err
	}
	engine, err := p.serveEngine(d, store, f)
	if err != nil {
		return err
	}
	client, err := download.Network{Proxies: download.ProxiesFrom(p.env), CAFiles: p.caFiles()}.Client()
	if err != nil {
		return err
	}
	listener, url, err := serveDoor(ctx, f)
	if err != nil {
		return serveMisused(err, "slugc serve --listen 127.0.0.1:PORT")
	}
	p.voice.Stepf("Taking requests on %s", url)
	warn := func(err error) { p.voice.Warningf("%v", err) }
	tell := httpserver.StatusPoster(d.Ledger, hook.Statuses{Client: client}, strings.TrimSuffix(f.address, "/"), warn)
	return p.serveTogether(ctx, f.grace,
		func(ctx context.Context) error { return server.Answer(ctx, listener) },
		server.Watch,
		func(ctx context.Context) error { return server.Tell(ctx, tell) },
		func(ctx context.Context) error { engine.Run(ctx); return nil },
	)
}

// serveTogether runs the parts of a server until ctx ends, which is how it is to end, or one
// of them fails.
func (p *program) serveTogether(ctx context.Context, grace time.Duration, parts ...func(context.Context) error) error {
	group, within := errgroup.WithContext(ctx)
	for _, part := range parts {
		group.Go(func() error { return part(within) })
	}
	group.Go(func() error {
		<-within.Done()
		if ctx.Err() != nil {
			p.voice.Stepf("Stopping; builds have %s to end", grace)
		}
		return nil
	})
	if err := group.Wait(); ctx.Err() == nil || !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// serveMisused says that slugc serve cannot serve as it is asked to.
func serveMisused(err error, next string) error {
	return &cli.UsageError{Command: "slugc serve", Err: err, Next: next}
}

// check refuses to let others read the token on its way.
func (f serveFlags) check() error {
	if (f.cert == "") != (f.key == "") {
		return serveMisused(errors.New("--tls-cert and --tls-key go together"), "")
	}
	if !httpserver.Loopback(f.listen) && f.cert == "" && !f.behindProxy {
		return serveMisused(fmt.Errorf("--listen %s: others would reach it, and could read the token on its way", f.listen),
			"slugc serve --listen "+f.listen+" --tls-cert FILE --tls-key FILE, or --behind-tls-proxy where a proxy does that")
	}
	return nil
}

// serveEngine builds what is ordered, and says when a build begins and ends.
func (p *program) serveEngine(d desk, store *ledger.Queue, f serveFlags) (queue.Engine, error) {
	engine, err := p.engine(store, withArchives(p.sources(commits.Incoming{}, d.Ledger)))
	if err != nil {
		return queue.Engine{}, err
	}
	engine.Most, engine.Limit, engine.Grace, engine.Again = f.workers, f.limit, f.grace, f.again
	engine.Began = func(b queue.Build) { p.voice.Detailf("Build %d of %s began", b.ID, b.App) }
	engine.Ended = func(b queue.Build) {
		p.voice.Detailf("%s", strings.TrimSpace(fmt.Sprintf("Build %d of %s %s %s", b.ID, b.App, b.Status, httpserver.Plain(b.Reason))))
	}
	return engine, nil
}

// serveToken reads the token, or makes it.
func (p *program) serveToken(d desk, file string) (string, error) {
	if file != "" {
		return httpserver.ReadToken(file)
	}
	file = filepath.Join(d.home, "serve-token")
	token, made, err := httpserver.OwnToken(file)
	if err != nil {
		return "", err
	}
	p.voice.Redact(token)
	if made {
		p.voice.Stepf("Made the token of this server: %s", file)
	} else {
		p.voice.Detailf("The token is in %s", file)
	}
	return token, nil
}

// serveDoor opens the port.
func serveDoor(ctx context.Context, f serveFlags) (net.Listener, string, error) {
	var config *tls.Config
	if f.cert != "" {
		var err error
		if config, err = (&httpserver.Certificate{CertFile: f.cert, KeyFile: f.key}).Config(); err != nil {
			return nil, "", err
		}
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", f.listen)
	if err != nil {
		return nil, "", err
	}
	if config != nil {
		return tls.NewListener(listener, config), "https://" + listener.Addr().String(), nil
	}
	return listener, "http://" + listener.Addr().String(), nil
}

// withArchives unpacks source archives, and has everything else checked out.
func withArchives(others checkout) checkout {
	return func(ctx context.Context, s queue.Source, dir string, out io.Writer) error {
		if s.Kind != queue.Archive {
			fmt.Fprintf(out, "-----> Fetching %s of %s\n", s.Commit[:min(len(s.Commit), 12)], httpserver.Plain(s.Location))
			return others(ctx, s, dir, out)
		}
		if err := unpackSource(ctx, s.Location, dir, sourceLimits()); err != nil {
			return err
		}
		return isAppDirectory(dir, s.Directory)
	}
}

// sourceLimits are those of a source archive.
func sourceLimits() untar.Limits {
	return untar.Limits{Entries: 500_000, Bytes: 4 << 30, FileBytes: 2 << 30}
}

// unpackSource unpacks a source archive. What has all in one folder, as forges make it, is
// what is in the folder.
func unpackSource(ctx context.Context, file, dir string, limits untar.Limits) error {
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("reading the source archive: %w", err)
	}
	defer f.Close()
	if err := fetch.Unpack(ctx, f, dir, limits); err != nil {
		return fmt.Errorf("unpacking the source archive: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || !entries[0].IsDir() {
		return err
	}
	// By way of a name that nothing in the folder has.
	top := filepath.Join(dir, rand.Text())
	if err := os.Rename(filepath.Join(dir, entries[0].Name()), top); err != nil {
		return err
	}
	if entries, err = os.ReadDir(top); err != nil {
		return err
	}
	for _, entry := range entries {
		if err := os.Rename(filepath.Join(top, entry.Name()), filepath.Join(dir, entry.Name())); err != nil {
			return err
		}
	}
	return os.Remove(top)
}
