package rebase

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slugc/slugc/build/oci"
)

// footingLabel is oci.ReadMetadata for an image that has to have the label.
func footingLabel(config *v1.ConfigFile) (oci.LifecycleMetadata, error) {
	if config.Config.Labels[oci.LifecycleLabel] == "" {
		return oci.LifecycleMetadata{}, &NotRebasableError{fmt.Sprintf(
			"it has no label %s: only an image that slugc, pack or another lifecycle built says where its base ends", oci.LifecycleLabel)}
	}
	m, err := oci.ReadMetadata(config)
	if err != nil {
		return oci.LifecycleMetadata{}, &NotRebasableError{err.Error()}
	}
	return m, nil
}

// runImages are the names that the label has for the base: the image, its
// mirrors, and those of readers from before Platform API 0.12.
func runImages(m oci.LifecycleMetadata) []string {
	var names []string
	add := func(image string, mirrors []string) {
		for _, name := range append([]string{image}, mirrors...) {
			if name != "" && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	add(m.RunImage.Image, m.RunImage.Mirrors)
	if m.Stack != nil {
		add(m.Stack.RunImage.Image, m.Stack.RunImage.Mirrors)
	}
	return names
}

// DefaultBase is the base that an image was meant to follow: of the names in
// its label, one in the registry that the image itself is in, or the first (CNB
// Platform API, "Run Image Resolution"). It is empty for an image that names
// none, such as one whose base came from a file.
func DefaultBase(app oci.Base) (string, error) {
	config, err := app.Image.ConfigFile()
	if err != nil {
		return "", fmt.Errorf("reading the config of the app: %w", err)
	}
	metadata, err := footingLabel(config)
	if err != nil {
		return "", err
	}
	names := runImages(metadata)
	if len(names) == 0 {
		return "", nil
	}
	if own, err := name.ParseReference(app.Name, name.WeakValidation); app.Name != "" && err == nil {
		for _, other := range names {
			if parsed, err := name.ParseReference(other, name.WeakValidation); err == nil && parsed.Context().RegistryStr() == own.Context().RegistryStr() {
				return other, nil
			}
		}
	}
	return names[0], nil
}

// sameImage says whether two names are of one image, with what a short name
// leaves out put in.
func sameImage(a, b string) bool {
	return a == b || fullName(a) == fullName(b)
}

// fullName is a name with registry and tag.
func fullName(image string) string {
	image = strings.TrimPrefix(image, "docker://")
	parsed, err := name.ParseReference(image, name.WeakValidation)
	if err != nil {
		return image
	}
	return parsed.Name()
}

// withRunImage is the text of the label with another base. What the label says
// else keeps its bytes: buildpacks and other lifecycles put there what they
// like. The names of the base are replaced only if rename says so.
func withRunImage(label string, next oci.RunImage, rename bool) (string, error) {
	var top object
	if err := json.Unmarshal([]byte(label), &top); err != nil {
		return "", fmt.Errorf("the label %s of the image: %w", oci.LifecycleLabel, err)
	}
	err := top.change("runImage", func(o *object) error {
		if err := o.set("topLayer", next.TopLayer); err != nil {
			return err
		}
		if err := o.set("reference", next.Reference); err != nil || !rename {
			return err
		}
		return o.setNames(next)
	})
	if err == nil && rename && top.has("stack") {
		err = top.change("stack", func(o *object) error {
			return o.change("runImage", func(o *object) error { return o.setNames(next) })
		})
	}
	if err != nil {
		return "", fmt.Errorf("the label %s of the image: %w", oci.LifecycleLabel, err)
	}
	text, err := top.text()
	return string(text), err
}

// setNames sets the names of a base; those that it has not are left out.
func (o *object) setNames(of oci.RunImage) error {
	o.remove("image")
	o.remove("mirrors")
	if of.Image != "" {
		if err := o.set("image", of.Image); err != nil {
			return err
		}
	}
	if len(of.Mirrors) > 0 {
		return o.set("mirrors", of.Mirrors)
	}
	return nil
}
