package base

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slugc/slugc/build/oci"
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
)

// Packages returns the Debian packages of an image, by name, as its layers say.
// Only what is known of installed packages is filled in.
func Packages(ctx context.Context, image v1.Image) ([]control.Package, error) {
	files, err := oci.ReadFiles(ctx, image, func(name string) bool {
		return name == statusFile || strings.HasPrefix(name, statusDir) && !strings.HasSuffix(name, sumsSuffix)
	})
	if err != nil {
		return nil, fmt.Errorf("reading the packages of an image: %w", err)
	}
	var all []control.Package
	for _, name := range slices.Sorted(maps.Keys(files)) {
		all = append(all, installed(files[name])...)
	}
	slices.SortStableFunc(all, func(a, b control.Package) int { return strings.Compare(a.Name, b.Name) })
	return slices.CompactFunc(all, func(a, b control.Package) bool { return a == b }), nil
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
