//go:build acceptance

package fetch_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/buildpacks/fetch/packtest"
)

// TestPackagesOfPack reads what the reference platform packs: a component, a
// composite with its members, the same with all in one layer, and one for
// several targets.
func TestPackagesOfPack(t *testing.T) {
	dir := t.TempDir()
	targets := "[[targets]]\nos = \"linux\"\narch = \"amd64\"\n[[targets]]\nos = \"linux\"\narch = \"arm64\"\n"
	for name, f := range map[string]files{
		"one": component("test/one", "1.0.0"),
		"two": component("test/two", "1.0.0"),
		"all": composite("test/all", []string{"test/one", "test/two"}, "../one", "../two"),
	} {
		if name != "all" {
			f["buildpack.toml"] += targets
		}
		f.write(t, filepath.Join(dir, name))
	}
	const all = "test/all@1.0.0: [test/all@1.0.0] test/one@1.0.0 test/two@1.0.0"
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"component": {[]string{"--path", filepath.Join(dir, "one"), "--target", "linux/amd64"}, "test/one@1.0.0: test/one@1.0.0"},
		"composite": {[]string{"--config", filepath.Join(dir, "all/package.toml"), "--target", "linux/amd64"}, all},
		"flat":      {[]string{"--config", filepath.Join(dir, "all/package.toml"), "--target", "linux/amd64", "--flatten"}, all},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "made.cnb")
			packtest.Run(t, append([]string{"buildpack", "package", file, "--format", "file"}, c.args...)...)
			p := fetched(t, fetcher(t), file, c.want)
			for _, b := range p.Buildpacks {
				info, err := os.Stat(filepath.Join(b.Dir, "bin/build"))
				if err != nil || info.Mode().Perm() != 0o755 {
					t.Error(info, err)
				}
				if diff := cmp.Diff(component(b.Descriptor().ID, "1.0.0")["bin/build"], read(t, filepath.Join(b.Dir, "bin/build"))); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	must(t, err)
	return string(data)
}
