package runtime

import (
	"fmt"
	"time"

	"github.com/slugc/slugc/buildpacks/runtime/npm"
	"github.com/slugc/slugc/stack/debian/control"
)

// Request is which runtime is wanted, and for what machine.
type Request struct {
	// Runtime is its name in the catalogue.
	Runtime string
	// Constraint is which versions are wanted. The zero one is the catalogue's
	// default.
	Constraint Constraint
	// Prefer are lines to choose from where the constraint allows several, best
	// first. None are those of the catalogue.
	Prefer []Constraint
	// Arch is the architecture to run on, as GOARCH.
	Arch string
	// Parts are parts that are wanted as well: "headers", "dev".
	Parts []string
	// Packages are Debian packages that are wanted as well, where the runtime
	// comes from Debian: a library that an extension needs. {major} and
	// {minor} in a name are those of the runtime.
	Packages []string
}

// Release is one version of a runtime in a registry: all that is needed to
// install it, now or later. It has a JSON form.
type Release struct {
	Runtime string `json:"runtime"`
	// Title is the runtime's name for people.
	Title string `json:"title"`
	// Version has three numbers.
	Version string `json:"version"`
	Arch    string `json:"arch"`
	// PURL is the package as a package URL. It names no registry's address.
	PURL string `json:"purl"`
	// Integrity is what the registry's checksum is: "sha512-...", "h1:...", or
	// "sha256:..." of the list of all Debian packages. It is empty when the
	// settings say that it is not to be checked.
	Integrity string `json:"integrity"`
	// Size is what has to be downloaded, in bytes, 0 when the registry does not
	// say.
	Size int64 `json:"size,omitempty"`
	// Patched is the day of the version's patch level when no fixes are made
	// for it, and zero otherwise.
	Patched time.Time `json:"patched,omitzero"`
	// Parts are the parts that are installed with it.
	Parts []string `json:"parts,omitempty"`
	// Packages are the Debian packages that it is made of, sorted by name.
	Packages []control.Package `json:"packages,omitempty"`
	// Manifest is the npm package that it is.
	Manifest *npm.Manifest `json:"manifest,omitempty"`
	// Stale is why the registry could not be asked, when this is what it said
	// at an earlier time.
	Stale error `json:"-"`
	// PassedOver is why a source that is preferred to this one could not be
	// asked.
	PassedOver error `json:"-"`
	// Source is the place of the source in the catalogue's entry.
	Source int `json:"source"`
}

// Age says for a person how old the patch level of a release is, when nobody
// makes fixes for it, and "" otherwise.
func (r Release) Age(now time.Time) string {
	if r.Patched.IsZero() {
		return ""
	}
	months := int(now.Sub(r.Patched).Hours() / (24 * 365.25 / 12))
	old := fmt.Sprintf("%d months old", months)
	switch {
	case months < 1:
		old = "less than a month old"
	case months == 1:
		old = "a month old"
	case months >= 24:
		old = fmt.Sprintf("%d years old", months/12)
	}
	return fmt.Sprintf("%s %s has the fixes of %s: it is %s, and this source brings no later ones",
		r.Title, r.Version, r.Patched.Format(time.DateOnly), old)
}

// String is the release for people.
func (r Release) String() string { return r.Title + " " + r.Version }
