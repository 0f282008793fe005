package base

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/build/pack"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/flock"
)

// Description is what an image says about the stack that it is, as JSON in the
// label oci.BaseLabel.
type Description struct {
	ID      string `json:"id"`
	Variant string `json:"variant"`
	// Digest is that of the packages, as Made has it.
	Digest string `json:"digest"`
	// Packages is how many there are.
	Packages int `json:"packages"`
}

// Describe reads what an image says about the stack that it is, or that it
// stands on. The ID is empty where it says nothing.
func Describe(image v1.Image) (Description, error) {
	config, err := image.ConfigFile()
	if err != nil {
		return Description{}, fmt.Errorf("reading the config of the image: %w", err)
	}
	var d Description
	if text := config.Config.Labels[oci.BaseLabel]; text != "" {
		if err := json.Unmarshal([]byte(text), &d); err != nil {
			return Description{}, fmt.Errorf("reading the label %s: %w", oci.BaseLabel, err)
		}
	}
	return d, nil
}

// Names of an image in the making.
const (
	imagePrefix = "image-"
	imageLock   = "image.lock"
)

// Image returns the image of a root filesystem. The first time it is packed;
// then it is kept with the root filesystem. Its layers are read from there, so m
// has to stay open while they are.
func (s Store) Image(ctx context.Context, m Made) (oci.Base, error) {
	made, err := s.image(ctx, m)
	if err != nil {
		return oci.Base{}, fmt.Errorf("packing the stack %s (%s, %s): %w", m.Definition.ID, m.Variant, m.Arch, err)
	}
	return made, nil
}

func (s Store) image(ctx context.Context, m Made) (oci.Base, error) {
	if made, found, err := s.packed(ctx, m); found || err != nil {
		return made, err
	}
	lock, err := flock.Lock(ctx, filepath.Join(m.Dir, imageLock), s.Waiting)
	if err != nil {
		return oci.Base{}, err
	}
	defer lock.Close()
	if made, found, err := s.packed(ctx, m); found || err != nil {
		return made, err
	}
	// What is there is damaged, or was left by one who was killed.
	left, err := filepath.Glob(filepath.Join(m.Dir, imagePrefix+"*"))
	if err != nil {
		return oci.Base{}, err
	}
	for _, dir := range append(left, filepath.Join(m.Dir, imageDir)) {
		if err := removeTree(dir); err != nil {
			return oci.Base{}, err
		}
	}
	if err := s.packImage(ctx, m); err != nil {
		return oci.Base{}, err
	}
	made, found, err := s.packed(ctx, m)
	if err == nil && !found {
		err = errors.New("it cannot be read back")
	}
	return made, err
}

// packed opens the image if there is one that can be read.
func (s Store) packed(ctx context.Context, m Made) (oci.Base, bool, error) {
	dir := filepath.Join(m.Dir, imageDir)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return oci.Base{}, false, nil
	}
	made, err := oci.Opener{Target: stack.Target{OS: "linux", Arch: m.Arch}}.Open(ctx, dir)
	if err == nil {
		err = wholeLayers(dir, made.Image)
	}
	if err != nil {
		if ctx.Err() != nil {
			return oci.Base{}, false, context.Cause(ctx)
		}
		s.warn(fmt.Errorf("it has to be packed again: %w", err))
		return oci.Base{}, false, nil
	}
	return made, true, nil
}

// wholeLayers makes sure that no layer of a layout is missing or cut off. What
// is in them is checked when they are exported.
func wholeLayers(dir string, image v1.Image) error {
	manifest, err := image.Manifest()
	if err != nil {
		return err
	}
	for _, layer := range manifest.Layers {
		file := filepath.Join(dir, "blobs", layer.Digest.Algorithm, layer.Digest.Hex)
		info, err := os.Stat(file)
		if err != nil {
			return err
		}
		if info.Size() != layer.Size {
			return fmt.Errorf("%s has %d bytes, expected %d", file, info.Size(), layer.Size)
		}
	}
	return nil
}

// packImage packs the root filesystem, beside, into an OCI layout.
func (s Store) packImage(ctx context.Context, m Made) (err error) {
	if err := m.unchanged(); err != nil {
		if errors.Is(err, errChanged) {
			err = fmt.Errorf("%w\nmake it anew: slugc stack create %s --variant %s --arch %s", err, m.Definition.ID, m.Variant, m.Arch)
		}
		return err
	}
	work, err := os.MkdirTemp(m.Dir, imagePrefix)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, removeTree(work)) }()
	attributes, err := m.Attributes()
	if err != nil {
		return err
	}
	tell, end := s.step(fmt.Sprintf("Packing %s (%s, %s)", m.Definition.ID, m.Variant, m.Arch))
	segments, err := pack.Packer{Temp: work, Progress: tell}.Pack(ctx, []pack.Job{{
		Part:   pack.Part{Name: m.Definition.ID + ":" + m.Variant, Dir: m.Root, Attributes: attributes},
		Shapes: []pack.Shape{{Name: "oci", ModTime: pack.Epoch(), Slash: true, Trailer: true}},
	}})
	end(err)
	if err != nil {
		return err
	}
	config, err := m.config()
	if err != nil {
		return err
	}
	image, err := oci.Compose(config, fmt.Sprintf("slugc stack create %s --variant %s", m.Definition.ID, m.Variant), segments[0]...)
	if err != nil {
		return err
	}
	layout := filepath.Join(work, imageDir)
	if _, err := (oci.Layout{Dir: layout}).Export(ctx, image); err != nil {
		return err
	}
	return os.Rename(layout, filepath.Join(m.Dir, imageDir))
}

// config is the config of the image (CNB Platform API 0.15, "Build Image",
// "Run Image" and "Target Data"; OCI Image Spec, "Pre-Defined Annotation Keys").
func (m Made) config() (v1.ConfigFile, error) {
	d := m.Definition
	variant, err := d.Variant(m.Variant)
	if err != nil {
		return v1.ConfigFile{}, err
	}
	about, err := json.Marshal(Description{ID: d.ID, Variant: m.Variant, Digest: m.Digest, Packages: len(m.Lock.Packages)})
	if err != nil {
		return v1.ConfigFile{}, err
	}
	description := d.Description + " " + variant.Description
	uid, gid := strconv.Itoa(d.User.UID), strconv.Itoa(d.User.GID)
	return v1.ConfigFile{
		OS: "linux", Architecture: m.Arch, Created: v1.Time{Time: pack.Epoch()},
		Config: v1.Config{
			User: uid + ":" + gid,
			Env: []string{
				"PATH=" + stack.DefaultPath, "CNB_USER_ID=" + uid, "CNB_GROUP_ID=" + gid, "CNB_STACK_ID=" + d.ID,
			},
			WorkingDir: "/",
			Labels: map[string]string{
				oci.BaseLabel:                          string(about),
				"io.buildpacks.base.distro.name":       d.DistroName,
				"io.buildpacks.base.distro.version":    d.DistroVersion,
				"io.buildpacks.base.description":       description,
				"io.buildpacks.base.id":                d.ID,
				"io.buildpacks.stack.id":               d.ID,
				"io.buildpacks.stack.distro.name":      d.DistroName,
				"io.buildpacks.stack.distro.version":   d.DistroVersion,
				"io.buildpacks.stack.description":      description,
				"org.opencontainers.image.title":       d.ID + " " + m.Variant,
				"org.opencontainers.image.version":     d.DistroVersion,
				"org.opencontainers.image.description": description,
			},
		},
	}, nil
}
