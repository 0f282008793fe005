package oci

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/launch"
)

// Base is an image to build upon, or to look at. Its layers have not been
// read.
type Base struct {
	Image v1.Image
	// Name is the image in a registry, as a person named it; empty for an
	// image from anywhere else.
	Name string
	// Reference is the image by digest: "REPO@sha256:<hex>", or the digest
	// alone for an image that is not in a registry.
	Reference string
	// Mirrors are other names of the image.
	Mirrors []string
	// Target is what the image runs on.
	Target stack.Target
	// Place is where the image was found.
	Place Place
}

// Scratch is a base with nothing in it.
func Scratch(target stack.Target) (Base, error) {
	image, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{
		OS: target.OS, Architecture: target.Arch, Variant: target.Variant,
		RootFS: v1.RootFS{Type: "layers", DiffIDs: []v1.Hash{}},
	})
	if err != nil {
		return Base{}, fmt.Errorf("making an empty image: %w", err)
	}
	image = mutate.ConfigMediaType(mutate.MediaType(image, types.OCIManifestSchema1), types.OCIConfigJSON)
	return Base{Image: image, Target: target}, nil
}

// Owner is a user and group by their ids.
type Owner struct{ UID, GID int }

// defaultOwner is the owner where the base names none.
func defaultOwner() Owner { return Owner{1000, 1000} }

// Owner is the user that the base is made for: CNB_USER_ID and CNB_GROUP_ID
// (CNB Platform API, "Run Image"), or a user that the config gives as a number.
// A base for root has no user for apps.
func (b Base) Owner() (Owner, error) {
	config, err := b.Image.ConfigFile()
	if err != nil {
		return Owner{}, fmt.Errorf("reading the config of the base: %w", err)
	}
	env := launch.NewEnv(config.Config.Env)
	o := userOf(config.Config.User)
	for name, id := range map[string]*int{"CNB_USER_ID": &o.UID, "CNB_GROUP_ID": &o.GID} {
		value, set := env[name]
		if !set {
			continue
		}
		n, err := strconv.ParseUint(value, 10, 31)
		if err != nil {
			return Owner{}, fmt.Errorf("the base sets %s=%s, expected a number", name, value)
		}
		*id = int(n)
	}
	return o, nil
}

// userOf reads UID[:GID] of a config.
func userOf(user string) Owner {
	uid, gid, both := strings.Cut(user, ":")
	if !both {
		gid = uid
	}
	u, err := strconv.ParseUint(uid, 10, 31)
	if err != nil || u == 0 {
		return defaultOwner()
	}
	g, err := strconv.ParseUint(gid, 10, 31)
	if err != nil {
		g = u
	}
	return Owner{int(u), int(g)}
}

// TargetOf is what an image runs on. The distribution is in labels (CNB
// Platform API, "Target Data"), which were named otherwise at first.
func TargetOf(config *v1.ConfigFile) stack.Target {
	labels := config.Config.Labels
	return stack.Target{
		OS: config.OS, Arch: config.Architecture, Variant: config.Variant,
		DistroName:    cmp.Or(labels["io.buildpacks.base.distro.name"], labels["io.buildpacks.distro.name"]),
		DistroVersion: cmp.Or(labels["io.buildpacks.base.distro.version"], labels["io.buildpacks.distro.version"]),
	}
}

// Runs says whether an image for one target runs on another. What either does
// not say does not count.
func Runs(image, on stack.Target) bool {
	return Agree(image.OS, on.OS) && Agree(image.Arch, on.Arch) && Agree(image.Variant, on.Variant)
}

// Agree says whether two values are the same, or one of them says nothing.
func Agree(a, b string) bool { return a == "" || b == "" || a == b }
