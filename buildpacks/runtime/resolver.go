package runtime

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/slugc/slugc/buildpacks/runtime/goproxy"
	"github.com/slugc/slugc/buildpacks/runtime/npm"
	"github.com/slugc/slugc/stack/download"
)

// Resolver finds and installs runtimes. A registry that is nil is one that
// cannot be asked: runtimes that come from it alone are missing.
type Resolver struct {
	Catalogue Catalogue
	NPM       *npm.Registry
	Modules   *goproxy.Proxy
	Debian    *Debian
	// Without says, by the kind of a source ("npm", "module", "debian"), why its
	// registry is nil.
	Without map[string]error
	// Answers, when set, remembers what npm registries said.
	Answers *npm.Answers
	// Cache is a directory for what was downloaded, by checksum. Empty keeps
	// nothing.
	Cache string
	// Certificates are the authorities that Java trusts, in PEM form.
	Certificates []byte
	// Progress, when set, is told the bytes that arrived and how many there will
	// be, -1 when that is not known.
	Progress func(done, total int64)
}

// wish is a request for one source.
type wish struct {
	Request
	entry   Entry
	source  Source
	machine machine
	// preferred are ranges to choose from first.
	preferred []npm.Range
}

// carrier is a kind of source: what resolves and installs from it. Resolve
// returns a *MissingError when there is no version in the constraint.
type carrier interface {
	resolve(ctx context.Context, w wish) (Release, error)
	// install makes a directory with the release.
	install(ctx context.Context, w wish, r Release, dir string) error
}

// Resolve settles the version of a runtime and where it comes from. It returns
// a *MissingError when no source has a version in the constraint.
func (r *Resolver) Resolve(ctx context.Context, q Request) (Release, error) {
	w, err := r.wish(q)
	if err != nil {
		return Release{}, err
	}
	none := &MissingError{Title: w.entry.Title, Constraint: w.Constraint.String(), Arch: q.Arch}
	var versions []string
	without := map[string]error{}
	for i, source := range w.entry.Sources {
		from := r.carrier(source)
		if from == nil {
			if reason := r.Without[source.Kind]; reason != nil {
				without[source.Kind] = reason
			}
			continue
		}
		w.source = source
		release, err := from.resolve(ctx, w)
		var missing *MissingError
		if errors.As(err, &missing) {
			for _, where := range missing.Where {
				if !slices.Contains(none.Where, where) {
					none.Where = append(none.Where, where)
				}
			}
			versions = append(versions, missing.Nearest...)
			continue
		}
		if err != nil {
			return Release{}, fmt.Errorf("settling the version of %s: %w", w.entry.Title, err)
		}
		release.Runtime, release.Title, release.Arch, release.Source = q.Runtime, w.entry.Title, q.Arch, i
		release.Parts = slices.Clone(q.Parts)
		release.PassedOver = reasons(without)
		return release, nil
	}
	none.Nearest = w.Constraint.allowed.Nearest(versions, 3)
	switch {
	case len(none.Where) > 0 && len(without) > 0:
		// Where it may be, nobody could look.
		return Release{}, &download.Error{Fault: download.App, Err: fmt.Errorf("%w\n%w", none, reasons(without))}
	case len(without) > 0:
		return Release{}, fmt.Errorf("settling the version of %s: %w", w.entry.Title, reasons(without))
	case len(none.Where) == 0:
		return Release{}, fmt.Errorf("settling the version of %s: none of the registries that carry it is set up here", w.entry.Title)
	}
	return Release{}, &download.Error{Fault: download.App, Err: none}
}

// reasons are some errors as one, nil when there are none.
func reasons(without map[string]error) error {
	var all []error
	for _, kind := range slices.Sorted(maps.Keys(without)) {
		all = append(all, without[kind])
	}
	return errors.Join(all...)
}

// wish completes a request with what the catalogue says.
func (r *Resolver) wish(q Request) (wish, error) {
	entry, err := r.Catalogue.entry(q.Runtime)
	if err != nil {
		return wish{}, err
	}
	w := wish{Request: q, entry: entry}
	if w.machine, err = machineOf(entry.Title, q.Arch); err != nil {
		return wish{}, err
	}
	if w.Constraint.isZero() {
		if w.Constraint, err = entry.constraint(entry.Default); err != nil {
			return wish{}, err
		}
	}
	if w.Prefer == nil && !w.Constraint.newest {
		for _, text := range entry.Prefer {
			line, err := entry.constraint(text)
			if err != nil {
				return wish{}, err
			}
			w.Prefer = append(w.Prefer, line)
		}
	}
	for _, line := range w.Prefer {
		w.preferred = append(w.preferred, line.allowed)
	}
	return w, nil
}

// best is the version to take of some that a source has, "" when none is in
// the constraint.
func (w wish) best(versions []string) string {
	var allowed []string
	for _, version := range versions {
		if w.Constraint.Allows(version) {
			allowed = append(allowed, version)
		}
	}
	for _, line := range slices.Concat(w.preferred, []npm.Range{w.Constraint.allowed}) {
		if best := line.Best(allowed); best != "" {
			return best
		}
	}
	return ""
}

// missing is the error for a source whose versions are all outside of the
// constraint. Where is the source's registry.
func (w wish) missing(where string, versions []string) error {
	return &MissingError{Title: w.entry.Title, Constraint: w.Constraint.String(), Arch: w.Arch, Where: []string{where}, Nearest: versions}
}

// carrier is what asks the registry of a source, nil when there is none.
func (r *Resolver) carrier(s Source) carrier {
	switch {
	case s.Kind == kindNPM && r.NPM != nil:
		return npmCarrier{r}
	case s.Kind == kindModule && r.Modules != nil:
		return moduleCarrier{r}
	case s.Kind == kindDebian && r.Debian != nil:
		return debianCarrier{r}
	}
	return nil
}

// selects tells whether a file is among those of a list in the catalogue, in
// which a name that ends in a slash is a directory.
func selects(list []string, name string) bool {
	return slices.ContainsFunc(list, func(wanted string) bool {
		return name == wanted || strings.HasSuffix(wanted, "/") && strings.HasPrefix(name, wanted)
	})
}
