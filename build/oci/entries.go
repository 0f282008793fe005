package oci

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// maxRead is how much ReadFiles reads of an image, in bytes.
const maxRead = 64 << 20

// Names of whiteouts ("Image Layer Filesystem Changeset" of the OCI Image
// Spec): whiteout begins the names of files that a layer removes, and opaque is
// the one that empties its directory.
const (
	whiteout = ".wh."
	opaque   = ".wh..wh..opq"
)

// ReadFiles reads files of an image, by the paths at which its layers leave
// them: "etc/os-release". Wanted chooses among all regular files; links are not
// followed.
func ReadFiles(ctx context.Context, image v1.Image, wanted func(name string) bool) (map[string][]byte, error) {
	layers, err := image.Layers()
	if err != nil {
		return nil, fmt.Errorf("reading the layers: %w", err)
	}
	files := map[string][]byte{}
	var total int64
	for _, layer := range layers {
		added := map[string][]byte{}
		err := eachEntry(ctx, layer, func(header *tar.Header, content io.Reader) error {
			name := strings.TrimPrefix(path.Clean("/"+header.Name), "/")
			if hide(files, name) || header.Typeflag != tar.TypeReg || !wanted(name) {
				return nil
			}
			if total += header.Size; total > maxRead {
				return fmt.Errorf("%s and what was read before have more than %d bytes", name, maxRead)
			}
			data, err := io.ReadAll(content)
			added[name] = data
			return err
		})
		if err != nil {
			return nil, err
		}
		maps.Copy(files, added)
	}
	return files, nil
}

// hide removes what a whiteout of that name hides of the layers below, and says
// whether it is one.
func hide(files map[string][]byte, name string) bool {
	dir, base := path.Split(name)
	gone, found := strings.CutPrefix(base, whiteout)
	if !found {
		return false
	}
	below := dir + gone
	if base == opaque {
		below = strings.TrimSuffix(dir, "/")
	}
	maps.DeleteFunc(files, func(file string, _ []byte) bool {
		return file == below && base != opaque || strings.HasPrefix(file, below+"/")
	})
	return true
}

// eachEntry reads the entries of a layer one after the other.
func eachEntry(ctx context.Context, layer v1.Layer, each func(*tar.Header, io.Reader) error) (err error) {
	content, err := layer.Uncompressed()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, content.Close()) }()
	for archive := tar.NewReader(&contextReader{ctx: ctx, r: content}); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := each(header, archive); err != nil {
			return err
		}
	}
}
