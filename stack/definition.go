package stack

import (
	"embed"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// definitions are the stacks that slugc can make, one file each.
//
//go:embed slugc-*.toml
var definitions embed.FS

// Names of the variants that every definition has.
const (
	// Run is what processes run on, and the base of images.
	Run = "run"
	// RunMinimal is Run without a shell and without tools.
	RunMinimal = "run-minimal"
	// Build is what buildpacks build on.
	Build = "build"
)

// Definition is a base image as data: which packages of which suites it is made
// of, and for whom.
type Definition struct {
	// ID names the stack: "slugc-13".
	ID string `toml:"id" json:"id"`
	// Description is a few words for people.
	Description string `toml:"description" json:"description"`
	// DistroName and DistroVersion are ID and VERSION_ID of its os-release.
	DistroName    string `toml:"distro-name" json:"distro_name"`
	DistroVersion string `toml:"distro-version" json:"distro_version"`
	// Codename is what the archive calls the distribution.
	Codename string `toml:"codename" json:"codename"`
	// Glibc is the version of its C library: programs that were built against
	// a newer one do not start on the stack.
	Glibc string `toml:"glibc" json:"glibc"`
	// Archs are the architectures it can be made for, as GOARCH.
	Archs []string `toml:"archs" json:"archs"`
	// User is who processes and buildpacks are.
	User User `toml:"user" json:"user"`
	// Suites are where packages come from; the highest version of all of them
	// wins.
	Suites []Suite `toml:"suite" json:"suites"`
	// Variants are its root filesystems by name.
	Variants map[string]Variant `toml:"variant" json:"variants"`
}

// User is the ordinary user of a stack.
type User struct {
	Name string `toml:"name" json:"name"`
	UID  int    `toml:"uid" json:"uid"`
	GID  int    `toml:"gid" json:"gid"`
	Home string `toml:"home" json:"home"`
}

// Suite is a suite of a Debian archive.
type Suite struct {
	// Archive names the archive: "debian" or "debian-security". Where it is
	// decides who fetches.
	Archive string `toml:"archive" json:"archive"`
	// Name is the suite below dists: "trixie-updates".
	Name string `toml:"name" json:"name"`
	// Components are the parts of it that count.
	Components []string `toml:"components" json:"components"`
}

// Variant is one root filesystem of a stack.
type Variant struct {
	// Description is a few words for people.
	Description string `toml:"description" json:"description"`
	// Extends names the variant whose packages come first.
	Extends string `toml:"extends" json:"extends,omitempty"`
	// Packages are those that are wanted by name; what they depend on comes
	// with them.
	Packages []string `toml:"packages" json:"packages"`
	// Omit are packages that are left out although others depend on them,
	// because slugc does their work when it makes the root filesystem.
	Omit []string `toml:"omit" json:"omit,omitempty"`
	// Exclude are paths of packages that are left out, and Keep exceptions
	// from them, as patterns of path.Match; a pattern that ends in a slash is
	// a directory with all that is below it.
	Exclude []string `toml:"exclude" json:"exclude,omitempty"`
	Keep    []string `toml:"keep" json:"keep,omitempty"`
}

// Definitions returns all definitions, by id.
func Definitions() ([]Definition, error) {
	names, err := fs.Glob(definitions, "slugc-*.toml")
	if err != nil {
		return nil, fmt.Errorf("listing the stacks: %w", err)
	}
	all := make([]Definition, 0, len(names))
	for _, name := range names {
		data, err := definitions.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("reading the stack %s: %w", name, err)
		}
		d, err := ParseDefinition(string(data))
		if err != nil {
			return nil, fmt.Errorf("reading the stack %s: %w", name, err)
		}
		all = append(all, d)
	}
	slices.SortFunc(all, func(a, b Definition) int { return strings.Compare(a.ID, b.ID) })
	return all, nil
}

// Find returns the definition of an id. An error is an *UnknownError.
func Find(id string) (Definition, error) {
	all, err := Definitions()
	if err != nil {
		return Definition{}, err
	}
	unknown := &UnknownError{ID: id}
	for _, d := range all {
		if d.ID == id {
			return d, nil
		}
		unknown.Known = append(unknown.Known, d.ID)
	}
	return Definition{}, unknown
}

// UnknownError says that there is no stack of a name.
type UnknownError struct {
	ID    string
	Known []string
}

func (e *UnknownError) Error() string {
	return fmt.Sprintf("there is no stack %s; expected one of %s, or %s", e.ID, strings.Join(e.Known, ", "), HostID)
}

// ParseDefinition reads a definition and completes each variant with what it
// extends. Unknown keys are errors, as are variants that extend nothing known.
func ParseDefinition(text string) (Definition, error) {
	var d Definition
	meta, err := toml.Decode(text, &d)
	if err != nil {
		return Definition{}, err
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return Definition{}, fmt.Errorf("unknown key %s", unknown[0])
	}
	complete := map[string]Variant{}
	for _, name := range slices.Sorted(maps.Keys(d.Variants)) {
		v, err := d.complete(name, len(d.Variants))
		if err != nil {
			return Definition{}, err
		}
		complete[name] = v
	}
	d.Variants = complete
	return d, nil
}

// complete is a variant with all that it extends, over at most so many steps.
func (d Definition) complete(name string, steps int) (Variant, error) {
	v, found := d.Variants[name]
	switch {
	case !found:
		return Variant{}, fmt.Errorf("there is no variant %s to extend", name)
	case v.Extends == "":
		return v, nil
	case steps == 0:
		return Variant{}, fmt.Errorf("the variant %s extends itself", name)
	}
	base, err := d.complete(v.Extends, steps-1)
	if err != nil {
		return Variant{}, err
	}
	join := func(a, b []string) []string { return slices.Concat(a, b) }
	v.Packages, v.Omit = join(base.Packages, v.Packages), join(base.Omit, v.Omit)
	v.Exclude, v.Keep = join(base.Exclude, v.Exclude), join(base.Keep, v.Keep)
	return v, nil
}

// Define finds the definition of an id that has a variant for an architecture.
// An error is an *UnknownError or a *NameError.
func Define(id, variant, arch string) (Definition, error) {
	d, err := Find(id)
	if err != nil {
		return Definition{}, err
	}
	if _, err := d.Variant(variant); err != nil {
		return Definition{}, err
	}
	if !slices.Contains(d.Archs, arch) {
		return Definition{}, &NameError{ID: id, What: "architecture", Name: arch, Known: d.Archs}
	}
	return d, nil
}

// Variant returns a variant by name. An error is a *NameError.
func (d Definition) Variant(name string) (Variant, error) {
	v, found := d.Variants[name]
	if !found {
		return Variant{}, &NameError{ID: d.ID, What: "variant", Name: name, Known: slices.Sorted(maps.Keys(d.Variants))}
	}
	return v, nil
}

// NameError says that a stack has no variant or architecture of a name.
type NameError struct {
	// ID is the stack, What "variant" or "architecture".
	ID, What, Name string
	// Known are those it has.
	Known []string
}

func (e *NameError) Error() string {
	return fmt.Sprintf("the stack %s has no %s %s; it has %s", e.ID, e.What, e.Name, strings.Join(e.Known, ", "))
}

// Target is what the stack runs on an architecture.
func (d Definition) Target(arch string) Target {
	return Target{OS: "linux", Arch: arch, DistroName: d.DistroName, DistroVersion: d.DistroVersion}
}
