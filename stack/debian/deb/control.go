package deb

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"

	"github.com/slugc/slugc/stack/debian/control"
)

// controlSize bounds what is in control.tar.
const controlSize = 16 << 20

// packageName is the form of the name of a package (Policy 5.6.1), which
// becomes part of file names.
var packageName = regexp.MustCompile(`^[a-z0-9][a-z0-9+.-]*$`)

// readControl reads control.tar.
func readControl(m member) (u Unpacked, err error) {
	content, err := decompress(m.name, m)
	if err != nil {
		return Unpacked{}, err
	}
	defer func() { err = errors.Join(err, content.Close()) }()
	limited := &io.LimitedReader{R: content, N: controlSize + 1}
	files, err := smallFiles(limited, "control", "md5sums")
	if limited.N <= 0 {
		return Unpacked{}, fmt.Errorf("more than %d bytes", controlSize)
	}
	if err != nil {
		return Unpacked{}, err
	}
	for p := range control.Paragraphs(files["control"]) {
		u.Control = p
		break
	}
	u.Package, u.MD5Sums = u.Control.Get("Package"), files["md5sums"]
	if !packageName.MatchString(u.Package) {
		return Unpacked{}, fmt.Errorf("%.80q is no name of a package", u.Package)
	}
	return u, nil
}

// smallFiles returns files of the top of a tar stream.
func smallFiles(r io.Reader, names ...string) (map[string][]byte, error) {
	wanted := map[string]bool{}
	for _, name := range names {
		wanted[name] = true
	}
	files := map[string][]byte{}
	stream := tar.NewReader(r)
	for {
		header, err := stream.Next()
		if errors.Is(err, io.EOF) {
			// The checksum comes last.
			_, err := io.Copy(io.Discard, r)
			return files, err
		}
		if err != nil {
			return nil, err
		}
		name := path.Clean(header.Name)
		if header.Typeflag != tar.TypeReg || !wanted[name] {
			continue
		}
		if header.Size > controlSize {
			return nil, fmt.Errorf("%q: more than %d bytes", header.Name, controlSize)
		}
		if files[name], err = io.ReadAll(stream); err != nil {
			return nil, fmt.Errorf("%q: %w", header.Name, err)
		}
	}
}
