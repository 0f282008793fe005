package builder_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slugc/slugc/build/builder"
	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/buildpacks/fetch"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/sandbox"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// files are texts by path. What is in a bin is executable.
type files map[string]string

// write writes the files to a directory.
func (f files) write(t testing.TB, dir string) string {
	t.Helper()
	for name, text := range f {
		file := filepath.Join(dir, name)
		must(t, os.MkdirAll(filepath.Dir(file), 0o755))
		mode := os.FileMode(0o644)
		if strings.Contains(name, "bin/") {
			mode = 0o755
		}
		must(t, os.WriteFile(file, []byte(text), mode))
	}
	return dir
}

// component is the files of a buildpack, and more of its buildpack.toml.
func component(id, more string) files {
	return files{
		"buildpack.toml": fmt.Sprintf("api = \"0.10\"\n[buildpack]\nid = %q\nversion = \"1.0.0\"\n%s", id, more),
		"bin/detect":     "#!/bin/sh\nexit 0\n",
		"bin/build":      "#!/bin/sh\necho " + id + "\n",
	}
}

// composite is the files of a buildpack that is an order of others, which its
// package.toml names by uris.
func composite(id string, members []string, uris ...string) files {
	text := fmt.Sprintf("api = \"0.10\"\n[buildpack]\nid = %q\nversion = \"1.0.0\"\n[[order]]\n", id)
	for _, m := range members {
		text += fmt.Sprintf("[[order.group]]\nid = %q\nversion = \"1.0.0\"\n", m)
	}
	config := "[buildpack]\nuri = \".\"\n"
	for _, u := range uris {
		config += fmt.Sprintf("[[dependencies]]\nuri = %q\n", u)
	}
	return files{"buildpack.toml": text, "package.toml": config}
}

// fetcher is one with a store of its own.
func fetcher(t testing.TB) fetch.Fetcher {
	t.Helper()
	host, err := stack.Host()
	must(t, err)
	return fetch.Fetcher{
		Dir: filepath.Join(t.TempDir(), "store"), Runner: sandbox.Namespaces{}, Stack: host,
		Target: stack.Target{OS: "linux", Arch: "amd64"},
	}
}

// packaged packages, and hands out the first image.
func packaged(t testing.TB, from string, targets ...buildpacks.Target) builder.Package {
	t.Helper()
	made, err := builder.Packager{Fetcher: fetcher(t), Temp: t.TempDir()}.Package(t.Context(), from, targets)
	must(t, err)
	return made
}
