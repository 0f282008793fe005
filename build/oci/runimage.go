package oci

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// readMetadata reads what a label says about the layers of an image.
func readMetadata(config *v1.ConfigFile) (LifecycleMetadata, error) {
	var m LifecycleMetadata
	err := readLabel(config, LifecycleLabel, &m)
	return m, err
}

// Metadata is what an image says about its layers, empty for one that no lifecycle
// made. A label that cannot be read is an error.
func (b Base) Metadata() (LifecycleMetadata, error) {
	config, err := b.Image.ConfigFile()
	if err != nil {
		return LifecycleMetadata{}, fmt.Errorf("reading the config of the image: %w", err)
	}
	return readMetadata(config)
}

// footingLabel is readMetadata for an image that has to have the label.
func footingLabel(config *v1.ConfigFile) (LifecycleMetadata, error) {
	if config.Config.Labels[LifecycleLabel] == "" {
		return LifecycleMetadata{}, &NotRebasableError{fmt.Sprintf(
			"it has no label %s: only an image that slugc, pack or another lifecycle built says where its base ends", LifecycleLabel)}
	}
	m, err := readMetadata(config)
	if err != nil {
		return LifecycleMetadata{}, &NotRebasableError{err.Error()}
	}
	return m, nil
}

// baseLayers is the number of layers of the base: all up to its top layer. Of
// equal layers, which empty ones often are, it is the last that leaves room
// for the layers that the label names. A base without layers has no top layer,
// and then the label has to name all that there are.
func (m LifecycleMetadata) baseLayers(diffIDs []v1.Hash) (n int, found bool) {
	named := 0
	for diffID, names := range m.names() {
		if slices.ContainsFunc(diffIDs, func(h v1.Hash) bool { return h.String() == diffID }) {
			named += len(names)
		}
	}
	if m.RunImage.TopLayer == "" {
		return 0, named == len(diffIDs)
	}
	for i, diffID := range diffIDs {
		if diffID.String() == m.RunImage.TopLayer && (!found || len(diffIDs)-i-1 >= named) {
			n, found = i+1, true
		}
	}
	return n, found
}

// runImages are the names that the label has for the base: the image, its
// mirrors, and those of readers from before Platform API 0.12.
func (m LifecycleMetadata) runImages() []string {
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
func (b Base) DefaultBase() (string, error) {
	config, err := b.Image.ConfigFile()
	if err != nil {
		return "", fmt.Errorf("reading the config of the app: %w", err)
	}
	metadata, err := footingLabel(config)
	if err != nil {
		return "", err
	}
	names := metadata.runImages()
	if len(names) == 0 {
		return "", nil
	}
	if own, err := name.ParseReference(b.Name, name.WeakValidation); b.Name != "" && err == nil {
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
func withRunImage(label string, next RunImage, rename bool) (string, error) {
	var top object
	if err := json.Unmarshal([]byte(label), &top); err != nil {
		return "", fmt.Errorf("the label %s of the image: %w", LifecycleLabel, err)
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
		return "", fmt.Errorf("the label %s of the image: %w", LifecycleLabel, err)
	}
	text, err := top.text()
	return string(text), err
}

// setNames sets the names of a base; those that it has not are left out.
func (o *object) setNames(of RunImage) error {
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
