package files

import (
	"errors"
	"io/fs"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

// RunImages is a run image with its mirrors.
type RunImages struct {
	Image   string   `toml:"image,omitempty"`
	Mirrors []string `toml:"mirrors,omitempty"`
}

// Names are the image and its mirrors.
func (r RunImages) Names() []string { return append([]string{r.Image}, r.Mirrors...) }

// Has reports whether the image, or a mirror of it, goes by that name, whatever
// digest stands behind the name.
func (r RunImages) Has(image string) bool {
	for _, own := range r.Names() {
		if tagged(own) == tagged(image) {
			return true
		}
	}
	return false
}

// tagged is the whole name of an image with its tag and without its digest; what is
// no name stays as it is.
func tagged(image string) string {
	image, _, _ = strings.Cut(image, "@")
	parsed, err := name.ParseReference(image, name.WeakValidation)
	if err != nil {
		return image
	}
	return parsed.Name()
}

// Run is a run.toml: the run images of a builder (CNB Platform API 0.12,
// "run.toml").
type Run struct {
	Images []RunImages `toml:"images"`
}

// Entry is the run image that goes by a name, or has a mirror that does; nil where
// there is none.
func (r Run) Entry(image string) *RunImages {
	for i := range r.Images {
		if r.Images[i].Has(image) {
			return &r.Images[i]
		}
	}
	return nil
}

// Names are the names of the run image that goes by one of them.
func (r Run) Names(image string) []string {
	if own := r.Entry(image); own != nil {
		return own.Names()
	}
	return []string{image}
}

// ReadRun reads a run.toml. Where there is none it says so, and the value is empty.
func ReadRun(file string, log Logger) (r Run, err error) {
	err = read("run", file, &r)
	if errors.Is(err, fs.ErrNotExist) {
		log.Infof("No run metadata found at path %q", file)
		return Run{}, nil
	}
	return r, err
}

// Stack is a stack.toml, which run.toml has replaced (CNB Platform API 0.11,
// "stack.toml").
type Stack struct {
	RunImage RunImages `toml:"run-image"`
}

// ReadStack reads a stack.toml. Where there is none it says so, and the value is
// empty.
func ReadStack(file string, log Logger) (s Stack, err error) {
	err = read("stack", file, &s)
	if errors.Is(err, fs.ErrNotExist) {
		log.Infof("No stack metadata found at path %q", file)
		return Stack{}, nil
	}
	return s, err
}
