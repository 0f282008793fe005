package deploy

import (
	"errors"
	"io/fs"
	"testing"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/buildpacks"
)

func TestWhoseFault(t *testing.T) {
	tree := artifact.Tree{App: buildpacks.Dir{Host: "/cache/app", Path: "/app"}}
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
		{&PackError{&fs.PathError{Op: "open", Path: "/cache/app/a", Err: fs.ErrNotExist}}, ""},
		{errors.New("else"), ""},
	} {
		err := whoseFault(tree, test.err)
		left, is := errors.AsType[*UnreadableError](err)
		if is != (test.path != "") || is && left.Path != test.path {
			t.Errorf("%v: got %v, expected the path %q", test.err, err, test.path)
		}
		if !errors.Is(err, test.err) {
			t.Errorf("%v: the cause is lost", test.err)
		}
	}
}
