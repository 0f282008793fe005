package assemble_test

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/build/oci/ocitest"
	"github.com/slugc/slugc/stack"
)

// unpack unpacks the layers of an image, one on top of the other.
func unpack(t *testing.T, image v1.Image, dir string) {
	t.Helper()
	root, err := os.OpenRoot(dir)
	must(t, err)
	defer func() { must(t, root.Close()) }()
	layers, err := image.Layers()
	must(t, err)
	for _, layer := range layers {
		reader, err := layer.Uncompressed()
		must(t, err)
		for files := tar.NewReader(reader); ; {
			header, err := files.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			must(t, err)
			path := strings.TrimPrefix(header.Name, "/")
			switch header.Typeflag {
			case tar.TypeDir:
				must(t, root.MkdirAll(path, header.FileInfo().Mode().Perm()))
			case tar.TypeSymlink:
				must(t, root.Symlink(header.Linkname, path))
			default:
				data, err := io.ReadAll(files)
				must(t, err)
				must(t, root.WriteFile(path, data, header.FileInfo().Mode().Perm()))
			}
		}
		must(t, reader.Close())
	}
}

// TestRun starts the processes of an image with the launcher in it. The
// image's variables and links name places from the root, which is not the
// image's here, so the test moves them.
func TestRun(t *testing.T) {
	launcher := filepath.Join(t.TempDir(), "launcher")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", launcher, "github.com/slugc/slugc/cmd/launcher")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	content, err := os.ReadFile(launcher)
	must(t, err)
	r := ocitest.Recipe(t, t.TempDir())
	r.Base, err = oci.Scratch(stack.Target{OS: runtime.GOOS, Arch: runtime.GOARCH})
	must(t, err)
	r.Launcher.Content = content
	ocitest.Write(t, r.Tree.App.Host, map[string]string{".profile": "export PROFILE=sourced\n"})
	image := ocitest.Make(t, r)
	ocitest.Valid(t, image)
	root := t.TempDir()
	unpack(t, image, root)

	config := configOf(t, image).Config
	run := func(argv ...string) string {
		t.Helper()
		link := filepath.Join(root, argv[0])
		if target, err := os.Readlink(link); err == nil {
			link = filepath.Join(root, target)
		}
		cmd := exec.Command(link)
		cmd.Args = argv
		for _, word := range config.Env {
			word = strings.Replace(word, "_DIR=", "_DIR="+root, 1)
			cmd.Env = append(cmd.Env, word)
		}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%q: %v: %s", argv, err, out)
		}
		return string(out)
	}
	for _, test := range []struct {
		argv []string
		want string
	}{
		{config.Entrypoint, "run hello always by default\n"},
		{append(config.Entrypoint, "mine"), "run hello always mine\n"},
		{[]string{"/cnb/process/a.worker"}, "tool\n"},
		{[]string{"/cnb/lifecycle/launcher", "echo $PROFILE $X; pwd"}, "sourced 1\n" + root + "/app\n"},
	} {
		if got := run(test.argv...); got != test.want {
			t.Errorf("%q printed %q, want %q", test.argv, got, test.want)
		}
	}
}
