package classic

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/stack/launch"
	"github.com/slugc/slugc/stack/sandbox"
)

// Buildpack is a classic buildpack on disk.
type Buildpack struct {
	descriptor buildpacks.Descriptor
	// dir is where it is on this machine, and where its scripts find it.
	dir buildpacks.Dir
	// own says that dir is a copy for one build, in which scripts may write.
	own bool
}

// The scripts of a buildpack (Heroku Buildpack API).
const (
	detectScript      = "bin/detect"
	compileScript     = "bin/compile"
	releaseScript     = "bin/release"
	reportScript      = "bin/report"
	testCompileScript = "bin/test-compile"
	exportFile        = "export"
)

// Is reports whether a directory holds a classic buildpack: one with
// bin/compile, and without a buildpack.toml that says which Buildpack API of
// CNBs it follows. A classic buildpack may have a buildpack.toml too, for
// Heroku's registry.
func Is(dir string) (bool, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return false, err
	}
	defer root.Close()
	if info, err := root.Stat(compileScript); err != nil || !info.Mode().IsRegular() {
		return false, nil
	}
	about, err := readAbout(root)
	return err == nil && about.API == "", nil
}

// Open reads the classic buildpack in a directory. It does not say who it is:
// the caller has to name it.
func Open(dir string) (*Buildpack, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	for _, script := range []string{detectScript, compileScript} {
		info, err := root.Stat(script)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("is a classic buildpack without %s; every one has %s and %s", script, detectScript, compileScript)
		case err != nil:
			return nil, err
		case !info.Mode().IsRegular():
			return nil, fmt.Errorf("is a classic buildpack of which %s is no file", script)
		}
	}
	about, err := readAbout(root)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", aboutFile, err)
	}
	b := &Buildpack{
		descriptor: buildpacks.Descriptor{Dialect: buildpacks.Classic, Name: about.Buildpack.Name},
		dir:        buildpacks.Dir{Host: dir},
	}
	return b.Named(Identify(dir), ""), nil
}

// Named is the buildpack with an id, such as one of Identify, and a version,
// which may be empty.
func (b *Buildpack) Named(id, version string) *Buildpack {
	named := *b
	named.descriptor.ID, named.descriptor.Version = id, version
	named.dir.Path = path.Join("/buildpacks", launch.EscapeID(id))
	return &named
}

// Descriptor says who the buildpack is.
func (b *Buildpack) Descriptor() buildpacks.Descriptor { return b.descriptor }

// Dir is where the buildpack is on this machine.
func (b *Buildpack) Dir() string { return b.dir.Host }

// ForBuild is the buildpack as a copy in an empty directory of one build. Its
// scripts may write there, as those of many do ("export"), and no other build
// sees it. Of its programs everybody may run those in bin, whatever their modes
// were, as on Heroku.
func (b *Buildpack) ForBuild(dir string) (*Buildpack, error) {
	if err := copyTree(b.dir.Host, dir); err != nil {
		return nil, fmt.Errorf("copying buildpack %s: %w", b.descriptor, err)
	}
	if err := sandbox.GiveTree(dir); err != nil {
		return nil, fmt.Errorf("copying buildpack %s: %w", b.descriptor, err)
	}
	own := *b
	own.dir.Host, own.own = dir, true
	return &own, nil
}

// InPlace is the buildpack for a build whose scripts see it where it is.
func (b *Buildpack) InPlace() *Buildpack {
	here := *b
	here.dir.Path = here.dir.Host
	return &here
}

// has reports whether the buildpack has a file.
func (b *Buildpack) has(name string) bool {
	root, err := os.OpenRoot(b.dir.Host)
	if err != nil {
		return false
	}
	defer root.Close()
	info, err := root.Stat(name)
	return err == nil && info.Mode().IsRegular()
}

const maxIDPart = 100 // bytes

var (
	notOfIDs = regexp.MustCompile(`[^A-Za-z0-9._-]+`)
	idForm   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?$`)
)

// Identify is the id of a classic buildpack that is known by an address or a
// path: its last name, and of an address the one before it, the owner of a
// repository.
func Identify(address string) string {
	address, _, _ = strings.Cut(address, "#")
	address, _, _ = strings.Cut(address, "?")
	scheme, rest, isAddress := strings.Cut(address, "://")
	if isAddress {
		_, address, _ = strings.Cut(rest, "/") // the host says nothing about the buildpack
		isAddress = !strings.Contains(scheme, "file")
	} else if _, after, found := strings.Cut(address, ":"); found && !filepath.IsAbs(address) {
		address, isAddress = after, true // user@host:path
	}
	names := strings.FieldsFunc(strings.TrimSuffix(address, "/.git"), func(r rune) bool { return r == '/' })
	keep := 1
	if isAddress {
		keep = 2
	}
	var cleaned []string
	for _, name := range names[max(0, len(names)-keep):] {
		for _, end := range []string{".git", ".tgz", ".tar.gz", ".tar.xz", ".tar.zst", ".tar", ".zip"} {
			name = strings.TrimSuffix(name, end)
		}
		name = strings.Trim(notOfIDs.ReplaceAllString(name, "-"), ".-_")
		if name = name[:min(len(name), maxIDPart)]; name != "" {
			cleaned = append(cleaned, name)
		}
	}
	id := strings.Join(cleaned, "/")
	switch {
	case !idForm.MatchString(id) || strings.Contains(id, ".."):
		return "classic"
	case slices.ContainsFunc(reserved, func(other string) bool { return launch.EscapeID(other) == launch.EscapeID(id) }):
		return "classic-" + strings.ReplaceAll(id, "/", "-")
	}
	return id
}

// reserved are ids that stand for something else below the directory of layers
// (CNB Platform API, "Layers Directory Layout"), and CacheOwner.
var reserved = []string{"app", "config", "generated", "sbom", CacheOwner}
