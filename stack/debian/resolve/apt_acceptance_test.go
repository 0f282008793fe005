//go:build acceptance

package resolve_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/stack/debian/resolve"
)

// apt is this machine's apt with the state of a system that has no packages.
type apt struct {
	dir string
}

func newApt(ctx context.Context, t *testing.T) apt {
	t.Helper()
	a := apt{dir: t.TempDir()}
	for _, dir := range []string{"lists/partial", "cache/archives/partial"} {
		if err := os.MkdirAll(filepath.Join(a.dir, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{"status", "extended_states"} {
		if err := os.WriteFile(filepath.Join(a.dir, file), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	a.run(ctx, t, "update")
	return a
}

func (a apt) run(ctx context.Context, t *testing.T, args ...string) string {
	t.Helper()
	options := []string{
		"-o", "Dir::State=" + a.dir, "-o", "Dir::State::status=" + filepath.Join(a.dir, "status"),
		"-o", "Dir::State::lists=" + filepath.Join(a.dir, "lists"), "-o", "Dir::Cache=" + filepath.Join(a.dir, "cache"),
		"-o", "Dir::Etc::preferences=/dev/null", "-o", "Dir::Etc::preferencesparts=/dev/null",
		"-o", "Acquire::GzipIndexes=false", "-o", "Acquire::Languages=none", "-o", "APT::Sandbox::User=root",
		"-o", "APT::Architecture=amd64", "-o", "APT::Architectures=amd64",
	}
	cmd := exec.CommandContext(ctx, "apt-get", append(options, args...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("apt-get %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// selects returns what apt would install, as "name version".
func (a apt) selects(ctx context.Context, t *testing.T, wanted []string) []string {
	t.Helper()
	out := a.run(ctx, t, append([]string{"install", "--simulate", "--no-install-recommends"}, wanted...)...)
	var all []string
	for _, m := range regexp.MustCompile(`(?m)^Inst ([^ ]+) \(([^ ]+) `).FindAllStringSubmatch(out, -1) {
		all = append(all, m[1]+" "+m[2])
	}
	slices.Sort(all)
	return all
}

// universe is what apt has fetched.
func (a apt) universe(t *testing.T) archive {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(a.dir, "lists", "*_Packages"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skip("the apt sources of this machine have no packages")
	}
	u := newArchive("amd64")
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		u.add(t, filepath.Base(file), data)
	}
	return u
}

// The index of this machine's own Debian is resolved as its apt does.
func TestSelectsWhatAptSelects(t *testing.T) {
	if _, err := exec.LookPath("apt-get"); err != nil {
		t.Skip("this machine has no apt")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	a := newApt(ctx, t)
	u := a.universe(t)
	for _, wanted := range []string{
		"bash coreutils ca-certificates",
		"g++ make git curl python3",
		"openjdk-17-jdk-headless",
		"default-jdk-headless",
		"ruby",
		"php-cli",
		"nginx-light",
	} {
		t.Run(wanted, func(t *testing.T) {
			roots := strings.Fields(wanted)
			for _, name := range roots {
				if len(u.named[name]) == 0 {
					t.Skipf("the apt sources of this machine have no %s", name)
				}
			}
			start := time.Now()
			packages, err := resolve.Resolve(u, resolve.Request{Arch: "amd64", Wanted: roots})
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d packages in %s", len(packages), time.Since(start))
			var got []string
			for _, p := range packages {
				got = append(got, p.Name+" "+p.Version)
			}
			slices.Sort(got)
			if diff := cmp.Diff(a.selects(ctx, t, roots), got); diff != "" {
				t.Errorf("apt (-) selects something else:\n%s", diff)
			}
		})
	}
}
