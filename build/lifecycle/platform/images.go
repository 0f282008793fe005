package platform

import (
	"context"
	"errors"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/slugc/slugc/build/lifecycle/files"
)

// Reach says whether an image can be read. Images of a daemon and of layouts are
// taken to be readable.
type Reach func(ctx context.Context, image string) bool

// RunImageFor picks of an image and its mirrors the one in the registry of the
// target that can be read, or else the first that can (CNB Platform API, "Run
// Image Resolution").
func RunImageFor(ctx context.Context, targetRegistry string, images files.RunImages, reach Reach) (string, error) {
	if images.Image == "" {
		return "", errors.New("missing run image metadata (-run-image)")
	}
	for _, image := range images.Names() {
		ref, err := name.ParseReference(image, name.WeakValidation)
		if err == nil && ref.Context().RegistryStr() == targetRegistry && reach(ctx, image) {
			return image, nil
		}
	}
	for _, image := range images.Names() {
		if reach(ctx, image) {
			return image, nil
		}
	}
	return "", errors.New("failed to find accessible run image")
}

// ForLabel is the run image with its mirrors, as the label of an image names it for
// a rebase: of run.toml the entry that has the image that was built on, or without
// one that image alone if extensions may have switched to it, or the first.
func ForLabel(run files.Run, image string, extended bool) files.RunImages {
	if own := run.Entry(image); own != nil {
		return *own
	}
	switch {
	case len(run.Images) == 0:
		return files.RunImages{}
	case extended:
		return files.RunImages{Image: image}
	}
	return run.Images[0]
}
