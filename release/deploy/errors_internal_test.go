package deploy

import (
	"errors"
	"io/fs"
	"testing"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/pack"
	"github.com/slugc/slugc/buildpacks"
)

func TestWhoseFault(t *testing.T) {
	tree := artifact.Tree{App: buildpacks.Dir{Host: "/cache/app", Path: "/app"}, CacheLayers: []buildpacks.Layer{{
		Buildpack: "slugc/classic", Dir: buildpacks.Dir{Host: "/cache/app/.slugc/layers/slugc_classic/cache", Path: "/cache"},
	}}}
	denied := func(path string) error {
		return &PackError{&fs.PathError{Op: "open", Path: path, Err: fs.ErrPermission}}
	}
	for _, test := range []struct {
		err  error
		path string
	}{
		{denied("/cache/app/a/b"), "/app/a/b"},
		{denied("/cache/app"), "/app"},
		{denied("/elsewhere"), ""},
		{denied("/cache/app/.slugc/layers/slugc_classic/cache/f"), "/cache/f"},
		{&pack.SpecialError{Path: "/cache/app/fifo"}, "/app/fifo"},
		{&pack.SpecialError{Path: "/elsewhere/fifo"}, ""},
		{&PackError{&fs.PathError{Op: "open", Path: "/cache/app/a", Err: fs.ErrNotExist}}, ""},
		{errors.New("else"), ""},
	} {
		err := whoseFault(tree, test.err)
		left, is := errors.AsType[*LeftError](err)
		if is != (test.path != "") || is && left.Path != test.path {
			t.Errorf("%v: got %v, expected the path %q", test.err, err, test.path)
		}
		if !errors.Is(err, test.err) {
			t.Errorf("%v: the cause is lost", test.err)
		}
	}
}
