package cnb_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/buildpacks/cnb"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/sandbox"
)

func TestProbe(t *testing.T) { spec.Run(t, "bin/detect", testProbe) }

func testProbe(t *testing.T, when spec.G, it spec.S) {
	var (
		home string
		site buildpacks.Site
	)
	it.Before(func() {
		home = t.TempDir()
		host, err := stack.Host()
		if err != nil {
			t.Fatal(err)
		}
		dir := func(name string) buildpacks.Dir {
			d := buildpacks.Dir{Host: filepath.Join(home, name), Path: "/" + name}
			put(t, filepath.Join(d.Host, "is"), "", 0o644)
			return d
		}
		site = buildpacks.Site{
			Stack: host, Runner: sandbox.Namespaces{}, App: dir("app"), Platform: dir("platform"), Scratch: dir("scratch").Host,
		}
	})

	// open makes a buildpack with a bin/detect.
	open := func(script string, mode os.FileMode) (*cnb.Buildpack, error) {
		t.Helper()
		dir := filepath.Join(home, "buildpack")
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		put(t, filepath.Join(dir, "buildpack.toml"), "api = \"0.12\"\n[buildpack]\nid = \"test/bp\"\nversion = \"1\"\n", 0o644)
		put(t, filepath.Join(dir, "bin/detect"), script, mode)
		put(t, filepath.Join(dir, "bin/build"), "#!/bin/sh\n", 0o755)
		return cnb.Open(dir)
	}
	mustOpen := func(script string) *cnb.Buildpack {
		t.Helper()
		b, err := open(script, 0o755)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	probe := func(b *cnb.Buildpack) buildpacks.Detection {
		t.Helper()
		d, err := b.Probe(t.Context(), site)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}

	when("the script is well", func() {
		it("keeps metadata of every type, and takes no notice of keys it does not know", func() {
			d := probe(mustOpen(`#!/bin/bash
cat >"$CNB_BUILD_PLAN_PATH" <<'PLAN'
color = "blue"
[[provides]]
name = "jdk"
size = 3
[[requires]]
name = "jdk"
mood = "good"
[requires.metadata]
string = "a"
int = 7
float = 1.5
bool = true
date = 1979-05-27T07:32:00Z
list = [1, "two", [3.0]]
[requires.metadata.table]
key = "value"
PLAN`))
			want := []buildpacks.Alternative{{
				Provides: []string{"jdk"},
				Requires: []buildpacks.Requirement{{Name: "jdk", Metadata: map[string]any{
					"string": "a", "int": int64(7), "float": 1.5, "bool": true,
					"date":  time.Date(1979, 5, 27, 7, 32, 0, 0, time.UTC),
					"list":  []any{int64(1), "two", []any{3.0}},
					"table": map[string]any{"key": "value"},
				}}},
			}}
			if diff := cmp.Diff(want, d.Plans); diff != "" || d.Verdict != buildpacks.Pass {
				t.Errorf("%s, plans (-expected +got):\n%s", d.Verdict, diff)
			}
		})
		it("takes the version key of old plans as metadata", func() {
			d := probe(mustOpen(`#!/bin/sh
printf '[[requires]]\nname = "a"\nversion = "1"\n[[requires]]\nname = "b"\nversion = "1"\n[requires.metadata]\nversion = "2"\n' >>"$2"`))
			want := []buildpacks.Requirement{
				{Name: "a", Metadata: map[string]any{"version": "1"}},
				{Name: "b", Metadata: map[string]any{"version": "2"}},
			}
			if diff := cmp.Diff(want, d.Plans[0].Requires); diff != "" {
				t.Errorf("requires (-expected +got):\n%s", diff)
			}
		})
		it("is told the execution environment", func() {
			b := mustOpen("#!/bin/sh\necho in $CNB_EXEC_ENV\nexit 100\n")
			if d := probe(b); d.Reason != "in production\n" {
				t.Errorf("got %q", d.Reason)
			}
			site.ExecEnv = "test"
			if d := probe(b); d.Reason != "in test\n" {
				t.Errorf("got %q", d.Reason)
			}
		})
		it("leaves nothing behind", func() {
			probe(mustOpen("#!/bin/sh\nhead -c 1000000 /dev/zero >/plan/more\n"))
			entries, err := os.ReadDir(site.Scratch)
			if err != nil || len(entries) != 1 {
				t.Errorf("%v, %v", entries, err)
			}
		})
	})

	when("it is missing or cannot be run", func() {
		it("does not open", func() {
			if _, err := open("#!/bin/sh\n", 0o644); err == nil || !strings.Contains(err.Error(), "bin/detect is not an executable file; run chmod +x ") {
				t.Errorf("got %v", err)
			}
			b := mustOpen("#!/bin/sh\n")
			if err := os.Remove(filepath.Join(b.Dir, "bin/detect")); err != nil {
				t.Fatal(err)
			}
			if _, err := cnb.Open(b.Dir); err == nil || !strings.Contains(err.Error(), "buildpack test/bp@1: no bin/detect") {
				t.Errorf("got %v", err)
			}
		})
		it("is an error when it goes later", func() {
			b := mustOpen("#!/bin/sh\n")
			if err := os.Remove(filepath.Join(b.Dir, "bin/detect")); err != nil {
				t.Fatal(err)
			}
			if d := probe(b); d.Verdict != buildpacks.Error || d.Code != 127 || !strings.Contains(d.Reason, "/cnb/buildpacks/test_bp/1/bin/detect") {
				t.Errorf("got %+v", d)
			}
		})
		for name, script := range map[string]string{
			"for another machine":             "\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xf3\x00\x01\x00\x00\x00",
			"of an interpreter that is not":   "#!/no/such/interpreter\n",
			"nothing that a kernel would run": "\x00\x01\x02",
		} {
			it("is an error: "+name, func() {
				if d := probe(mustOpen(script)); d.Verdict != buildpacks.Error || d.Code < 126 || !strings.HasPrefix(d.Reason, "bin/detect: ") {
					t.Errorf("got %+v", d)
				}
			})
		}
	})

	when("it misbehaves", func() {
		it("is ended when it hangs", func() {
			b := mustOpen("#!/bin/sh\necho thinking\ntrap '' TERM INT\nwhile :; do sleep 1; done\n")
			b.DetectTimeout = 300 * time.Millisecond
			if d := probe(b); d.Verdict != buildpacks.Error || d.Code != -1 || d.Reason != "bin/detect: timed out after 300ms\nthinking" {
				t.Errorf("got %+v", d)
			}
		})
		it("may print a gigabyte", func() {
			d := probe(mustOpen("#!/bin/sh\nhead -c 1000000000 /dev/zero\nexit 100\n"))
			if d.Verdict != buildpacks.Fail || len(d.Reason) > 32<<10 {
				t.Errorf("%s, %d bytes of reason", d.Verdict, len(d.Reason))
			}
		})
		it("says which signal ended it", func() {
			for signal, want := range map[string]string{"SEGV": "signal 11", "KILL": "signal 9", "TERM": "signal 15"} {
				if d := probe(mustOpen("#!/bin/sh\nkill -" + signal + " $$\n")); d.Verdict != buildpacks.Error || d.Code != -1 || !strings.Contains(d.Reason, want) {
					t.Errorf("%s: got %+v", signal, d)
				}
			}
		})
		it("takes its daemons with it", func() {
			// The daemon holds the script's output and would touch the file.
			start := time.Now()
			d := probe(mustOpen("#!/bin/bash\nsetsid sh -c 'sleep 100; echo late' &\ndisown\nexit 100\n"))
			if d.Verdict != buildpacks.Fail || time.Since(start) > 20*time.Second {
				t.Errorf("%+v after %s", d, time.Since(start))
			}
		})
		it("may leave no plan that is too large, no file or not TOML", func() {
			for script, want := range map[string]string{
				`head -c 100000000 /dev/zero >"$2"`:                    "larger than 1024 KiB",
				`rm "$2"; mkfifo "$2"`:                                 "expected a regular file",
				`rm "$2"; ln -s /etc/passwd "$2"`:                      "expected a regular file",
				`rm "$2"; mkdir "$2"`:                                  "expected a regular file",
				`printf '\n\nnot = = 1\n' >"$2"`:                       "line 3: ",
				`printf '\n[[requires]]\nname = 3\n' >"$2"`:            "line 3 ",
				`printf '\377\n' >"$2"`:                                "line 1: ",
				`printf '[[or]]\n[[or.requires]]\nnome = "x"\n' >"$2"`: "requires something without a name",
				`printf '[[requires]]\nname = "x"\nmetadata.a =' >"$2"; head -c 9999 /dev/zero | tr '\0' '[' >>"$2"`: "line 3: nested more than 100 levels deep",
			} {
				d := probe(mustOpen("#!/bin/sh\necho asked\n" + script))
				if d.Verdict != buildpacks.Error || !strings.Contains(d.Reason, want) || !strings.HasSuffix(d.Reason, "\nasked") {
					t.Errorf("%s: got %+v, expected %q", script, d, want)
				}
			}
		})
		it("may leave no plan at all", func() {
			if d := probe(mustOpen("#!/bin/sh\nrm \"$2\"\n")); d.Verdict != buildpacks.Pass {
				t.Errorf("got %+v", d)
			}
		})
	})

	it("ends with the context, which is no verdict", func() {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		if d, err := mustOpen("#!/bin/sh\nsleep 100\n").Probe(ctx, site); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "asking test/bp@1") {
			t.Errorf("got %+v, %v", d, err)
		}
	})
}
