package golang_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/buildpacks/language/languagetest"
)

func testSettings(t *testing.T, _ spec.G, it spec.S) {
	var s *site
	it.Before(func() { s = newSite(t) })
	calls := func() string { return strings.Join(s.calls(), "\n") }

	it("hands flags to the go command, with one list of tags", func() {
		s.Env["GOFLAGS"] = "-tags=a -p=1 -mod=readonly -modcacherw"
		s.Env["BP_GO_BUILD_FLAGS"] = `-tags b,c -gcflags "all=-N -l" -buildmode=pie -trimpath`
		s.Env["BP_GO_BUILD_LDFLAGS"] = "-s -w"
		s.Env["GO_LINKER_SYMBOL"], s.Env["GO_LINKER_VALUE"] = "main.version", "v 1"
		s.Write(map[string]string{"fake-build.sh": `echo "GOFLAGS=$GOFLAGS" >>"$FAKE_LOG"` + "\n"})
		s.mustBuild()
		languagetest.Holds(t, calls(), "go build -mod=readonly -tags=heroku,a,b,c -trimpath -buildvcs=false -ldflags=-s -w -X 'main.version=v 1' -gcflags=all=-N -l -buildmode=pie -o ", "GOFLAGS=-modcacherw -p=1")
	})

	it("takes modules from vendor", func() {
		s.Write(map[string]string{"go.mod": asksUUID, "main.go": usesUUID, "vendor/modules.txt": "# github.com/google/uuid v1.6.0\n## explicit; go 1.19\ngithub.com/google/uuid\n", "vendor/github.com/google/uuid/uuid.go": "package uuid\n"})
		languagetest.Lacks(t, s.mustBuild(), "Downloading modules")
		languagetest.Holds(t, calls(), "go list", "-mod=vendor", "go build -mod=vendor")
		if diff := cmp.Diff([]string{"bin/hello -> ../../layers/commands/bin/hello"}, s.Files("app")); diff != "" {
			t.Error(diff)
		}
	})

	it("builds with C what uses it, and nothing else", func() {
		s.Write(map[string]string{"fake-list.sh": "echo 'go: downloading github.com/some/sqlite v1.0.0'; echo 'slugc-uses-c github.com/some/sqlite'\n"})
		s.Env["PATH"] = filepath.Join(s.Dir, "tools") + ":" + s.Env["PATH"]
		s.Put(filepath.Join(s.Dir, "tools", "gcc"), "#!/bin/sh\n", 0o755)
		out := s.mustBuild()
		languagetest.Holds(t, out, "With C, which is used by github.com/some/sqlite")
		languagetest.Lacks(t, out, "slugc-uses-c")
		languagetest.Holds(t, calls(), "CGO_ENABLED=1 go build")

		s.Env["CGO_ENABLED"] = "0"
		s.Remake(oneCommand)
		s.mustBuild()
		languagetest.Holds(t, calls(), "CGO_ENABLED=0 go list", "CGO_ENABLED=0 go build")
	})

	it("says that a package needs C where there is no compiler", func() {
		s.Write(map[string]string{"fake-list.sh": "echo 'slugc-uses-c github.com/some/sqlite'\n"})
		s.Env["CC"] = "no-such-compiler"
		_, err := s.build()
		if err == nil {
			t.Fatal("it was built")
		}
		languagetest.Holds(t, err.Error(), "github.com/some/sqlite is compiled with C, and the stack has no C compiler", "  slugc build -e CGO_ENABLED=0")
	})

	it("hands credentials to the go command alone", func() {
		for _, binding := range []struct{ name, kind, file, text string }{
			{"one", "netrc", ".netrc", "machine one.test login me password word1"},
			{"two", "git-credentials", "credentials", "username=me\npassword=word2\n"},
			{"two", "git-credentials", "context", "https://two.test/team"},
		} {
			dir := filepath.Join(s.Dir, "platform", "bindings", binding.name)
			s.Put(filepath.Join(dir, "type"), binding.kind, 0o644)
			s.Put(filepath.Join(dir, binding.file), binding.text, 0o644)
		}
		s.Env["GO_GIT_CRED__HTTPS__GIT__EXAMPLE__COM"] = "word3"
		s.Env["GO_GIT_CRED__HTTPS__THREE__TEST"] = "you:word4"
		s.Env["HOME"] = filepath.Join(s.Dir, "home")
		s.Write(map[string]string{
			"fake-list.sh":        `cat "$HOME/.netrc" >>"$FAKE_LOG"; env | grep GO_GIT >>"$FAKE_LOG"` + "\n",
			"bin/go-pre-compile*": "#!/bin/sh\n! env | grep -q GO_GIT_CRED && ! test -e \"$HOME/.netrc\" && echo \"no secrets here\"\n",
		})
		languagetest.Holds(t, s.mustBuild(), "Running bin/go-pre-compile", "no secrets here")
		got := calls()
		languagetest.Holds(t, got, "machine one.test login me password word1\nmachine two.test login me password word2\n"+
			"machine git.example.com login word3 password x-oauth-basic\nmachine three.test login you password word4\n")
		languagetest.Lacks(t, got, "GO_GIT_CRED")
		if _, err := os.Stat(filepath.Join(s.Layers, ".scratch")); err == nil {
			t.Error("the scratch is left")
		}
	})

	it("refuses credentials that say nothing", func() {
		s.Env["GO_GIT_CRED__SSH__HOST"] = "x"
		_, err := s.build()
		if err == nil {
			t.Fatal("it was built")
		}
		languagetest.Holds(t, err.Error(), "GO_GIT_CRED__SSH__HOST names no host of HTTPS", "GO_GIT_CRED__HTTPS__GIT__EXAMPLE__COM")
	})
}

func testSource(t *testing.T, _ spec.G, it spec.S) {
	var s *site
	app := map[string]string{
		"go.mod": oneCommand["go.mod"], "go.sum": "", "main.go": oneCommand["main.go"], "main_test.go": "package main\n",
		"internal/a/a.go": "package a\n", "internal/a/a.s": "", "internal/a/testdata/x": "", "internal/a/notes.txt": "",
		"templates/page.html": "", "assets/lib.c": "", "Procfile": "web: bin/hello\n", "testdata/x": "", ".github/a.go": "",
		"bin/go-pre-compile*":  "#!/bin/sh\necho before; test -n \"$GOROOT\" && printf 'package gen\\n' >gen/gen.go\n",
		"bin/go-post-compile*": "#!/bin/sh\necho after; bin/hello -test.list none >built.txt\n",
		"gen/README":           "",
	}
	link := "bin/hello -> ../../layers/commands/bin/hello"
	it.Before(func() {
		s = newSite(t)
		s.Remake(app)
	})

	it("leaves out what is compiled, and keeps everything else", func() {
		out := s.mustBuild()
		languagetest.Holds(t, out, "Running bin/go-pre-compile", "       before\n", "Running bin/go-post-compile", "       after\n", "Left out 11 files")
		want := []string{".github/a.go", "Procfile", "assets/lib.c", link, "built.txt", "gen/README", "internal/a/notes.txt", "templates/page.html"}
		if diff := cmp.Diff(want, s.Files("app")); diff != "" {
			t.Error(diff)
		}
	})

	it("keeps what it is told to keep", func() {
		s.Env["BP_KEEP_FILES"] = "internal/*:go.mod:testdata"
		s.mustBuild()
		want := []string{".github/a.go", "Procfile", "assets/lib.c", link, "built.txt", "gen/README", "go.mod", "internal/a/a.go", "internal/a/a.s",
			"internal/a/notes.txt", "internal/a/testdata/x", "templates/page.html", "testdata/x"}
		if diff := cmp.Diff(want, s.Files("app")); diff != "" {
			t.Error(diff)
		}
		s.Env["BP_GO_KEEP_SOURCE"] = "true"
		s.Remake(app)
		languagetest.Holds(t, s.mustBuild(), "BP_GO_KEEP_SOURCE keeps it")
		if got := len(s.Files("app")); got != len(app)+3 {
			t.Errorf("there are %d files: %q", got, s.Files("app"))
		}
	})

	it("runs hooks, and nothing else, when nothing changed", func() {
		s.mustBuild()
		s.calls()
		s.Remake(app)
		out := s.mustBuild()
		languagetest.Holds(t, out, "       before\n", "       after\n", "Reusing hello")
		if calls := s.calls(); calls != nil {
			t.Errorf("called %q", calls)
		}
	})

	it("says that a hook failed, and that one does not run", func() {
		s.Write(map[string]string{"bin/go-pre-compile*": "#!/bin/sh\necho broken; exit 3\n"})
		_, err := s.build()
		if err == nil {
			t.Fatal("it was built")
		}
		languagetest.Holds(t, err.Error(), "bin/go-pre-compile failed: exit status 3\nit is the app's own\n", "  broken")
		if err := os.Chmod(filepath.Join(s.App, "bin", "go-pre-compile"), 0o644); err != nil {
			t.Fatal(err)
		}
		languagetest.Holds(t, s.mustBuild(), "bin/go-pre-compile is not executable, so it does not run", "  git update-index --chmod=+x bin/go-pre-compile")
	})
}
