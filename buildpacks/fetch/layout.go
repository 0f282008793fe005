package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"

	"github.com/slugc/slugc/stack/workbench"
)

// refName is the annotation with the tag of an image in a layout (OCI Image
// Layout, "index.json").
const refName = "org.opencontainers.image.ref.name"

// tagForm is a tag behind a path.
var tagForm = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(.*):([\w][\w.-]{0,127})$`) })

// splitTag splits PATH[:TAG].
func splitTag(s string) (at, tag string) {
	if tagged := tagForm().FindStringSubmatch(s); tagged != nil {
		return tagged[1], tagged[2]
	}
	return s, ""
}

// layoutIn is whether a directory is an OCI layout.
func layoutIn(dir string) bool {
	for _, name := range []string{"oci-layout", "index.json"} {
		if info, err := os.Lstat(filepath.Join(dir, name)); err != nil || !info.Mode().IsRegular() {
			return false
		}
	}
	return true
}

// layout fetches the buildpackage in an OCI layout of this machine.
func (f Fetcher) layout(ctx context.Context, at string) (k kept, err error) {
	dir, tag := splitTag(at)
	info, err := os.Stat(dir)
	switch {
	case dir == "":
		return kept{}, errors.New("it names no directory; expected oci:DIR[:TAG]")
	case errors.Is(err, fs.ErrNotExist):
		return kept{}, fmt.Errorf("there is no directory %s", dir)
	case err != nil:
		return kept{}, err
	case !info.IsDir():
		return kept{}, errors.New("it is a file; an archive of an OCI layout is oci-archive:FILE")
	case !layoutIn(dir):
		return kept{}, errors.New("it is no OCI layout: expected oci-layout and index.json in it")
	}
	b, err := workbench.Open(f.Dir)
	if err != nil {
		return kept{}, err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	return f.fromLayout(ctx, b, dir, tag)
}

// layoutArchive fetches the buildpackage in an archive of an OCI layout.
func (f Fetcher) layoutArchive(ctx context.Context, at string) (k kept, err error) {
	name, tag := splitTag(at)
	if name == "" {
		return kept{}, errors.New("it names no file; expected oci-archive:FILE[:TAG]")
	}
	file, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return kept{}, errors.New("there is no such file")
	}
	if err != nil {
		return kept{}, err
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return kept{}, errors.Join(errors.New("it is no file; an OCI layout is oci:DIR"), err)
	}
	b, err := workbench.Open(f.Dir)
	if err != nil {
		return kept{}, err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	dir, err := b.Folder("layout")
	if err != nil {
		return kept{}, err
	}
	if err := f.unpack(ctx, file, dir); err != nil {
		return kept{}, fmt.Errorf("unpacking it: %w", err)
	}
	if !layoutIn(dir) {
		return kept{}, errors.New("it holds no OCI layout: expected oci-layout and index.json at its top")
	}
	return f.fromLayout(ctx, b, dir, tag)
}

// fromLayout keeps the buildpackage of a layout.
func (f Fetcher) fromLayout(ctx context.Context, b *workbench.Bench, dir, tag string) (kept, error) {
	files := layoutFiles{dir}
	if err := files.small(filepath.Join(dir, "index.json")); err != nil {
		return kept{}, err
	}
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		return kept{}, fmt.Errorf("reading the OCI layout: %w", err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return kept{}, fmt.Errorf("reading index.json: %w", err)
	}
	candidates := manifest.Manifests
	if tag != "" {
		candidates = nil
		var tags []string
		for _, d := range manifest.Manifests {
			switch d.Annotations[refName] {
			case tag:
				candidates = append(candidates, d)
			case "":
			default:
				tags = append(tags, d.Annotations[refName])
			}
		}
		if len(candidates) == 0 {
			return kept{}, fmt.Errorf("it has no tag %s%s", tag, listed("; there is ", tags))
		}
	}
	image, err := f.chooser(files.ready).image(index, candidates)
	if err != nil {
		return kept{}, err
	}
	return f.buildpackage(ctx, b, image, files.blob)
}

// listed is the end of a message with what there is.
func listed(before string, names []string) string {
	if len(names) == 0 {
		return ""
	}
	return before + strings.Join(names, ", ")
}

// layoutFiles are the files of a layout. A blob may be anything that somebody
// has put there, so that each is looked at before it is opened.
type layoutFiles struct{ dir string }

// path is where a blob is.
func (l layoutFiles) path(digest v1.Hash) string {
	return filepath.Join(l.dir, "blobs", digest.Algorithm, digest.Hex)
}

// small says what keeps a file from being read into memory.
func (l layoutFiles) small(name string) error {
	shown, err := filepath.Rel(l.dir, name)
	if err != nil {
		return err
	}
	info, err := os.Lstat(name)
	switch {
	case err != nil:
		return fmt.Errorf("the OCI layout has no %s", shown)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s of the OCI layout is no file", shown)
	case info.Size() > maxJSON:
		return fmt.Errorf("%s is larger than %d bytes", shown, maxJSON)
	}
	return nil
}

// ready is small for the blob of a manifest, an index or a config.
func (l layoutFiles) ready(d v1.Descriptor) error {
	if d.Digest.Algorithm != "sha256" {
		return fmt.Errorf("its digest is %s; expected a sha256", d.Digest)
	}
	return l.small(l.path(d.Digest))
}

// blob opens the blob of a layer.
func (l layoutFiles) blob(_ context.Context, d v1.Descriptor) (io.ReadCloser, error) {
	name := l.path(d.Digest)
	if info, err := os.Lstat(name); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(fmt.Errorf("the OCI layout has no blob %s", d.Digest), ignoreMissing(err))
	}
	return os.Open(name)
}
