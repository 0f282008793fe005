package base

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slugc/slugc/stack/debian/control"
)

// Where an image says which packages it has.
const (
	// statusDir has a file for each package; scanners read it in images
	// without a dpkg.
	statusDir = "var/lib/dpkg/status.d/"
	// statusFile is dpkg's own, with all packages.
	statusFile = "var/lib/dpkg/status"
	// sumsSuffix ends the names of files in statusDir that are none of a
	// package.
	sumsSuffix = ".md5sums"
	// whiteout begins the names of files that a layer removes, and opaque is
	// the one that empties its directory (OCI Image Layer Filesystem
	// Changeset).
	whiteout = ".wh."
	opaque   = ".wh..wh..opq"
)

// maxStatus is how large a file that says so may be, in bytes.
const maxStatus = 64 << 20

// Packages returns the Debian packages of an image, by name, as its layers say.
// Only what is known of installed packages is filled in.
func Packages(ctx context.Context, image v1.Image) ([]control.Package, error) {
	layers, err := image.Layers()
	if err != nil {
		return nil, fmt.Errorf("reading the packages of an image: %w", err)
	}
	files := map[string][]control.Package{}
	for _, layer := range layers {
		if err := readLayer(ctx, layer, files); err != nil {
			return nil, fmt.Errorf("reading the packages of an image: %w", err)
		}
	}
	var all []control.Package
	for _, name := range slices.Sorted(maps.Keys(files)) {
		all = append(all, files[name]...)
	}
	slices.SortStableFunc(all, func(a, b control.Package) int { return strings.Compare(a.Name, b.Name) })
	return slices.CompactFunc(all, func(a, b control.Package) bool { return a == b }), nil
}

// readLayer brings the files that name packages to where a layer leaves them.
func readLayer(ctx context.Context, layer v1.Layer, files map[string][]control.Package) (err error) {
	content, err := layer.Uncompressed()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, content.Close()) }()
	added := map[string][]control.Package{}
	for archive := tar.NewReader(&reader{ctx, content}); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			maps.Copy(files, added)
			return nil
		}
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(path.Clean("/"+header.Name), "/")
		if hide(files, name) {
			continue
		}
		if header.Typeflag != tar.TypeReg || name != statusFile && !strings.HasPrefix(name, statusDir) || strings.HasSuffix(name, sumsSuffix) {
			continue
		}
		if header.Size > maxStatus {
			return fmt.Errorf("%s has %d bytes, expected at most %d", name, header.Size, maxStatus)
		}
		data, err := io.ReadAll(archive)
		if err != nil {
			return err
		}
		added[name] = installed(data)
	}
}

// hide removes what a whiteout of that name hides of the layers below, and says
// whether it is one.
func hide(files map[string][]control.Package, name string) bool {
	dir, base := path.Split(name)
	gone, found := strings.CutPrefix(base, whiteout)
	if !found {
		return false
	}
	below := dir + gone
	if base == opaque {
		below = strings.TrimSuffix(dir, "/")
	}
	maps.DeleteFunc(files, func(file string, _ []control.Package) bool {
		return file == below && base != opaque || strings.HasPrefix(file, below+"/")
	})
	return true
}

// installed are the packages that a file of dpkg's says are installed.
func installed(data []byte) []control.Package {
	var all []control.Package
	for p := range control.Paragraphs(data) {
		status := p.Get("Status")
		if p.Get("Package") == "" || status != "" && !strings.HasSuffix(status, " installed") {
			continue
		}
		// The size is an estimate of the package's maker; one that cannot be
		// read is not known.
		size, err := strconv.ParseInt(p.Get("Installed-Size"), 10, 40)
		if err != nil || size < 0 {
			size = 0
		}
		all = append(all, control.Package{
			Name: p.Get("Package"), Version: p.Get("Version"), Architecture: p.Get("Architecture"), InstalledSize: size << 10,
		})
	}
	return all
}

// reader reads until a context ends.
type reader struct {
	ctx context.Context
	r   io.Reader
}

func (r *reader) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.r.Read(p)
}
