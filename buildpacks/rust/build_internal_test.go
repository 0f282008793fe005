package rust

import (
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
	"github.com/slugc/slugc/buildpacks/runtime/cargo"
	"github.com/slugc/slugc/stack/download"
)

func TestBuild(t *testing.T) {
	suite := spec.New("build")
	suite("programs", testPrograms)
	suite("keeping", testKeeping)
	suite("versions", testVersions)
	suite("trouble", testTrouble)
	suite.Run(t)
}

func testPrograms(t *testing.T, _ spec.G, it spec.S) {
	var s *site
	it.Before(func() { s = newSite(t) })

	it("builds one as web, into a layer and a link, and leaves out the source", func() {
		s.Put("platform/bindings/registry/type", "cargo", 0o644)
		s.Put("platform/bindings/registry/credentials.toml", "secret words", 0o644)
		out := s.mustBuild()
		languagetest.Holds(t, out, `Rust 1.96.0 (edition "2021" in Cargo.toml)`, "Building hello (not in the cache)", "Built hello, ", "web: bin/hello (the only binary)", "Left out 3 files")
		calls := s.calls()
		languagetest.Holds(t, calls[0], " build --profile release --locked --package hello --bins", "--config build.rustflags=[", "--remap-path-prefix="+s.App+"=.")
		if calls[1] != "credentials secret words" {
			t.Errorf("got %q", calls[1])
		}
		languagetest.Holds(t, strings.Join(calls, "\n"), "cargo tree --locked --offline --edges=normal,no-proc-macro ")
		if diff := cmp.Diff([]string{"bin/hello -> ../../layers/programs/bin/hello", "page.html"}, s.Files("app")); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"bin/hello"}, s.Files("layers/programs")); diff != "" {
			t.Error(diff)
		}
		for _, name := range s.Files("layers") {
			if strings.Contains(name, "credentials") {
				t.Errorf("the layers have %s", name)
			}
		}
		languagetest.Holds(t, s.Read("layers/programs.sbom.cdx.json"), `"pkg:cargo/small@1.2.3"`, `"pkg:deb/debian/rustc-web@1.96.0`)
		var layer libcnb.Layer
		if _, err := toml.Decode(s.Read("layers/programs.toml"), &layer); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(libcnb.LayerTypes{Cache: true, Launch: true}, layer.LayerTypes); diff != "" {
			t.Error(diff)
		}
	})

	it("names the processes of several", func() {
		for name, test := range map[string]struct {
			bins  []string
			lines string
			want  map[string]string
			says  string
		}{
			"web":           {bins: []string{"server", "web"}, want: map[string]string{"default": "web", "web": "bin/web", "server": "bin/server", "hello": "bin/hello"}},
			"default-run":   {bins: []string{"api", "server"}, lines: "default-run = \"api\"\n", want: map[string]string{"default": "web", "web": "bin/api", "server": "bin/server", "hello": "bin/hello"}},
			"the package":   {bins: []string{"api"}, want: map[string]string{"default": "web", "web": "bin/hello", "api": "bin/api"}},
			"server":        {bins: []string{"api", "server"}, want: map[string]string{"default": "web", "web": "bin/server", "api": "bin/api", "hello": "bin/hello"}},
			"no auto":       {bins: []string{"api"}, lines: "autobins = false\n[[bin]]\nname = \"one\"\npath = \"src/main.rs\"\n", want: map[string]string{"default": "web", "web": "bin/one"}},
			"none of these": {bins: []string{"api"}, lines: "[[bin]]\nname = \"one\"\npath = \"src/main.rs\"\n", want: map[string]string{"api": "bin/api", "one": "bin/one"}, says: "echo \"web: bin/api\" > Procfile"},
		} {
			s.files = oneBin()
			s.files["Cargo.toml"] = strings.Replace(s.files["Cargo.toml"], "\n[dep", test.lines+"\n[dep", 1)
			for _, bin := range test.bins {
				s.files["src/bin/"+bin+".rs"] = "fn main() {}\n"
			}
			s.Env["FAKE_BINS"] = "hello one " + strings.Join(test.bins, " ")
			languagetest.Holds(t, s.mustBuild(), test.says)
			if diff := cmp.Diff(test.want, s.Processes()); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
	})

	it("builds a directory of a workspace, or all members", func() {
		s.files = workspaceApp()
		s.Env["FAKE_BINS"] = "api worker"
		s.mustBuild()
		languagetest.Holds(t, s.calls()[0], "--locked --package api --package worker --bins")
		s.Member, s.Env["SLUGC_SOURCE_DIR"] = "crates/worker", s.App
		s.mustBuild()
		languagetest.Holds(t, s.calls()[0], "--locked --package worker --bins", "--remap-path-prefix="+s.App+"=.")
		delete(s.Env, "SLUGC_SOURCE_DIR")
		s.Member, s.Env["BP_CARGO_WORKSPACE_MEMBERS"], s.Env["BP_CARGO_INSTALL_ARGS"] = "", "crates/api", "--locked --features=one,two -j 2"
		s.mustBuild()
		languagetest.Holds(t, s.calls()[0], "--locked --package api --bins --features=one,two -j 2")
	})

	it("adds its flags of rustc where the app has some", func() {
		s.write(map[string]string{".cargo/config.toml": "[target.x86_64-unknown-linux-gnu]\nrustflags = [\"-Ctarget-cpu=x86-64-v2\"]\n"})
		s.mustBuild()
		languagetest.Holds(t, s.calls()[0], "--config target.x86_64-unknown-linux-gnu.rustflags=[")
	})
}

// workspaceApp is a virtual workspace with two programs and a library.
func workspaceApp() map[string]string {
	inherited := "version.workspace = true\nedition.workspace = true\n"
	return map[string]string{
		"Cargo.toml": "[workspace]\nmembers = [\"crates/*\"]\nexclude = [\"crates/old\"]\n[workspace.package]\nversion = \"2.0.0\"\nedition = \"2021\"\n" +
			"[workspace.dependencies]\nsmall = { version = \"1\", default-features = false }\ntext = { path = \"crates/text\" }\n",
		"Cargo.lock":                lockOf("api 2.0.0: small text", "small 1.2.3*", "text 2.0.0", "worker 2.0.0: text"),
		"crates/old/Cargo.toml":     "[package]\nname = \"old\"\n",
		"crates/api/Cargo.toml":     "[package]\nname = \"api\"\n" + inherited + "[dependencies]\ntext.workspace = true\nsmall.workspace = true\n[features]\none = []\ntwo = []\n",
		"crates/api/src/main.rs":    "fn main() {}\n",
		"crates/worker/Cargo.toml":  "[package]\nname = \"worker\"\n" + inherited + "[dependencies]\nletters = { path = \"../text\", package = \"text\" }\n",
		"crates/worker/src/main.rs": "fn main() {}\n",
		"crates/text/Cargo.toml":    "[package]\nname = \"text\"\n" + inherited,
		"crates/text/src/lib.rs":    "\n",
	}
}

func testKeeping(t *testing.T, _ spec.G, it spec.S) {
	var s *site
	it.Before(func() { s = newSite(t) })

	it("starts no Cargo and asks nobody when nothing changed", func() {
		s.mustBuild()
		s.calls()
		s.archive.Requests()
		before, err := os.Stat(filepath.Join(s.Layers, "programs/bin/hello"))
		if err != nil {
			t.Fatal(err)
		}
		s.write(map[string]string{"Procfile": "web: bin/hello --loud\n"})
		languagetest.Holds(t, s.mustBuild(), "from the cache", "Reusing hello (nothing that decides them changed)")
		if calls := s.calls(); calls != nil {
			t.Errorf("it started %v", calls)
		}
		if asked := s.archive.Requests(); len(asked) > 0 {
			t.Errorf("it asked for %v", asked)
		}
		after, err := os.Stat(filepath.Join(s.Layers, "programs/bin/hello"))
		if err != nil || !os.SameFile(before, after) {
			t.Errorf("the program was touched (%v)", err)
		}
		languagetest.Holds(t, s.Read("layers/programs.sbom.cdx.json"), `"pkg:cargo/small@1.2.3"`)
	})

	it("shows Cargo new times of what changed, and old ones of the rest", func() {
		s.files["src/lib.rs"] = "\n"
		start := time.Now().Unix()
		s.mustBuild()
		first := times(s.calls())
		if first["./src/main.rs"] < start || first["./src/lib.rs"] < start {
			t.Errorf("got %v, since %d", first, start)
		}
		// The clock of a file system has whole seconds in stat's format.
		record := s.Read("layers/cargo-target/slugc-sources")
		s.files["src/main.rs"] = "fn main() { }\n"
		languagetest.Holds(t, s.mustBuild(), "Building hello (source changed)")
		second := times(s.calls())
		if second["./src/lib.rs"] != first["./src/lib.rs"] || second["./src/main.rs"] < first["./src/main.rs"] {
			t.Errorf("got %v, then %v", first, second)
		}
		now := s.Read("layers/cargo-target/slugc-sources")
		same := 0
		for line := range strings.Lines(record) {
			if strings.Contains(now, line) {
				same++
			} else if !strings.Contains(line, "src/main.rs") {
				t.Errorf("%s has another time", line)
			}
		}
		if same == 0 || record == now {
			t.Errorf("got %s then %s", record, now)
		}
		// The app has its own times again, of what stays in it.
		info, err := os.Stat(filepath.Join(s.App, "page.html"))
		if err != nil || info.ModTime().Unix() != 1e9 {
			t.Errorf("got %v, %v", info.ModTime(), err)
		}
	})

	it("builds again when a variable has another value that is in a program", func() {
		s.write(map[string]string{"src/main.rs": "const V: &str = env!(\"REVISION\");\n", "build.rs": "let x = env::var_os(\"COLOUR\");\n"})
		for _, change := range []string{"REVISION", "COLOUR"} {
			s.Env[change] = "one"
			s.mustBuild()
			s.Env[change], s.Env["OTHER"] = "two", change
			languagetest.Holds(t, s.mustBuild(), "Building hello (settings changed)")
		}
		s.Env["OTHER"] = "three"
		languagetest.Holds(t, s.mustBuild(), "Reusing hello")
	})

	it("removes packages from the cache that the lock does not have any more", func() {
		s.mustBuild()
		s.write(map[string]string{
			"Cargo.toml": "[package]\nname = \"hello\"\nversion = \"0.1.0\"\n", "Cargo.lock": lockOf("hello 0.1.0"),
		})
		languagetest.Holds(t, s.mustBuild(), "Removed 1 package from the cache")
	})
}

// times are those that Cargo saw, in seconds since 1970, by file.
func times(calls []string) map[string]int64 {
	all := map[string]int64{}
	for _, call := range calls {
		name, at, _ := strings.Cut(call, " ")
		if seconds, err := time.ParseDuration(at + "s"); err == nil && strings.HasPrefix(name, "./") {
			all[name] = int64(seconds.Seconds())
		}
	}
	return all
}

func testVersions(t *testing.T, _ spec.G, it spec.S) {
	it("are the newest that fits, by the precedence", func() {
		for name, test := range map[string]struct {
			files map[string]string
			env   map[string]string
			says  []string
		}{
			"a line":             {files: map[string]string{"rust-toolchain.toml": "[toolchain]\nchannel = \"1.85\"\n"}, says: []string{`Rust 1.85.0 (channel "1.85" in rust-toolchain.toml)`}},
			"one that is older":  {files: map[string]string{"rust-toolchain": "1.70.0\n"}, says: []string{`Rust 1.96.0 (rust-toolchain "1.70.0")`, "The stack has no Rust 1.70.0; Rust 1.96.0 builds what that one does"}},
			"a channel":          {files: map[string]string{"rust-toolchain": "stable\n"}, says: []string{`Rust 1.96.0 (rust-toolchain "stable")`}},
			"a range":            {env: map[string]string{"BP_RUST_VERSION": "<1.90"}, says: []string{`Rust 1.85.0 (BP_RUST_VERSION "<1.90")`}},
			"a variable":         {files: map[string]string{"rust-toolchain": "1.96"}, env: map[string]string{"BP_RUST_TOOLCHAIN": "1.85.0"}, says: []string{"Rust 1.85.0 (BP_RUST_TOOLCHAIN", "Passing over rust-toolchain"}},
			"what a crate needs": {files: map[string]string{"Cargo.toml": strings.Replace(oneBin()["Cargo.toml"], "edition", "rust-version = \"1.86\"\nedition", 1)}, says: []string{`Rust 1.96.0 (rust-version "1.86" in Cargo.toml)`}},
		} {
			t.Run(name, func(t *testing.T) {
				s := newSite(t)
				s.write(test.files)
				for name, value := range test.env {
					s.Env[name] = value
				}
				languagetest.Holds(t, s.mustBuild(), test.says...)
				s.archive.Requests()
				s.mustBuild()
				if asked := s.archive.Requests(); len(asked) > 0 {
					t.Errorf("unchanged, it asked for %v", asked)
				}
			})
		}
	})

	it("are refused when the stack has none that will do", func() {
		for text, says := range map[string][]string{
			"1.99":    {"1.99", "1.96.0", "rust-toolchain asks for it", "echo stable > rust-toolchain"},
			"nightly": {`rust-toolchain "nightly" asks for Rust that is no release`, "echo stable > rust-toolchain"},
			"newest":  {`rust-toolchain "newest" does not say which Rust to use`},
		} {
			s := newSite(t)
			s.write(map[string]string{"rust-toolchain": text + "\n"})
			out, err := s.build()
			languagetest.Refused(t, out, err, says...)
		}
	})
}

func testTrouble(t *testing.T, _ spec.G, it spec.S) {
	it("explains why Cargo failed", func() {
		for text, test := range map[string]struct {
			fault download.Fault
			says  string
		}{
			"error: cannot update the lock file /app/Cargo.lock because --locked was passed to prevent this\n":                         {download.App, "  cargo update --workspace\n  git add Cargo.lock"},
			"error: failed to run custom build command for `openssl-sys v0.9.1`\n  Could not find directory of OpenSSL installation\n": {download.App, "  echo libssl-dev pkg-config >> Aptfile\n  git add Aptfile"},
			"  The system library `libpq` required by crate `pq-sys` was not found.\n":                                                 {download.App, "wants the library libpq"},
			"  could not execute: Could not find `protoc`. If `protoc` is installed\n":                                                 {download.App, "echo protobuf-compiler >> Aptfile"},
			"x.c:1:10: fatal error: sqlite3.h: No such file or directory\n":                                                            {download.App, "wants the header sqlite3.h"},
			"  = note: /usr/bin/ld: cannot find -lpq: No such file or directory\n":                                                     {download.App, "echo libpq-dev >> Aptfile"},
			"error: linker `cc` not found\n": {download.App, "--stack slugc-13"},
			"error: rustc 1.85.0 is not supported by the following package:\n  time@0.3.50 requires rustc 1.88.0\n":                            {download.App, "wants a newer Rust (1.88.0)"},
			"error: failed to verify the checksum of `small v1.2.3`\n":                                                                         {download.Registry, "not the one that Cargo.lock has the checksum of"},
			"warning: spurious network error (3 tries remaining): [6] Couldn't resolve host name\nerror: failed to download from `x`\n":        {download.Passing, "Try again later"},
			"  failed to get successful HTTP response from `x`, got 401\n":                                                                     {download.App, "CARGO_REGISTRIES_NAME_TOKEN"},
			"  process didn't exit successfully: `rustc` (signal: 9, SIGKILL: kill)\n":                                                         {download.App, "CARGO_BUILD_JOBS=1"},
			"error[E0308]: mismatched types\n --> src/main.rs:1:1\nerror: could not compile `hello` (bin \"hello\") due to 1 previous error\n": {download.App, "hello does not compile"},
			"something else\n": {download.App, "  cargo build --profile release --locked"},
		} {
			s := newSite(t)
			s.write(map[string]string{"fail.txt": text})
			out, err := s.build()
			if err == nil {
				t.Fatalf("it was built:\n%s", out)
			}
			languagetest.Holds(t, err.Error(), "cargo build failed: exit status 101", test.says)
			if fault := download.FaultOf(err); fault != test.fault {
				t.Errorf("%s: the fault is %v", text, fault)
			}
		}
	})

	it("hands over the settings of this machine's Cargo, without leaving them", func() {
		s := newSite(t)
		s.Put("settings/credentials.toml", "handed", 0o600)
		s.Env[cargo.LoginsVariable] = filepath.Join(s.Dir, "settings/credentials.toml")
		s.mustBuild()
		languagetest.Holds(t, strings.Join(s.calls(), "\n"), "credentials handed")
	})
}
