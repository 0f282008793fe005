package bridge

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/BurntSushi/toml"

	"github.com/slugc/slugc/buildpacks/classic"
	"github.com/slugc/slugc/stack/sandbox"
)

// classicDir is where the classic buildpack lies in a package.
const classicDir = "classic"

// Package is a classic buildpack that is to become a Cloud Native Buildpack.
type Package struct {
	Classic *classic.Buildpack
	// Ref is how the buildpack was named, without credentials, and Digest that of
	// what was fetched, empty for a directory.
	Ref, Digest string
	// ID and Version are those of the package. Without an id it is that of the
	// classic buildpack below "classic/"; without a version it is a tag of git
	// in Ref, else a digest of the files.
	ID, Version string
	// Programs are cmd/bridge by what they run on.
	Programs []Program
	// Exclude keeps files and directories of the classic buildpack out, by their
	// paths on this machine. It may be nil.
	Exclude func(file string) bool
}

// Program is cmd/bridge for an architecture of Linux.
type Program struct {
	Arch string
	// Content is the program itself.
	Content []byte
}

// buildpackTOML is a buildpack.toml (CNB Buildpack API 0.10).
type buildpackTOML struct {
	API       string    `toml:"api"`
	Buildpack infoTOML  `toml:"buildpack"`
	Targets   []archDoc `toml:"targets"`
}

type infoTOML struct {
	ID          string `toml:"id"`
	Version     string `toml:"version"`
	Name        string `toml:"name"`
	Description string `toml:"description"`
	Homepage    string `toml:"homepage,omitempty"`
	ClearEnv    bool   `toml:"clear-env"`
}

type archDoc struct {
	OS   string `toml:"os"`
	Arch string `toml:"arch"`
}

// Write lays the package out in an empty directory: buildpack.toml, and beside
// it a folder for each architecture, linux/amd64 and so on.
func (p Package) Write(dir string) error {
	for _, program := range p.Programs {
		if err := p.writeFor(program, filepath.Join(dir, linux, program.Arch)); err != nil {
			return fmt.Errorf("writing the files for %s/%s: %w", linux, program.Arch, err)
		}
	}
	doc, err := p.descriptor(filepath.Join(dir, linux, p.Programs[0].Arch, classicDir))
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if err := toml.NewEncoder(&text).Encode(doc); err != nil {
		return fmt.Errorf("writing buildpack.toml: %w", err)
	}
	return os.WriteFile(filepath.Join(dir, "buildpack.toml"), text.Bytes(), 0o644)
}

// linux is the only system that there are bridges for.
const linux = "linux"

// writeFor writes the files for one architecture.
func (p Package) writeFor(program Program, dir string) error {
	bin := filepath.Join(dir, "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(bin, "build"), program.Content, 0o755); err != nil {
		return err
	}
	if err := os.Symlink("build", filepath.Join(bin, "detect")); err != nil {
		return err
	}
	copied, err := p.Classic.ForBuild(filepath.Join(dir, classicDir))
	if err != nil {
		return err
	}
	return p.exclude(copied.Dir())
}

// exclude removes from a copy of the buildpack what does not belong into it.
func (p Package) exclude(dir string) error {
	if p.Exclude == nil {
		return nil
	}
	return filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, file)
		if err != nil || rel == "." || !p.Exclude(filepath.Join(p.Classic.Dir(), rel)) {
			return err
		}
		if err := sandbox.Remove(file); err != nil || !d.IsDir() {
			return err
		}
		return fs.SkipDir
	})
}

// descriptor is the buildpack.toml. Of a path of this machine nothing is in it.
func (p Package) descriptor(files string) (buildpackTOML, error) {
	version := cmp.Or(p.Version, versionOf(p.Ref))
	if version == "" {
		var err error
		if version, err = versionOfFiles(files); err != nil {
			return buildpackTOML{}, err
		}
	}
	d := p.Classic.Descriptor()
	doc := buildpackTOML{API: "0.10", Buildpack: infoTOML{
		ID: cmp.Or(p.ID, path.Join("classic", idOf(d.ID))), Version: version, Name: cmp.Or(d.Name, d.ID),
		Description: "A classic buildpack, unchanged, for any platform of Cloud Native Buildpacks", ClearEnv: true,
	}}
	if isAddress(p.Ref) {
		doc.Buildpack.Description = "The classic buildpack " + strings.TrimSpace(p.Ref+" "+p.Digest)
		doc.Buildpack.Homepage = homepage(p.Ref)
	}
	for _, program := range p.Programs {
		doc.Targets = append(doc.Targets, archDoc{linux, program.Arch})
	}
	return doc, nil
}

// idOf is an id of a classic buildpack as one of a CNB, which has no "_"
// (CNB Buildpack API, "buildpack.toml").
func idOf(id string) string { return strings.ReplaceAll(id, "_", "-") }

// isAddress tells whether a reference leads to another machine.
func isAddress(ref string) bool {
	scheme, _, found := strings.Cut(ref, "://")
	return found && !strings.HasSuffix(scheme, "file")
}

// homepage is where people can read about a buildpack: its address, if a browser
// opens it.
func homepage(ref string) string {
	address, _, _ := strings.Cut(strings.TrimPrefix(ref, "git+"), "#")
	if !strings.HasPrefix(address, "https://") {
		return ""
	}
	return strings.TrimSuffix(address, ".git")
}

// tag is a tag of git that is a version: v12, 1.2, v1.2.3.
var tag = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`#(?:refs/tags/)?(?:v([0-9]{1,9})|v?([0-9]{1,9})\.([0-9]{1,9})(?:\.([0-9]{1,9}))?)$`)
})

// versionOf is the version in a reference as X.Y.Z, empty if there is none (CNB
// Buildpack API, "buildpack.toml": three integers without leading zeros).
func versionOf(ref string) string {
	found := tag().FindStringSubmatch(ref)
	if found == nil {
		return ""
	}
	return number(found[1]+found[2]) + "." + number(found[3]) + "." + number(found[4])
}

// number is digits without leading zeros.
func number(digits string) string { return cmp.Or(strings.TrimLeft(digits, "0"), "0") }

// versionOfFiles is a version that other files would not have: 0.0.N.
func versionOfFiles(dir string) (string, error) {
	digest := sha256.New()
	// Each part has its length before it, so that no other parts read the same.
	add := func(parts ...string) {
		for _, part := range parts {
			fmt.Fprintf(digest, "%d:%s", len(part), part)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", err
	}
	defer root.Close()
	err = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == "." {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		add(name, info.Mode().String())
		switch {
		case info.Mode().IsRegular():
			f, err := root.Open(name)
			if err != nil {
				return err
			}
			defer f.Close()
			fmt.Fprintf(digest, "%d:", info.Size())
			_, err = io.Copy(digest, f)
			return err
		case info.Mode()&fs.ModeSymlink != 0:
			text, err := root.Readlink(name)
			add(text)
			return err
		}
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("reading the files for a version: %w", err)
	}
	return "0.0." + strconv.FormatUint(uint64(binary.BigEndian.Uint32(digest.Sum(nil))), 10), nil
}
