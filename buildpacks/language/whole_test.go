package language_test

import (
	"context"
	"errors"
	"io"
	"os"
	"testing"
	"time"

	"github.com/buildpacks/libcnb/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/buildpacks/language"
)

// TestWhole leaves the layers that are whole when a build fails, and those alone.
func TestWhole(t *testing.T) {
	failure := errors.New("the registry is down")
	layers := libcnb.Layers{Path: t.TempDir()}
	build := language.Func(t.Context(), language.Helpers{Out: io.Discard, Now: time.Now}, func(_ context.Context, b *language.Build) (libcnb.BuildResult, error) {
		for _, name := range []string{"cache", "missing", "half"} {
			l, err := b.Layers.Layer(name)
			if err != nil {
				return libcnb.BuildResult{}, err
			}
			if name != "missing" {
				if err := os.MkdirAll(l.Path, 0o755); err != nil {
					return libcnb.BuildResult{}, err
				}
			}
			if name != "half" {
				l.LayerTypes = libcnb.LayerTypes{Cache: true}
				b.Whole(l)
			}
		}
		return libcnb.BuildResult{}, failure
	})
	result, err := build(libcnb.BuildContext{ApplicationPath: t.TempDir(), Layers: layers})
	if !errors.Is(err, failure) {
		t.Errorf("got %v", err)
	}
	var names []string
	for _, l := range result.Layers {
		names = append(names, l.Name)
	}
	if diff := cmp.Diff([]string{"cache"}, names); diff != "" {
		t.Error(diff)
	}
}
