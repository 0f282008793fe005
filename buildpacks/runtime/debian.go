package runtime

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/git-pkgs/purl"

	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/debian/control"
	"github.com/slugc/slugc/stack/debian/deb"
	"github.com/slugc/slugc/stack/debian/repository"
	"github.com/slugc/slugc/stack/debian/resolve"
	"github.com/slugc/slugc/stack/download"
	"github.com/slugc/slugc/stack/untar"
)

// Debian is the archive of the distribution that runtimes run on.
type Debian struct {
	Repository repository.Repository
	// Suites are those of the stack: packages of others may want a newer C
	// library.
	Suites []stack.Suite
	// Distribution names it in package URLs, such as debian-13.
	Distribution string
	// Base are the packages of the root filesystem that processes run on,
	// which has less than the one that builds run on. Nothing of them is
	// installed again.
	Base []control.Package

	mu      sync.Mutex
	indexes map[string]listing
}

// listing is what an archive has. Stale is why it is what it said at an earlier
// time.
type listing struct {
	*repository.Index
	stale error
}

// index is what the archive has for an architecture. It is asked once. When it
// does not answer, what it said last is better than nothing.
func (d *Debian) index(ctx context.Context, arch string) (listing, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if known, asked := d.indexes[arch]; asked {
		return known, nil
	}
	found, err := d.Repository.Update(ctx, d.Suites, arch)
	known := listing{Index: found}
	if err != nil && ctx.Err() == nil && download.FaultOf(err) == download.Passing {
		kept := d.Repository
		kept.Offline = true
		if found, keptErr := kept.Update(ctx, d.Suites, arch); keptErr == nil {
			known, err = listing{Index: found, stale: err}, nil
		}
	}
	if err != nil {
		return listing{}, err
	}
	if d.indexes == nil {
		d.indexes = map[string]listing{}
	}
	d.indexes[arch] = known
	return known, nil
}

// String names the archive for messages.
func (d *Debian) String() string {
	names := make([]string, 0, len(d.Suites))
	for _, suite := range d.Suites {
		names = append(names, suite.Name)
	}
	return "the Debian packages of " + strings.Join(names, ", ")
}

// debianCarrier brings runtimes from Debian packages.
type debianCarrier struct{ *Resolver }

func (c debianCarrier) resolve(ctx context.Context, w wish) (Release, error) {
	index, err := c.Debian.index(ctx, w.Arch)
	if err != nil {
		return Release{}, err
	}
	if w.source.Package == "" {
		return c.packages(w, index)
	}
	found, err := w.candidates(index.Index)
	if err != nil {
		return Release{}, err
	}
	numbers := make([]string, 0, len(found))
	for _, p := range found {
		numbers = append(numbers, number(p.Version))
	}
	best := w.best(numbers)
	if best == "" {
		return Release{}, w.missing(c.Debian.String(), numbers)
	}
	chosen := found[slices.Index(numbers, best)]
	packages, err := resolve.Resolve(index.Index, resolve.Request{
		Arch:      w.Arch,
		Wanted:    w.wanted(chosen, best),
		Omit:      fillAll(filler(w.machine, best), w.source.Omit),
		Installed: c.Debian.Base,
	})
	if unknown, is := errors.AsType[*resolve.UnknownPackageError](err); is && slices.Contains(fillAll(filler(w.machine, best), w.Packages), unknown.Name) {
		return Release{}, appError(unknown)
	}
	if err != nil {
		return Release{}, err
	}
	release := Release{
		Version: best,
		PURL:    purl.New("deb", "debian", chosen.Name, chosen.Version, c.Debian.qualifiers(chosen)).String(),
		Stale:   index.stale,
	}
	release.hold(packages)
	return release, nil
}

// packages is a release of the packages that a request names, and of nothing
// else. Its version is that of the distribution.
func (c debianCarrier) packages(w wish, index listing) (Release, error) {
	packages, err := resolve.Resolve(index.Index, resolve.Request{
		Arch: w.Arch, Wanted: w.Packages, Omit: w.source.Omit, Installed: c.Debian.Base,
	})
	if unknown, is := errors.AsType[*resolve.UnknownPackageError](err); is {
		return Release{}, appError(unknown)
	}
	if unmet, is := errors.AsType[*resolve.UnsatisfiableError](err); is {
		return Release{}, appError(unmet)
	}
	if err != nil {
		return Release{}, err
	}
	_, version, _ := strings.Cut(c.Debian.Distribution, "-")
	release := Release{Version: version, Stale: index.stale}
	release.hold(packages)
	return release, nil
}

// hold makes a release one of some packages.
func (r *Release) hold(packages []control.Package) {
	sum := sha256.New()
	for _, p := range packages {
		fmt.Fprintf(sum, "%s  %s\n", p.SHA256, p)
		r.Size += p.Size
	}
	r.Packages, r.Integrity = packages, "sha256:"+hex.EncodeToString(sum.Sum(nil))
}

func (d *Debian) qualifiers(p control.Package) map[string]string {
	q := map[string]string{"arch": p.Architecture}
	if d.Distribution != "" {
		q["distro"] = d.Distribution
	}
	return q
}

// candidates are the packages that carry the runtime, the highest version of
// the archive first.
func (w wish) candidates(index *repository.Index) ([]control.Package, error) {
	name := filler(w.machine, "").Replace(strings.NewReplacer("{major}", "\x01", "{minor}", "\x01").Replace(w.source.Package))
	pattern, err := regexp.Compile("^" + strings.ReplaceAll(regexp.QuoteMeta(name), "\x01", "[0-9]+") + "$")
	if err != nil {
		return nil, fmt.Errorf("reading the catalogue of runtimes: the package %q: %w", w.source.Package, err)
	}
	names := map[string]bool{name: true}
	if strings.Contains(name, "\x01") {
		names = map[string]bool{}
		for name := range index.Names() {
			if pattern.MatchString(name) {
				names[name] = true
			}
		}
	}
	var found []control.Package
	for name := range names {
		versions, err := index.Named(name)
		if err != nil {
			return nil, err
		}
		for _, v := range versions {
			if number(v.Version) != "" {
				found = append(found, v.Package)
			}
		}
	}
	slices.SortFunc(found, func(a, b control.Package) int {
		if order := control.Compare(b.Version, a.Version); order != 0 {
			return order
		}
		return strings.Compare(a.String(), b.String())
	})
	return found, nil
}

// wanted are the packages to ask for by name.
func (w wish) wanted(chosen control.Package, version string) []string {
	more := slices.Clone(w.source.With)
	for _, part := range w.Parts {
		more = append(more, w.source.Parts[part]...)
	}
	more = append(more, w.Packages...)
	return append([]string{chosen.Name + " (= " + chosen.Version + ")"}, fillAll(filler(w.machine, version), more)...)
}

// unwanted are directories of packages that no process reads, and kept the
// licences in them.
func unwanted() stack.Variant {
	return stack.Variant{
		Exclude: []string{
			"/etc/apparmor.d/", "/etc/init.d/", "/etc/logrotate.d/", "/lib/systemd/", "/usr/lib/systemd/", "/usr/lib/tmpfiles.d/",
			"/usr/share/bash-completion/", "/usr/share/bug/", "/usr/share/doc-base/", "/usr/share/doc/", "/usr/share/groff/",
			"/usr/share/info/", "/usr/share/lintian/", "/usr/share/locale/", "/usr/share/man/", "/usr/share/menu/",
		},
		Keep: []string{"/usr/share/doc/*/copyright"},
	}
}

func (c debianCarrier) install(ctx context.Context, w wish, r Release, dir string) error {
	repository := c.Debian.Repository
	if c.Progress != nil {
		repository.Progress = c.Progress
	}
	files, err := repository.Debs(ctx, r.Packages)
	if err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := merge(root); err != nil {
		return err
	}
	_, _, err = deb.Unpack(ctx, files, root, deb.Options{
		Keep:   deb.Selection(unwanted()),
		Limits: untar.Limits{Entries: maxFiles, Bytes: maxSize},
	})
	if err != nil {
		return err
	}
	for _, step := range w.source.Steps {
		if err := steps()[step](site{root: root, resolver: c.Resolver, fill: filler(w.machine, r.Version)}); err != nil {
			return err
		}
	}
	// Scripts may name an interpreter by a link of the catalogue.
	if err := w.link(r, dir); err != nil {
		return err
	}
	return relocate(root)
}
