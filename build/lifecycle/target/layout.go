package target

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/build/pack"
	"github.com/slugc/slugc/stack"
)

// Layout is images as OCI layouts in directories below one:
// <registry>/<repository>/<tag> or <registry>/<repository>/<algorithm>/<hex> (CNB
// Platform API 0.12, "Export to OCI layout format"). A platform may leave layers of
// a run image out of its layout; then they are in that of no app either.
type Layout struct {
	// Dir is the directory above all.
	Dir string
	// Memory remembers which blobs are whole. Without it they are read again at
	// every export.
	Memory pack.Store
	// Warn hears of trouble with the memory. It may be nil.
	Warn func(error)
}

var (
	_ Target = Layout{}
	_ Namer  = Layout{}
)

// refName is the annotation with the tag of an image (OCI Image Layout,
// "index.json").
const refName = "org.opencontainers.image.ref.name"

// Named is the directory of an image.
func (l Layout) Named(image string) string {
	dir, err := l.dir(image)
	if err != nil {
		return image
	}
	return dir
}

// dir is the directory of an image, which may be the name of one, its ID or that
// directory.
func (l Layout) dir(image string) (string, error) {
	if image == l.Dir || strings.HasPrefix(image, strings.TrimSuffix(l.Dir, "/")+"/") {
		at, _, _ := strings.Cut(image, "@sha256:")
		return filepath.Clean(at), nil
	}
	ref, err := name.ParseReference(image, name.WeakValidation)
	if err != nil {
		return "", err
	}
	parts := []string{l.Dir, ref.Context().RegistryStr(), ref.Context().RepositoryStr()}
	return filepath.Join(append(parts, strings.Split(ref.Identifier(), ":")...)...), nil
}

// Find opens the image of a layout.
func (l Layout) Find(ctx context.Context, image string) (Found, error) {
	dir, err := l.dir(image)
	if err != nil {
		return Found{}, err
	}
	if _, err := os.Stat(filepath.Join(dir, "index.json")); errors.Is(err, fs.ErrNotExist) {
		return Found{Base: oci.Base{Name: dir}}, nil
	}
	opener := oci.Opener{Target: stack.Target{OS: "linux", Arch: runtime.GOARCH}}
	base, err := opener.OpenNearest(ctx, dir)
	if err != nil {
		return Found{}, err
	}
	base.Name, base.Reference = dir, dir+"@"+base.Reference
	return Found{There: true, Base: base, ID: base.Reference}, nil
}

// Access checks what images are to be written to. All that is there can be read.
func (l Layout) Access(ctx context.Context, _, write []string) error {
	for _, image := range write {
		if image == "" {
			continue
		}
		dir, err := l.dir(image)
		if err == nil {
			err = oci.Layout{Dir: dir}.Check(ctx)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Export writes an image to the layouts of all of its names. Other images go from
// them; blobs stay.
func (l Layout) Export(ctx context.Context, image oci.Image, names []string) (Saved, error) {
	first, err := name.ParseReference(names[0], name.WeakValidation)
	if err != nil {
		return Saved{}, err
	}
	annotated, ok := mutate.Annotations(image.Image, map[string]string{refName: first.Identifier()}).(v1.Image)
	if !ok {
		return Saved{}, errors.New("the image cannot have annotations")
	}
	image.Image = annotated
	digest, err := image.Digest()
	if err != nil {
		return Saved{}, err
	}
	size, err := image.Size()
	if err != nil {
		return Saved{}, err
	}
	saved := Saved{Place: l.Named(names[0]) + "@" + digest.String(), ManifestSize: size}
	for _, as := range names {
		err := l.put(ctx, image, as)
		if ctx.Err() != nil {
			return Saved{}, context.Cause(ctx)
		}
		saved.Names = append(saved.Names, Outcome{l.Named(as), err})
	}
	return saved, nil
}

// put writes an image to the layout of a name.
func (l Layout) put(ctx context.Context, image oci.Image, as string) error {
	ref, err := name.ParseReference(as, name.WeakValidation)
	if err != nil {
		return err
	}
	dir, err := l.dir(as)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("making the layout: %w", err)
	}
	to := oci.Layout{Dir: dir, Tag: ref.Identifier(), Memory: l.Memory, Warn: l.Warn, Alone: true, Sparse: true}
	_, err = to.Export(ctx, image)
	return err
}
