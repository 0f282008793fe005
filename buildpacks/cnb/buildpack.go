package cnb

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/stack/launch"
	"github.com/slugc/slugc/stack/sandbox"
)

// Buildpack is a CNB on disk.
type Buildpack struct {
	// Dir holds buildpack.toml and bin. It is shown to the scripts read-only. For
	// a site in place it is absolute.
	Dir string
	// Mounts are shown to the scripts besides, also read-only, and Env is set
	// for them.
	Mounts []sandbox.Mount
	Env    map[string]string
	// DetectTimeout ends a bin/detect that hangs; zero means two minutes.
	DetectTimeout time.Duration
	// Tolerant says that a layer that is cached need not have a directory, as the
	// reference lifecycle has it.
	Tolerant bool

	descriptor  buildpacks.Descriptor
	api         api
	clearEnv    bool
	sbomFormats []string
}

// Open reads the component buildpack in a directory (CNB Buildpack API,
// "buildpack.toml"). Errors name the file and what it should say. A composite
// buildpack is an error; see ReadComposite.
func Open(dir string) (*Buildpack, error) {
	b, err := OpenAny(dir)
	if err != nil {
		return nil, err
	}
	for _, script := range []string{"detect", "build"} {
		if err := executable(filepath.Join(dir, "bin", script)); err != nil {
			return nil, fmt.Errorf("buildpack %s: %w", b.descriptor, err)
		}
	}
	return b, nil
}

// OpenAny is Open for a buildpack whose scripts may be missing: one that is run
// fails then.
func OpenAny(dir string) (*Buildpack, error) {
	doc, d, err := readDescriptor(dir)
	if err != nil {
		return nil, err
	}
	if len(doc.Order) > 0 {
		return nil, fmt.Errorf("%s is an order of other buildpacks and runs nothing itself; expected one with bin/detect and bin/build", d)
	}
	return &Buildpack{
		Dir: dir, clearEnv: doc.Buildpack.ClearEnv, descriptor: d, api: doc.api, sbomFormats: doc.Buildpack.SBOMFormats,
	}, nil
}

// executable says what keeps a script from being run. A link is looked at by
// the sandbox only: its target may exist there alone.
func executable(script string) error {
	info, err := os.Lstat(script)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("no %s", filepath.Join("bin", filepath.Base(script)))
	case err != nil:
		return err
	case info.Mode()&fs.ModeSymlink == 0 && (!info.Mode().IsRegular() || info.Mode()&0o111 == 0):
		return fmt.Errorf("%s is not an executable file; run chmod +x %s", filepath.Join("bin", filepath.Base(script)), script)
	}
	return nil
}

// Descriptor says who the buildpack is.
func (b *Buildpack) Descriptor() buildpacks.Descriptor { return b.descriptor }

// root is where the scripts find the buildpack.
func (b *Buildpack) root(site buildpacks.Site) string {
	if site.InPlace {
		return b.Dir
	}
	return path.Join("/cnb/buildpacks", launch.EscapeID(b.descriptor.ID), b.descriptor.Version)
}

// mounts are what every script of the buildpack sees besides the stack, own being
// what this one sees; none in place.
func (b *Buildpack) mounts(site buildpacks.Site, writableApp bool, own ...sandbox.Mount) []sandbox.Mount {
	if site.InPlace {
		return nil
	}
	mounts := []sandbox.Mount{
		{Source: site.App.Host, Target: site.App.Path, Writable: writableApp},
		{Source: site.Platform.Host, Target: site.Platform.Path},
		{Source: b.Dir, Target: b.root(site)},
	}
	return slices.Concat(mounts, b.Mounts, own)
}
