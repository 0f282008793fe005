package runtime

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/git-pkgs/purl"
	"golang.org/x/mod/module"

	"github.com/slugc/slugc/buildpacks/runtime/goproxy"
)

// moduleCarrier brings runtimes from Go modules.
type moduleCarrier struct{ *Resolver }

// edition is a version of a module that carries a version of a runtime.
type edition struct {
	// number is the runtime's version.
	number string
	module string
	date   time.Time
}

// maxRefused is how many listed versions may turn out not to be handed out
// before a search ends: mirrors list more than they have.
const maxRefused = 8

func (c moduleCarrier) resolve(ctx context.Context, w wish) (Release, error) {
	listed, stale, err := c.Modules.Versions(ctx, w.source.Module)
	if err != nil {
		return Release{}, err
	}
	editions, err := w.editions(append(listed, w.source.Known...))
	if err != nil {
		return Release{}, err
	}
	if exact, is := w.Constraint.allowed.Exact(); is && !strings.Contains(w.source.Version, "{date}") &&
		!slices.ContainsFunc(editions, func(e edition) bool { return e.number == exact }) {
		// What is not listed may be there.
		editions = append(editions, edition{number: exact, module: filler(w.machine, exact).Replace(w.source.Version)})
	}
	for range maxRefused {
		var numbers []string
		for _, e := range editions {
			numbers = append(numbers, e.number)
		}
		best := w.best(numbers)
		if best == "" {
			return Release{}, w.missing(c.Modules.Config.String(), numbers)
		}
		// Of several editions of a version, the last is the newest.
		at := len(numbers) - 1 - slices.Index(reversed(numbers), best)
		chosen := editions[at]
		m := module.Version{Path: w.source.Module, Version: chosen.module}
		if stale == nil {
			var missing *goproxy.MissingError
			err := c.Modules.Has(ctx, m)
			if errors.As(err, &missing) {
				editions = slices.Delete(editions, at, at+1)
				continue
			}
			if err != nil {
				return Release{}, err
			}
		}
		sum, err := c.Modules.Sum(ctx, m)
		if err != nil {
			return Release{}, err
		}
		release := Release{Version: best, PURL: purl.BuildPURLString("golang", m.Path, m.Version, ""), Integrity: sum, Stale: stale}
		if w.source.Frozen {
			release.Patched = chosen.date
		}
		return release, nil
	}
	return Release{}, w.missing(c.Modules.Config.String(), nil)
}

func reversed(texts []string) []string {
	texts = slices.Clone(texts)
	slices.Reverse(texts)
	return texts
}

// editions reads what versions of a module say about the runtime in them.
// Those for other machines are left out.
func (w wish) editions(versions []string) ([]edition, error) {
	// The words are put in after the rest was quoted.
	form := regexp.QuoteMeta(strings.NewReplacer("{version}", "\x01", "{date}", "\x02", "{build}", "\x03", "{arch}", w.machine.arch).
		Replace(w.source.Version))
	form = strings.NewReplacer(
		"\x01", `(?P<version>[0-9][0-9a-z.]*)`, "\x02", `(?P<date>[0-9]{8})`, "\x03", `(?P<build>[0-9]+)`,
	).Replace(form)
	pattern, err := regexp.Compile("^" + form + "$")
	if err != nil {
		return nil, fmt.Errorf("reading the catalogue of runtimes: the version %q: %w", w.source.Version, err)
	}
	slices.Sort(versions)
	var editions []edition
	for _, version := range slices.Compact(versions) {
		match := pattern.FindStringSubmatch(version)
		if match == nil {
			continue
		}
		e := edition{number: number(match[pattern.SubexpIndex("version")]), module: version}
		if at := pattern.SubexpIndex("date"); at > 0 {
			if e.date, err = time.Parse("20060102", match[at]); err != nil {
				continue
			}
		}
		if e.number != "" {
			editions = append(editions, e)
		}
	}
	return editions, nil
}

func (c moduleCarrier) install(ctx context.Context, w wish, r Release, dir string) error {
	parsed, err := purl.Parse(r.PURL)
	if err != nil {
		return fmt.Errorf("reading the package URL %s: %w", r.PURL, err)
	}
	m := module.Version{Path: path.Join(parsed.Namespace, parsed.Name), Version: parsed.Version}
	if m.Path != w.source.Module {
		return fmt.Errorf("the release %s is not of the module %s", r.PURL, w.source.Module)
	}
	sum, isSum := strings.CutPrefix(r.Integrity, "h1:")
	if c.Cache == "" || !isSum {
		return c.once(ctx, w, r, m, dir)
	}
	decoded, err := base64.StdEncoding.DecodeString(sum)
	if err != nil {
		return fmt.Errorf("reading the checksum of %s: %w", r.PURL, err)
	}
	name := "go/" + hex.EncodeToString(decoded) + ".zip"
	file := filepath.Join(c.Cache, filepath.FromSlash(name))
	_, missing := os.Stat(file)
	if err = c.kept(ctx, w, r, m, name, dir); err != nil && missing == nil && ctx.Err() == nil {
		// It may be the cache that is damaged.
		err = c.kept(ctx, w, r, m, name, dir)
	}
	return err
}

// once installs a module of which nothing is kept.
func (c moduleCarrier) once(ctx context.Context, w wish, r Release, m module.Version, dir string) (err error) {
	file, err := c.fetched(filepath.Dir(dir), func(to *os.File) error { return c.Modules.Save(ctx, m, to, c.Progress) })
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(file)) }()
	return c.unzip(ctx, w, r, m, file, dir)
}

// kept installs a module through the cache. A file that turns out to be
// another one is removed from there.
func (c moduleCarrier) kept(ctx context.Context, w wish, r Release, m module.Version, name, dir string) error {
	fetch := func(to *os.File) error { return c.Modules.Save(ctx, m, to, c.Progress) }
	// A module is hashed while it is unpacked.
	file, err := c.cached(name, fetch, func(*os.File) error { return nil })
	if err != nil {
		return err
	}
	defer file.Close()
	if err := c.unzip(ctx, w, r, m, file.Name(), dir); err != nil {
		return errors.Join(err, removed(file.Name()), os.RemoveAll(dir))
	}
	return nil
}

// unzip unpacks a module that is the runtime's tree, or one that embeds it.
func (c moduleCarrier) unzip(ctx context.Context, w wish, r Release, m module.Version, file, dir string) (err error) {
	selection := goproxy.Selection{MaxFiles: maxFiles, MaxBytes: maxSize}
	selection.Executable = func(name string) bool {
		return slices.ContainsFunc(w.source.Executable, func(pattern string) bool {
			matches, err := path.Match(pattern, name)
			return err == nil && matches
		})
	}
	tree := dir
	embedded := filler(w.machine, r.Version).Replace(w.source.Embedded)
	if embedded != "" {
		tree = dir + ".module"
		defer func() { err = errors.Join(err, os.RemoveAll(tree)) }()
		selection.Wants = func(name string) bool { return strings.HasPrefix(name, embedded+"/") }
	}
	if err := os.Mkdir(tree, 0o755); err != nil {
		return err
	}
	if _, err := goproxy.Unpack(ctx, file, m, r.Integrity, tree, selection); err != nil {
		return err
	}
	if embedded == "" {
		return nil
	}
	if err := unembed(ctx, filepath.Join(tree, filepath.FromSlash(embedded)), dir); err != nil {
		return fmt.Errorf("unpacking %s: %w", m, err)
	}
	return nil
}
