//go:build acceptance

package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// scripts makes a buildpack of files by path, and returns its directory.
func (s *slugc) scripts(name string, files map[string]string) string {
	s.t.Helper()
	dir := filepath.Join(s.dir, name)
	for file, text := range files {
		mode := os.FileMode(0o644)
		if strings.HasPrefix(file, "bin/") {
			text, mode = "#!/bin/bash\nset -eu\n"+text+"\n", 0o755
		}
		put(s.t, filepath.Join(dir, file), text)
		if err := os.Chmod(filepath.Join(dir, file), mode); err != nil {
			s.t.Fatal(err)
		}
	}
	return dir
}

// TestModes builds again and again as an ordinary user where buildpacks took
// permissions away, from what is theirs and what is not. A build can suffer from
// what it did itself, but never one after it.
func TestModes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		script string
		// fails says that the build cannot end well.
		fails bool
	}{
		"a layer for processes":                {script: `mkdir -p $1/x/d; echo 1 >$1/x/d/f; printf '[types]\nlaunch=true\n' >$1/x.toml; chmod 555 $1/x/d $1/x`},
		"a cached layer":                       {script: `mkdir -p $1/x/d; echo 1 >$1/x/d/f; printf '[types]\nlaunch=true\ncache=true\n' >$1/x.toml; chmod 555 $1/x/d $1/x`},
		"a directory of the app":               {script: `touch /app/d/extra; chmod 555 /app/d`},
		"a closed directory of the app":        {script: `touch /app/d/extra; chmod 000 /app/d`, fails: true},
		"the app":                              {script: `touch /app/extra; chmod 555 /app`},
		"the closed app":                       {script: `chmod 000 /app`, fails: true},
		"the directory of slugc":               {script: `chmod 555 /app/.slugc`},
		"the closed directory of slugc":        {script: `chmod 000 /app/.slugc`},
		"the layers":                           {script: `chmod 555 /app/.slugc/layers`},
		"the closed layers":                    {script: `chmod 000 /app/.slugc/layers`},
		"the layers of the buildpack":          {script: `chmod 000 $1`},
		"the layers of nobody":                 {script: `mkdir -p /app/.slugc/layers/zz/a; touch /app/.slugc/layers/zz/a/f; chmod 555 /app/.slugc/layers/zz/a; chmod 000 /app/.slugc/layers/zz`},
		"all that lies in the app, in the end": {script: `mkdir -p $1/x; printf '[types]\ncache=true\n' >$1/x.toml; chmod 555 /app/.slugc /app/.slugc/layers $1 /app/d /app`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := ordinary(t)
			put(t, filepath.Join(s.dir, "app/d/file"), "text")
			breaks := s.scripts("breaks", map[string]string{
				"bin/detect": "true", "bin/build": `[ -e /app/well ] || { ` + c.script + `; }`,
				"buildpack.toml": "api = \"0.10\"\n[buildpack]\nid = \"test/breaks\"\nversion = \"1\"\n",
			})
			later := s.scripts("later", map[string]string{
				"bin/detect": "true", "bin/build": `mkdir -p $1/y; printf '[types]\nlaunch=true\n' >$1/y.toml`,
				"buildpack.toml": "api = \"0.10\"\n[buildpack]\nid = \"test/later\"\nversion = \"1\"\n",
			})
			classic := s.scripts("classic", map[string]string{
				"bin/detect": "echo Classic", "bin/compile": `touch "$1/compiled" "$2/cached"`,
				"bin/release": `printf 'config_vars: {A: b}\ndefault_process_types: {web: "true"}\n'`,
			})
			open(t, s.dir)
			for _, group := range [][]string{{breaks, classic}, {classic, breaks, later}} {
				build := []string{"build", "app", "-o", "slug:" + filepath.Join(s.dir, "a.tgz")}
				for _, b := range group {
					build = append(build, "-b", b)
				}
				for range 2 {
					if code, out := s.run(build...); (code != 0) != c.fails {
						t.Fatalf("%q: exit code %d\n%s", build, code, out)
					} else if strings.Contains(out, "permission denied") && !c.fails || strings.Contains(out, "Not reusing") {
						t.Errorf("%q:\n%s", build, out)
					}
				}
				// Somebody mends the buildpack, here by a word in the app.
				put(t, filepath.Join(s.dir, "app/well"), "")
				s.must(build...)
				if err := os.Remove(filepath.Join(s.dir, "app/well")); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// TestForgetsCache goes on without what a build left when it cannot be restored.
func TestForgetsCache(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("needs root to make a directory that is not the user's")
	}
	s := ordinary(t)
	put(t, filepath.Join(s.dir, "app/file"), "text")
	bp := s.scripts("bp", map[string]string{
		"bin/detect": "true", "bin/build": `mkdir -p $1/x; echo 1 >>$1/x/runs; cat $1/x/runs; printf '[types]\ncache=true\n' >$1/x.toml`,
		"buildpack.toml": "api = \"0.10\"\n[buildpack]\nid = \"test/bp\"\nversion = \"1\"\n",
	})
	open(t, s.dir)
	build := []string{"build", "app", "-b", bp, "-o", "slug:" + filepath.Join(s.dir, "a.tgz")}
	s.env = []string{"SLUGC_CACHE=" + filepath.Join(s.dir, "cache")}
	s.must(build...)
	found, err := filepath.Glob(filepath.Join(s.dir, "cache/apps/*/app/.slugc/layers"))
	if err != nil || len(found) != 1 {
		t.Fatalf("found %q, %v", found, err)
	}
	foreign := filepath.Join(found[0], "foreign")
	if err := os.Mkdir(foreign, 0o700); err != nil {
		t.Fatal(err)
	}
	if out := s.must(build...); !strings.Contains(out, "goes on without what the last one left") {
		t.Errorf("it says nothing:\n%s", out)
	}
	if _, err := os.Lstat(foreign); err == nil {
		t.Error("it is still there")
	}
	if out := s.must(build...); strings.Contains(out, "goes on without") || !strings.Contains(out, "\n1\n1\n") {
		t.Errorf("the next one does not reuse the layer:\n%s", out)
	}
	var st syscall.Stat_t
	if err := syscall.Stat(found[0], &st); err != nil || int(st.Uid) != int(s.user.Uid) {
		t.Errorf("the layers are of user %d, %v", st.Uid, err)
	}
}
