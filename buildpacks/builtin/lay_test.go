package builtin_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/buildpacks/builtin"
	"github.com/slugc/slugc/buildpacks/cnb"
)

// TestBuilder makes sure that the builder has all buildpacks, in their order.
func TestBuilder(t *testing.T) {
	order, _, err := cnb.ParseOrder("builder.toml")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(builtin.Order(), order); diff != "" {
		t.Error(diff)
	}
	var doc struct{ Buildpacks []struct{ URI string } }
	if _, err := toml.DecodeFile("builder.toml", &doc); err != nil {
		t.Fatal(err)
	}
	var named []string
	for _, b := range doc.Buildpacks {
		named = append(named, b.URI)
	}
	var all []string
	for _, group := range builtin.Order() {
		for _, m := range group {
			if !slices.Contains(all, m.ID) {
				all = append(all, m.ID)
			}
		}
	}
	slices.Sort(all)
	slices.Sort(named)
	if diff := cmp.Diff(all, named); diff != "" {
		t.Error(diff)
	}
}

func TestLay(t *testing.T) {
	for _, group := range builtin.Order() {
		for _, m := range group {
			dir := filepath.Join(t.TempDir(), "laid")
			is, err := builtin.Lay(dir, m.ID, []builtin.Program{{Arch: "amd64", Content: []byte("a")}, {Arch: "arm64", Content: []byte("b")}})
			if !is || err != nil {
				t.Fatalf("%s: %v, %v", m.ID, is, err)
			}
			if _, err := os.Stat(filepath.Join(dir, "buildpack.toml")); err != nil {
				t.Error(err)
			}
			for arch, want := range map[string]string{"amd64": "a", "arm64": "b"} {
				for _, script := range []string{"detect", "build"} {
					file := filepath.Join(dir, "linux", arch, "bin", script)
					got, err := os.ReadFile(file)
					if err != nil || string(got) != want {
						t.Errorf("%s: got %q, %v", file, got, err)
					}
					if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o755 {
						t.Errorf("%s: got %v, %v", file, info, err)
					}
				}
			}
		}
	}
	if is, err := builtin.Lay(filepath.Join(t.TempDir(), "laid"), "somebody/else", nil); is || err != nil {
		t.Errorf("a buildpack of somebody else: %v, %v", is, err)
	}
}
