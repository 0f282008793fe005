package oci

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// heldBy is what an index.json of a layout has under a tag, or without one.
func heldBy(files fs.FS, index v1.IndexManifest, tag string) (members, error) {
	var m members
	for _, d := range index.Manifests {
		if d.Annotations[refName] != tag || !d.MediaType.IsIndex() && !d.MediaType.IsImage() {
			continue
		}
		var manifest []byte
		if d.MediaType.IsIndex() {
			var err error
			if manifest, err = readBlob(files, d); err != nil {
				return members{}, err
			}
		}
		if err := m.add(d, manifest, platformIn(files)); err != nil {
			return members{}, err
		}
	}
	return m, nil
}

// platformIn finds out what an image of a layout is for.
func platformIn(files fs.FS) func(v1.Descriptor) (*v1.Platform, error) {
	return func(d v1.Descriptor) (*v1.Platform, error) {
		image, err := openManifest(files, d)
		if err != nil {
			return nil, err
		}
		return platformOf(image)
	}
}

func (l Layout) held(context.Context) (members, error) {
	index, _, err := l.index()
	if err != nil {
		return members{}, err
	}
	return heldBy(os.DirFS(l.Dir), index, l.Tag)
}

// join adds an image while nobody else writes to the layout.
func (l Layout) join(ctx context.Context, _ Image, c content) (j joint, err error) {
	if err := l.prepare(); err != nil {
		return j, err
	}
	if err := l.putBlobs(ctx, c.blobs); err != nil {
		return j, err
	}
	err = l.locked(func() error {
		there, err := l.held(ctx)
		if err != nil {
			return err
		}
		if j, err = there.with(c.descriptor); err != nil {
			return err
		}
		if err := l.putBlobs(ctx, []blob{j.blob()}); err != nil {
			return err
		}
		return l.enter(j.descriptor)
	})
	return j, err
}

func (a Archive) held(context.Context) (members, error) {
	_, m, err := a.open()
	return m, err
}

// open is the archive as it is, and what it holds.
func (a Archive) open() (archive, members, error) {
	files, err := openArchive(a.File)
	if _, missing := errors.AsType[*missingError](err); missing {
		return archive{}, members{}, nil
	}
	if err != nil {
		return archive{}, members{}, err
	}
	data, err := readLimited(files, "index.json")
	if err != nil {
		return archive{}, members{}, fmt.Errorf("expected an OCI layout: %w", err)
	}
	index, err := parseIndex(data)
	if err != nil {
		return archive{}, members{}, fmt.Errorf("reading index.json: %w", err)
	}
	for _, d := range index.Manifests {
		if d.Annotations[refName] != a.Tag {
			return archive{}, members{}, fmt.Errorf("it holds more than one image, and an archive that is written anew holds one index: name another file%s", tagList(index.Manifests))
		}
	}
	m, err := heldBy(files, index, a.Tag)
	return files, m, err
}

// join writes the archive anew, with what it holds and the image.
func (a Archive) join(ctx context.Context, _ Image, c content) (joint, error) {
	files, there, err := a.open()
	if err != nil {
		return joint{}, err
	}
	j, err := there.with(c.descriptor)
	if err != nil {
		return joint{}, err
	}
	all := content{descriptor: j.descriptor}
	seen := map[v1.Hash]bool{}
	for _, d := range j.manifests {
		one := c
		if d.Digest != c.descriptor.Digest {
			if !d.MediaType.IsImage() {
				return joint{}, fmt.Errorf("it holds something else than images (%s): name another file", d.MediaType)
			}
			other, err := openManifest(files, d)
			if err == nil {
				one, err = contentOf(other)
			}
			if err != nil {
				return joint{}, err
			}
		}
		for _, b := range one.blobs {
			if !seen[b.digest] {
				seen[b.digest] = true
				all.blobs = append(all.blobs, b)
			}
		}
	}
	all.blobs = append(all.blobs, j.blob())
	return j, a.write(ctx, all)
}
