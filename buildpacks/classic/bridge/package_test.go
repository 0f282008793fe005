package bridge_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/buildpacks/classic"
	"github.com/slugc/slugc/buildpacks/classic/bridge"
)

// version is one that was made of files.
var version = regexp.MustCompile(`0\.0\.[0-9]+`)

// written are the files of a package by name, with their modes.
func written(t *testing.T, p bridge.Package) map[string]string {
	t.Helper()
	dir := t.TempDir()
	if err := p.Write(dir); err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, file)
		if err != nil {
			return err
		}
		if d.Type()&fs.ModeSymlink != 0 {
			found[rel], err = os.Readlink(file)
			return err
		}
		data, err := os.ReadFile(file)
		info, statErr := d.Info()
		if statErr == nil {
			found[rel] = info.Mode().String() + " " + string(data)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func programs() []bridge.Program {
	return []bridge.Program{{Arch: "amd64", Content: []byte("one")}, {Arch: "arm64", Content: []byte("two")}}
}

func TestPackage(t *testing.T) {
	y := newYard(t)
	b := y.classic("my_buildpack", files{"lib/a": "text", "made.cnb": "x", ".git/config": "x", "out/b": "x"})
	if err := os.Chmod(y.at("my_buildpack/lib/a"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := bridge.Package{Classic: b, Ref: y.at("my_buildpack"), Programs: programs(), Exclude: func(file string) bool {
		return file == y.at("my_buildpack/made.cnb") || file == y.at("my_buildpack/out")
	}}
	got := written(t, p)
	want := map[string]string{"buildpack.toml": got["buildpack.toml"]}
	for _, program := range p.Programs {
		dir := filepath.Join("linux", program.Arch)
		want[dir+"/bin/build"] = "-rwxr-xr-x " + string(program.Content)
		want[dir+"/bin/detect"] = "build"
		want[dir+"/classic/bin/compile"] = "-rwxr-xr-x #!/bin/bash\ntrue\n"
		want[dir+"/classic/bin/detect"] = "-rwxr-xr-x #!/bin/bash\necho Test\n"
		want[dir+"/classic/lib/a"] = "-rw-r--r-- text"
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(`-rw-r--r-- api = "0.10"

[buildpack]
  id = "classic/my-buildpack"
  version = "0.0.N"
  name = "my_buildpack"
  description = "A classic buildpack, unchanged, for any platform of Cloud Native Buildpacks"
  clear-env = true

[[targets]]
  os = "linux"
  arch = "amd64"

[[targets]]
  os = "linux"
  arch = "arm64"
`, version.ReplaceAllString(got["buildpack.toml"], "0.0.N")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(got, written(t, p)); diff != "" {
		t.Errorf("the second time it is another:\n%s", diff)
	}
	y.put("my_buildpack/lib/a", "other")
	if written(t, p)["buildpack.toml"] == got["buildpack.toml"] {
		t.Error("other files have the same version")
	}
}

func TestPackageOfAnAddress(t *testing.T) {
	y := newYard(t)
	b := y.classic("b", files{"buildpack.toml": "[buildpack]\nname = \"Say \\\"hi\\\"\"\n"}).Named("owner/thing", "0123456789ab")
	got := written(t, bridge.Package{
		Classic: b, Ref: "https://git.example/owner/thing.git#v12.3", Digest: "git:0123", Programs: programs()[1:],
	})["buildpack.toml"]
	for _, want := range []string{
		`id = "classic/owner/thing"`, `version = "12.3.0"`, `name = "Say \"hi\""`, `homepage = "https://git.example/owner/thing"`,
		`description = "The classic buildpack https://git.example/owner/thing.git#v12.3 git:0123"`,
	} {
		if !strings.Contains(got, want+"\n") {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
	if strings.Contains(got, "amd64") {
		t.Errorf("got\n%s", got)
	}
	got = written(t, bridge.Package{Classic: b, ID: "a/b", Version: "4.5.6", Ref: "ssh://git@git.example/x#v1", Programs: programs()})["buildpack.toml"]
	if !strings.Contains(got, `id = "a/b"`) || !strings.Contains(got, `version = "4.5.6"`) || strings.Contains(got, "homepage") {
		t.Errorf("got\n%s", got)
	}
}

// TestPackageIsNoClassicBuildpack: what comes out has to be taken for what it is.
func TestPackageIsNoClassicBuildpack(t *testing.T) {
	y := newYard(t)
	y.pack(nil)
	if is, err := classic.Is(y.at("package/linux/amd64")); is || err != nil {
		t.Errorf("got %t, %v", is, err)
	}
}
