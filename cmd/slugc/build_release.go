package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slugc/slugc/buildpacks/project"
	"github.com/slugc/slugc/cmd/internal/cli"
	"github.com/slugc/slugc/release"
)

// buildAndRelease builds an app and releases what came out. What would keep it from
// being released is found before anybody waits for a build, as far as it can be.
func (p *program) buildAndRelease(ctx context.Context, s source, f buildFlags) (err error) {
	wrong := func(problem string) error {
		return &cli.UsageError{Command: "slugc build", Err: errors.New(problem)}
	}
	if s.app == "" {
		return wrong("--release needs the name of the app: --app NAME; where the app is a directory of SOURCE, --directory DIR says which")
	}
	if err := release.CheckApp(s.app); err != nil {
		return &cli.UsageError{Command: "slugc build", Err: fmt.Errorf("--app %w", err)}
	}
	if len(f.dests) == 0 {
		f.dests = []string{slugPrefix + defaultSlug}
	}
	dest := f.released()
	if dest == "" {
		return wrong("--release takes a slug or an image, and a daemon's is not kept; add -o slug:FILE")
	}
	d, err := p.desk(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	if err := wantsMet(ctx, d, s.app, filepath.Join(s.Dir, s.subdir), f.as); err != nil {
		return err
	}
	record, err := p.build(ctx, s, f)
	if err != nil {
		return err
	}
	if file, is := strings.CutPrefix(dest, slugPrefix); is {
		return p.releaseSlug(ctx, d, s.app, file, &record, f.as)
	}
	return p.releaseImage(ctx, d, s.app, dest, &record, f.as)
}

// released is the destination that is released: the first slug, else the first image;
// empty where there is neither.
func (f *buildFlags) released() string {
	for _, transport := range append([]string{slugPrefix}, imageTransports...) {
		if i := slices.IndexFunc(f.dests, func(dest string) bool { return strings.HasPrefix(dest, transport) }); i >= 0 {
			return f.dests[i]
		}
	}
	return ""
}

// wantsMet says what the config of an app lacks that the app.json of a source wants,
// as a *release.NeedsError. A source without one wants nothing.
func wantsMet(ctx context.Context, d desk, app, source string, as releaseFlags) error {
	wants, err := project.ReadWants(source)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return &cli.UsageError{Command: "slugc build", Err: err}
	}
	config := release.Config{}
	current, err := d.Current(ctx, app)
	if err == nil {
		config, err = d.Config(ctx, current)
	}
	if _, none := errors.AsType[*release.UnknownError](err); err != nil && !none {
		return err
	}
	offer := release.Offer{Needs: release.Needs{Variables: wants.Variables, Addons: wants.Addons}}.With(nil).Without(as.without)
	_, err = offer.Needs.Settle(app, config, release.NewSecret)
	return err
}
