package golang_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/buildpacks/libcnb/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/buildpacks/language/languagetest"
	"github.com/slugc/slugc/stack/download"
)

func TestBuild(t *testing.T) {
	suite := spec.New("build")
	suite("commands", testCommands)
	suite("keeping", testKeeping)
	suite("versions", testVersions)
	suite("settings", testSettings)
	suite("source", testSource)
	suite("trouble", testTrouble)
	suite.Run(t)
}

// several is an app with commands below cmd.
func several(names ...string) map[string]string {
	files := map[string]string{"go.mod": oneCommand["go.mod"], "lib/lib.go": "package lib\n"}
	for _, name := range names {
		files["cmd/"+name+"/main.go"] = oneCommand["main.go"]
	}
	return files
}

func testCommands(t *testing.T, _ spec.G, it spec.S) {
	var s *site
	it.Before(func() { s = newSite(t) })

	it("builds a single command as web, into a layer and a link", func() {
		out := s.mustBuild()
		languagetest.Holds(t, out, `       Go 1.26.3 (go "1.26" in go.mod)`, "Downloaded Go 1.26.3 (not in the cache)", "Building . (not in the cache)", "Built hello, ", "       web: bin/hello\n")
		want := []string{
			"CGO_ENABLED=1 go list -deps -f " + cgoFormat + " -mod=readonly -tags=heroku ./",
			"CGO_ENABLED=0 go build -mod=readonly -tags=heroku -trimpath -buildvcs=false -o DIR/layers/.scratch/commands/bin/ ./",
		}
		if diff := cmp.Diff(want, s.calls()); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"bin/hello -> ../../layers/commands/bin/hello"}, s.Files("app")); diff != "" {
			t.Error(diff)
		}
		want = []string{"bin/hello -> " + s.Env["FAKE_BINARY"], "exec.d/limits"}
		if diff := cmp.Diff(want, s.Files("layers", "commands")); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(map[string]string{"web": "bin/hello", "default": "web"}, s.Processes()); diff != "" {
			t.Error(diff)
		}
		var layer libcnb.Layer
		if _, err := toml.Decode(s.Read("layers", "commands.toml"), &layer); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(libcnb.LayerTypes{Cache: true, Launch: true}, layer.LayerTypes); diff != "" {
			t.Error(diff)
		}
		// The program is this test.
		languagetest.Holds(t, s.Read("layers", "commands.sbom.cdx.json"), `"purl": "pkg:golang/stdlib@1.`)
		languagetest.Lacks(t, s.Read("layers", "commands", "exec.d", "limits"), "GOMAXPROCS")
	})

	it("names the processes of several commands", func() {
		for name, test := range map[string]struct {
			commands []string
			want     map[string]string
			says     string
		}{
			"web":             {commands: []string{"server", "web", "worker"}, want: map[string]string{"web": "bin/web", "server": "bin/server", "worker": "bin/worker", "default": "web"}},
			"server":          {commands: []string{"api", "server"}, want: map[string]string{"web": "bin/server", "api": "bin/api", "default": "web"}},
			"the module":      {commands: []string{"api", "hello"}, want: map[string]string{"web": "bin/hello", "api": "bin/api", "default": "web"}},
			"none of these":   {commands: []string{"api", "worker"}, want: map[string]string{"api": "bin/api", "worker": "bin/worker"}, says: "so the app has no process web.\n !     Unless a Procfile says how it starts, make one:\n !       echo \"web: bin/api\" > Procfile"},
			"but not a hook":  {commands: []string{"go-post-compile", "web"}, want: map[string]string{"web": "bin/web", "default": "web"}},
			"only one of two": {commands: []string{"hidden"}, want: map[string]string{"web": "bin/hidden", "default": "web"}},
		} {
			s.Remake(several(test.commands...))
			delete(s.Env, "BP_GO_TARGETS")
			if name == "but not a hook" {
				// The program of this test is no hook.
				s.Env["BP_GO_TARGETS"] = "cmd/web"
			}
			out := s.mustBuild()
			languagetest.Holds(t, out, test.says)
			if diff := cmp.Diff(test.want, s.Processes()); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
	})

	it("builds what is asked for, by the precedence", func() {
		files := several("web", "worker", "seed")
		files["go.mod"] = "// +heroku install ./cmd/web ./cmd/worker\n" + files["go.mod"]
		for _, test := range []struct {
			env  map[string]string
			want string
		}{
			{nil, "./cmd/web ./cmd/worker"},
			{map[string]string{"GO_INSTALL_PACKAGE_SPEC": "./cmd/w... ./cmd/seed"}, ""},
			{map[string]string{"GO_INSTALL_PACKAGE_SPEC": "./cmd/seed"}, "./cmd/seed"},
			{map[string]string{"GO_INSTALL_PACKAGE_SPEC": "./cmd/seed", "BP_GO_TARGETS": "./cmd/web:cmd/worker"}, "./cmd/web ./cmd/worker"},
			{map[string]string{"BP_GO_TARGETS": "./..."}, "./cmd/seed ./cmd/web ./cmd/worker"},
			{map[string]string{"BP_GO_TARGETS": "example.com/hello/cmd/web"}, "./cmd/web"},
			{map[string]string{"BP_GO_TARGETS": "example.com/hello/cmd/..."}, "./cmd/seed ./cmd/web ./cmd/worker"},
		} {
			s.Remake(files)
			for _, name := range []string{"GO_INSTALL_PACKAGE_SPEC", "BP_GO_TARGETS"} {
				s.Env[name] = test.env[name]
			}
			_, err := s.build()
			if test.want == "" {
				if err == nil {
					t.Errorf("%v is no error", test.env)
				}
				continue
			}
			if err != nil {
				t.Fatalf("%v: %v", test.env, err)
			}
			last := ""
			if calls := s.calls(); len(calls) > 0 {
				last = calls[len(calls)-1]
			}
			if _, got, _ := strings.Cut(last, "/bin/ "); got != test.want {
				t.Errorf("%v built %q, want %q", test.env, got, test.want)
			}
		}
	})

	it("builds a command of another module", func() {
		s.Write(map[string]string{"go.mod": asksUUID, "go.sum": sumOfUUID})
		s.Env["BP_GO_TARGETS"] = ".:github.com/google/uuid/cmd/tool/v2"
		s.Write(map[string]string{"fake-build.sh": `ln -s "$FAKE_BINARY" "$(dirname "$GOCACHE")/.scratch/commands/bin/tool"` + "\n"})
		s.mustBuild()
		if diff := cmp.Diff(map[string]string{"web": "bin/hello", "tool": "bin/tool", "default": "web"}, s.Processes()); diff != "" {
			t.Error(diff)
		}
	})

	it("builds workspaces, and makes those that are asked for", func() {
		workspace := map[string]string{
			"api/go.mod": "module example.com/shop/api\n\ngo 1.26\n", "api/main.go": "package main\n\nimport _ \"example.com/shop/lib\"\n\nfunc main() {}\n",
			"lib/go.mod": "module example.com/shop/lib\n\ngo 1.26\n", "lib/lib.go": "package lib\n",
			"other/go.mod": "module example.com/other\n", "other/main.go": oneCommand["main.go"],
			"fake-build.sh": `echo "GOWORK=$GOWORK" >>"$FAKE_LOG"; [ ! -f "$GOWORK" ] || sed "s/^/work: /" "$GOWORK" >>"$FAKE_LOG"` + "\n",
		}
		s.Remake(workspace, map[string]string{"go.work": "go 1.26\n\nuse (\n\t./api\n\t./lib\n)\n"})
		s.mustBuild()
		languagetest.Holds(t, strings.Join(s.calls(), "\n"), "/bin/ ./api\n", "GOWORK=DIR/app/go.work\n")

		s.Remake(workspace)
		s.Env["BP_GO_WORK_USE"] = "./api:./lib"
		s.mustBuild()
		languagetest.Holds(t, strings.Join(s.calls(), "\n"), "/bin/ ./api\n", "GOWORK=DIR/layers/.scratch/go.work\n", "work: go 1.26\n", "\"DIR/app/api\"\n", "\"DIR/app/lib\"\n")
	})

	it("builds an app that is a directory of its source, with the modules beside it", func() {
		s.Env["SLUGC_SOURCE_DIR"] = s.Dir
		usesLib := map[string]string{"main.go": "package main\n\nimport _ \"example.com/lib\"\n\nfunc main() {}\n",
			"fake-build.sh": `echo "GOWORK=$GOWORK" >>"$FAKE_LOG"` + "\n"}
		beside := func(lib string) {
			s.Put(filepath.Join(s.Dir, "lib", "go.mod"), "module example.com/lib\n\ngo 1.25\n", 0o644)
			s.Put(filepath.Join(s.Dir, "lib", "lib.go"), lib, 0o644)
			s.Put(filepath.Join(s.Dir, "lib", "cmd", "tool", "main.go"), oneCommand["main.go"], 0o644)
		}
		replaced := map[string]string{"go.mod": oneCommand["go.mod"] + "require example.com/lib v0.0.0\nreplace example.com/lib => ../lib\n"}
		beside("package lib\n")
		s.Remake(oneCommand, usesLib, replaced)
		s.mustBuild()
		languagetest.Holds(t, strings.Join(s.calls(), "\n"), "/bin/ ./\n", "GOWORK=off")
		if _, err := os.Stat(filepath.Join(s.Dir, "lib", "lib.go")); err == nil {
			t.Error("the source beside the app is there")
		}
		beside("package lib\n")
		s.Remake(oneCommand, usesLib, replaced)
		languagetest.Holds(t, s.mustBuild(), "Reusing hello")
		beside("package lib\n\nvar x = 1\n")
		s.Remake(oneCommand, usesLib, replaced)
		languagetest.Holds(t, s.mustBuild(), "Building . (source changed)")
		s.calls()

		s.Put(filepath.Join(s.Dir, "go.work"), "go 1.26\nuse (\n\t./app\n\t./lib\n)\n", 0o644)
		beside("package lib\n")
		s.Remake(oneCommand, usesLib)
		languagetest.Holds(t, s.mustBuild(), `(go "1.26" in go.work)`)
		languagetest.Holds(t, strings.Join(s.calls(), "\n"), "/bin/ ./\n", "GOWORK=DIR/go.work")
		if diff := cmp.Diff(map[string]string{"web": "bin/hello", "default": "web"}, s.Processes()); diff != "" {
			t.Error(diff)
		}

		s.Env["SLUGC_SOURCE_DIR"] = s.App
		s.Remake(oneCommand, usesLib, replaced)
		if _, err := s.build(); err == nil || !strings.Contains(err.Error(), "is replaced by ../lib, which is outside of the app") {
			t.Errorf("got %v", err)
		}
	})

	it("leaves what the app has in bin", func() {
		s.Write(map[string]string{"bin/hello*": "#!/bin/sh\n"})
		languagetest.Holds(t, s.mustBuild(), "the app has a bin/hello of its own", "       web: hello\n")
		s.Remake(oneCommand, map[string]string{"bin": "a file"})
		languagetest.Holds(t, s.mustBuild(), "the app's bin is not a directory", "       web: hello\n")
	})
}

const cgoFormat = `{{if or (and (not .Standard) (or .CgoFiles .SwigFiles .SwigCXXFiles)) (eq .ImportPath "plugin")}}slugc-uses-c {{.ImportPath}}{{end}}`

func testKeeping(t *testing.T, _ spec.G, it spec.S) {
	var s *site
	app := map[string]string{
		"go.mod": asksUUID, "go.sum": sumOfUUID, "main.go": usesUUID + "\n//go:embed static\nvar static embed.FS\n",
		"static/page.html": "page", "templates/a.html": "a", "main_test.go": "package main\n",
	}
	app["main.go"] = strings.Replace(app["main.go"], "import _", "import \"embed\"\nimport _", 1)
	changed := func(name, text string) map[string]string { return map[string]string{name: text} }
	it.Before(func() {
		s = newSite(t)
		s.Remake(app)
		s.mustBuild()
		s.calls()
	})

	it("starts and asks nothing and touches no layer when nothing changed", func() {
		before, asked := s.LayerStamps(), len(s.proxy.Requests())
		s.Remake(app, changed("templates/a.html", "b"), changed("main_test.go", "package other\n"), changed("README.md", "new"))
		out := s.mustBuild()
		languagetest.Holds(t, out, `Go 1.26.3 (go "1.26" in go.mod), from the cache`, "Reusing hello (nothing that decides them changed)", "       web: bin/hello\n")
		if calls := s.calls(); calls != nil {
			t.Errorf("called %q", calls)
		}
		if requests := s.proxy.Requests()[asked:]; len(requests) > 0 {
			t.Errorf("asked %q", requests)
		}
		if diff := cmp.Diff(before, s.LayerStamps()); diff != "" {
			t.Error(diff)
		}
	})

	it("compiles again, and no more than that, when source, embedded files or settings changed", func() {
		for why, change := range map[string]map[string]string{
			"source changed":   changed("main.go", app["main.go"]+"\nvar x = 1\n"),
			"embedded changed": changed("static/page.html", "new page"),
		} {
			s.Remake(app, change)
			languagetest.Holds(t, s.mustBuild(), "Building . (source changed)")
			calls := s.calls()
			if len(calls) != 1 || !strings.Contains(calls[0], "go build") {
				t.Errorf("%s: called %q", why, calls)
			}
		}
		s.Env["GO_LINKER_SYMBOL"], s.Env["SOURCE_VERSION"] = "main.commit", "abc"
		s.Remake(app)
		languagetest.Holds(t, s.mustBuild(), "Building . (settings changed)")
		languagetest.Holds(t, strings.Join(s.calls(), "\n"), "-ldflags=-X 'main.commit=abc'")
	})

	it("looks at the modules again when imports or go.mod changed", func() {
		s.Remake(app, changed("more.go", "package main\n\nimport _ \"net/http\"\n"))
		s.mustBuild()
		if calls := s.calls(); len(calls) != 2 {
			t.Errorf("called %q", calls)
		}
	})

	it("has a fresh build cache for another Go", func() {
		stale := filepath.Join(s.Layers, "go-build", "stale")
		s.Put(stale, "", 0o644)
		s.Remake(app, changed("go.mod", strings.Replace(asksUUID, "1.26", "1.27", 1)))
		languagetest.Holds(t, s.mustBuild(), "Downloaded Go 1.27.4 (the cache has 1.26.3)", "Building . (the cache has 1.26.3)")
		if _, err := os.Stat(stale); err == nil {
			t.Error("the old cache is there")
		}
	})

	it("asks for patches after a day", func() {
		later := time.Now().Add(25 * time.Hour)
		s.Now = func() time.Time { return later }
		asked := len(s.proxy.Requests())
		s.Remake(app)
		s.mustBuild()
		if len(s.proxy.Requests()) == asked {
			t.Error("nothing was asked")
		}
		if calls := s.calls(); calls != nil {
			t.Errorf("called %q", calls)
		}
	})

	it("removes modules from the cache that are not locked any more", func() {
		modules := filepath.Join(s.Layers, "go-modules")
		for _, name := range []string{
			"cache/download/github.com/google/uuid/@v/v1.6.0.zip", "github.com/google/uuid@v1.6.0/uuid.go",
			"cache/download/github.com/!some!one/old/@v/v1.0.0.zip", "cache/download/github.com/!some!one/old/@v/v1.0.0.mod",
			"cache/download/github.com/!some!one/old/@v/list", "github.com/!some!one/old@v1.0.0/old.go",
		} {
			s.Put(filepath.Join(modules, name), "", 0o644)
		}
		s.Remake(app, changed("more.go", "package main\n"))
		s.mustBuild()
		s.Remake(app, changed("go.sum", sumOfUUID+"example.com/new v1.0.0 h1:x\n"))
		languagetest.Holds(t, s.mustBuild(), "Removed 1 module from the cache")
		want := []string{"cache/download/github.com/!some!one/old/@v/list", "cache/download/github.com/google/uuid/@v/v1.6.0.zip", "cache/lock", "github.com/google/uuid@v1.6.0/uuid.go"}
		if diff := cmp.Diff(want, s.Files("layers", "go-modules")); diff != "" {
			t.Error(diff)
		}
	})
}

func testVersions(t *testing.T, _ spec.G, it spec.S) {
	it("picks a version by the precedence and prints it", func() {
		for name, test := range map[string]struct {
			mod  string
			env  map[string]string
			work string
			says []string
		}{
			"the go line is a minimum":  {mod: "go 1.24\n", says: []string{`Go 1.24.11 (go "1.24" in go.mod)`, "Go 1.24 gets no security fixes any more", "  go mod edit -go=1.27"}},
			"with a patch too":          {mod: "go 1.25.1\n", says: []string{`Go 1.25.9 (go "1.25.1" in go.mod)`}},
			"and a candidate":           {mod: "go 1.26rc1\n", says: []string{`Go 1.26.3 (go "1.26rc1" in go.mod)`}},
			"toolchain when it is more": {mod: "go 1.24\ntoolchain go1.25.1\n", says: []string{`Go 1.25.9 (toolchain "go1.25.1" in go.mod)`}},
			"and not when it is less":   {mod: "go 1.26\ntoolchain go1.25.1\n", says: []string{`Go 1.26.3 (go "1.26" in go.mod)`}},
			"nor the word default":      {mod: "go 1.26\ntoolchain default\n", says: []string{`Go 1.26.3 (go "1.26" in go.mod)`}},
			"Heroku's directive": {mod: "// +heroku goVersion go1.27\ngo 1.25\n",
				says: []string{`Go 1.27.4 (+heroku goVersion "go1.27" in go.mod)`, `Passing over go "1.25" in go.mod: +heroku goVersion in go.mod comes first`}},
			"GOVERSION": {mod: "go 1.25\n", env: map[string]string{"GOVERSION": "go1.26.0"}, says: []string{`Go 1.26.0 (GOVERSION "go1.26.0")`}},
			"BP_GO_VERSION above all": {mod: "// +heroku goVersion go1.27\ngo 1.25\n", env: map[string]string{"GOVERSION": "go1.26.0", "BP_GO_VERSION": "1.25.*"},
				says: []string{`Go 1.25.9 (BP_GO_VERSION "1.25.*")`, `Passing over GOVERSION "go1.26.0": BP_GO_VERSION comes first`}},
			"a workspace": {mod: "go 1.25\n", work: "go 1.26\nuse .\n", says: []string{`Go 1.26.3 (go "1.26" in go.work)`}},
			"a workspace that says nothing": {mod: "go 1.25\n", work: "use .\n",
				says: []string{`Go 1.25.9 (go "1.25" in go.mod)`}},
			"else the newest":  {mod: "", says: []string{"Go 1.27.4 (the default, the newest)", "go.mod does not say which Go the app is for", "  go mod edit -go=1.27\n"}},
			"too old":          {mod: "go 1.16\n", says: []string{"error: Go 1.16 is too old: slugc builds with Go 1.18 and later", "go in go.mod asks for it\n", "  go mod edit -go=1.27"}},
			"not built with":   {mod: "go 1.17\n", says: []string{"error: Go 1.17 is too old: slugc builds with Go 1.18 and later"}},
			"none":             {mod: "go 1.26.4\n", says: []string{"error: Go ~1.26.4 for amd64 is not in the module proxy", "1.26.3, 1.27.4"}},
			"older than asked": {mod: "go 1.26\n", env: map[string]string{"BP_GO_VERSION": "1.25"}, says: []string{"error: go in go.mod asks for Go 1.26, but BP_GO_VERSION for Go 1.25.9, which is older", "  slugc build -e BP_GO_VERSION=1.26"}},
			"an old app":       {mod: "go 1.20\n", says: []string{`Go 1.20.0 (go "1.20" in go.mod)`}},
		} {
			s := newSite(t)
			s.Write(map[string]string{"go.mod": "module example.com/hello\n" + test.mod})
			if test.work != "" {
				s.Write(map[string]string{"go.work": test.work})
			}
			for key, value := range test.env {
				s.Env[key] = value
			}
			out, err := s.build()
			if err != nil {
				out += "error: " + err.Error()
			}
			t.Run(name, func(t *testing.T) { languagetest.Holds(t, out, test.says...) })
		}
	})

	it("tells versions that do not look how many processors there are", func() {
		s := newSite(t)
		s.Write(map[string]string{"go.mod": "module example.com/hello\ngo 1.24\n"})
		s.mustBuild()
		languagetest.Holds(t, s.Read("layers", "commands", "exec.d", "limits"), `set_default GOMAXPROCS "$cpus"`, `set_default GOMEMLIMIT "$((memory_mb * 9 / 10))MiB"`)
	})
}

func testTrouble(t *testing.T, _ spec.G, it spec.S) {
	var s *site
	it.Before(func() { s = newSite(t) })

	it("says why the go command failed, whose fault it is, and what to type", func() {
		for says, test := range map[string]struct {
			kind, prints string
			fault        download.Fault
			hint         string
		}{
			"checksum": {"list", "verifying github.com/a/b@v1.0.0: checksum mismatch\nSECURITY ERROR", download.Registry, "  go clean -modcache\n  rm go.sum\n  go mod tidy\n"},
			"sum":      {"list", "missing go.sum entry for module providing package github.com/a/b", download.App, "  go mod tidy\n"},
			"404":      {"list", "go: github.com/a/b@v1.0.0: reading https://proxy.test/github.com/a/b/@v/v1.0.0.mod: 404 Not Found", download.App, "  slugc build -e GOPRIVATE="},
			"private":  {"list", "fatal: could not read Username for 'https://git.test': terminal prompts disabled", download.App, "--secret GO_GIT_CRED__HTTPS__GIT__EXAMPLE__COM=USER:TOKEN"},
			"network":  {"list", "dial tcp: lookup proxy.test: no such host", download.Passing, "Try again later"},
			"newer":    {"list", "go: github.com/a/b@v1.0.0 requires go >= 1.28 (running go 1.26.3; GOTOOLCHAIN=local)", download.App, "  go get go@1.28\n"},
			"compiler": {"build", `cgo: C compiler "gcc" not found: exec: "gcc": executable file not found in $PATH`, download.App, "  slugc build -e CGO_ENABLED=0"},
			"header":   {"build", "x.c:1:10: fatal error: sqlite3.h: No such file or directory", download.App, "wants the header sqlite3.h"},
			"syntax":   {"build", "./main.go:3:1: undefined: x", download.App, "see it fail on your machine:\n  CGO_ENABLED=0 go build -tags heroku .\n"},
			"memory":   {"build", "compile: signal: killed", download.App, "BP_GO_BUILD_FLAGS=-p=1"},
		} {
			s.Remake(oneCommand, map[string]string{"fake-" + test.kind + ".sh": "cat <<'EOF'\n" + test.prints + "\nEOF\nexit 1\n"})
			out, err := s.build()
			if err == nil {
				t.Fatalf("%s: it was built\n%s", says, out)
			}
			languagetest.Holds(t, err.Error()+"\n", ": exit status 1\nits last lines:\n  "+strings.Split(test.prints, "\n")[0]+"\n", test.hint)
			if fault := download.FaultOf(err); fault != test.fault {
				t.Errorf("%s: the fault is %v", says, fault)
			}
			for _, name := range []string{"commands", ".scratch"} {
				if _, err := os.Stat(filepath.Join(s.Layers, name)); err == nil {
					t.Errorf("%s: %s is there", says, name)
				}
			}
		}
	})

	it("says what the authors of modules that were downloaded say of them, while it compiles", func() {
		app := map[string]string{
			"go.mod": asksUUID, "go.sum": sumOfUUID, "main.go": usesUUID,
			"fake-list.sh": "case \"$*\" in\n*' -m '*) printf 'slugc-retracted\\tgithub.com/google/uuid v1.6.0\\tit forgets numbers\\n'\n" +
				"printf 'slugc-deprecated\\tgithub.com/google/uuid v1.6.0\\tuse example.com/uuid\\n' ;;\n*) echo 'go: downloading github.com/google/uuid v1.6.0' ;;\nesac\n",
		}
		s.Remake(app)
		languagetest.Holds(t, s.mustBuild(), "Downloaded 1 module", "the author of github.com/google/uuid v1.6.0 took that version back: it forgets numbers",
			"  go get github.com/google/uuid@latest\n", "git add go.mod go.sum", "the author of github.com/google/uuid v1.6.0 advises against it: use example.com/uuid")
		s.calls()
		s.Remake(app, map[string]string{"more.go": "package main\n"})
		languagetest.Lacks(t, s.mustBuild(), "took that version back")
		if calls := strings.Join(s.calls(), "\n"); strings.Contains(calls, "list -m") {
			t.Errorf("it asked again: %s", calls)
		}
	})

	it("builds when nobody says anything of them", func() {
		s.Remake(map[string]string{
			"go.mod": asksUUID, "go.sum": sumOfUUID, "main.go": usesUUID,
			"fake-list.sh": "case \"$*\" in\n*' -m '*) exit 1 ;;\n*) echo 'go: downloading github.com/google/uuid v1.6.0' ;;\nesac\n",
		})
		languagetest.Lacks(t, s.mustBuild(), "the author of")
	})

	it("fails when the proxy does, and says that it may pass", func() {
		s.proxy.Before(func(w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(http.StatusBadGateway)
			return true
		})
		_, err := s.build()
		if err == nil || download.FaultOf(err) != download.Passing {
			t.Errorf("got %v", err)
		}
	})
}
