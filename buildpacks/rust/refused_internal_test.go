package rust

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slugc/slugc/buildpacks/language/languagetest"
	"github.com/slugc/slugc/stack/download"
)

// What cannot be built is refused before anything is downloaded.
func TestRefused(t *testing.T) {
	manifest := oneBin()["Cargo.toml"]
	for name, test := range map[string]struct {
		files map[string]string
		env   map[string]string
		// says are the parts that the error must hold: the file, and what to type.
		says []string
	}{
		"no lock file": {
			files: map[string]string{"Cargo.lock": "", ".gitignore": "target\nCargo.lock\n"},
			says:  []string{"there is no Cargo.lock", ".gitignore lists Cargo.lock", "  cargo generate-lockfile\n  git add -f Cargo.lock\n  git commit"},
		},
		"a lock file of another name": {files: map[string]string{"Cargo.lock": "", "cargo.lock": lockOf("hello 0.1.0")}, says: []string{"cargo.lock says which versions", "git mv cargo.lock Cargo.lock"}},
		"an unfinished merge": {
			files: map[string]string{"Cargo.lock": "<<<<<<< HEAD\n"},
			says:  []string{"Cargo.lock holds an unfinished merge\nline 1: <<<<<<< HEAD", "  git checkout --theirs Cargo.lock\n  cargo update --workspace\n  git add Cargo.lock"},
		},
		"a manifest with an unfinished merge": {files: map[string]string{"Cargo.toml": ">>>>>>> other\n"}, says: []string{"Cargo.toml holds an unfinished merge", "git add Cargo.toml"}},
		"a manifest that is not valid":        {files: map[string]string{"Cargo.toml": "[package\n"}, says: []string{"Cargo.toml is not valid TOML\nline 1, column "}},
		"a manifest of nothing":               {files: map[string]string{"Cargo.toml": "[lib]\n"}, says: []string{"Cargo.toml has neither [package] nor [workspace]", "cargo init"}},
		"a package that the lock does not have": {
			files: map[string]string{"Cargo.toml": manifest + "other = \"3\"\n"},
			says:  []string{"Cargo.lock is out of step with Cargo.toml", "Cargo.toml asks for other 3, Cargo.lock has nothing of it", "  cargo update --workspace\n  git add Cargo.lock\n  git commit"},
		},
		"another version":          {files: map[string]string{"Cargo.toml": strings.Replace(manifest, "1.2\"", "2\"", 1)}, says: []string{"Cargo.toml asks for small 2, Cargo.lock has 1.2.3"}},
		"another version of its":   {files: map[string]string{"Cargo.toml": strings.Replace(manifest, "0.1.0", "0.2.0", 1)}, says: []string{"Cargo.toml is hello 0.2.0, Cargo.lock has 0.1.0"}},
		"a package too many":       {files: map[string]string{"Cargo.toml": strings.Replace(manifest, "small = \"1.2\"", "", 1)}, says: []string{"Cargo.lock has small for Cargo.toml, which does not ask for it"}},
		"a lock of another app":    {files: map[string]string{"Cargo.lock": lockOf("other 0.1.0")}, says: []string{"Cargo.toml is the package hello, Cargo.lock has nothing of it"}},
		"no binary":                {files: map[string]string{"src/main.rs": "", "src/lib.rs": "\n"}, says: []string{"there is no binary to build in Cargo.toml", "src/main.rs"}},
		"a path outside":           {files: map[string]string{"Cargo.toml": manifest + "other = { path = \"../other\" }\n"}, says: []string{"Cargo.toml names a package outside of the source: ../other"}},
		"a path that is not there": {files: map[string]string{"Cargo.toml": manifest + "other = { path = \"other\" }\n"}, says: []string{"Cargo.toml names the package in other, which has no Cargo.toml", "git add other"}},
		"a member that is not there": {
			files: map[string]string{"Cargo.toml": manifest + "[workspace]\nmembers = [\"api\"]\n"}, says: []string{"Cargo.toml names the member api, which is not there"},
		},
		"vendored packages that are not there": {
			files: map[string]string{".cargo/config.toml": "[source.crates-io]\nreplace-with = \"vendored\"\n[source.vendored]\ndirectory = \"vendor\"\n"},
			says:  []string{".cargo/config.toml takes packages from vendor, which is not there", "  cargo vendor > /dev/null\n  git add -f vendor .cargo/config.toml\n"},
		},
		"a vendor directory that is out of step": {
			files: map[string]string{
				".cargo/config.toml":                "[source.crates-io]\nreplace-with = \"vendored\"\n[source.vendored]\ndirectory = \"vendor\"\n",
				"vendor/small/.cargo-checksum.json": "{\"files\":{},\"package\":\"old\"}",
				"vendor/README":                     "words",
			},
			says: []string{"the directory vendor is out of step with Cargo.lock\nit does not have small 1.2.3\n", "  cargo vendor"},
		},
		"another system":           {env: map[string]string{"CARGO_BUILD_TARGET": "x86_64-unknown-linux-musl"}, says: []string{"CARGO_BUILD_TARGET asks for programs for x86_64-unknown-linux-musl"}},
		"a flag that is slugc's":   {env: map[string]string{"BP_CARGO_INSTALL_ARGS": "--target-dir=x"}, says: []string{"BP_CARGO_INSTALL_ARGS has --target-dir, which is not for an app to choose"}},
		"a flag without its value": {env: map[string]string{"BP_CARGO_INSTALL_ARGS": "--features"}, says: []string{"BP_CARGO_INSTALL_ARGS ends with --features, which wants a value"}},
		"a word that is no flag":   {env: map[string]string{"RUST_CARGO_BUILD_FLAGS": "web"}, says: []string{`RUST_CARGO_BUILD_FLAGS has "web", which is no flag`}},
		"a flag with quotes":       {env: map[string]string{"BP_CARGO_INSTALL_ARGS": "--features='a b'"}, says: []string{"BP_CARGO_INSTALL_ARGS has quotes", "--features=one,two"}},
		"a flag that is unknown":   {env: map[string]string{"BP_CARGO_INSTALL_ARGS": "--what=x"}, says: []string{"has --what, which slugc does not know"}},
		"a binary that is unknown": {env: map[string]string{"BP_CARGO_INSTALL_ARGS": "--bin web"}, says: []string{"name the binary web, which the app does not have\nit has hello"}},
		"a member that is unknown": {env: map[string]string{"BP_CARGO_WORKSPACE_MEMBERS": "web"}, says: []string{"BP_CARGO_WORKSPACE_MEMBERS asks for the package web, which is not in the app\nthe app has hello"}},
		"no C compiler":            {env: map[string]string{"PATH": "/nowhere"}, says: []string{"the stack has no C compiler", "slugc build --stack slugc-13"}},
		"an unknown edition":       {files: map[string]string{"Cargo.toml": strings.Replace(manifest, "2021", "2030", 1)}, says: []string{`edition "2030" in Cargo.toml is not an edition of Rust that slugc knows`}},
		"a toolchain of a machine": {files: map[string]string{"rust-toolchain.toml": "[toolchain]\npath = \"/opt/rust\"\n"}, says: []string{"rust-toolchain.toml names a toolchain in a directory of a machine: /opt/rust"}},
		"a misspelled toolchain":   {files: map[string]string{"rust_toolchain.toml": "[toolchain]\nchannel = \"1.85\"\n"}, says: []string{"git mv rust_toolchain.toml rust-toolchain.toml"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.write(test.files)
			for name, value := range test.env {
				s.Env[name] = value
			}
			out, err := s.build()
			languagetest.Refused(t, out, err, test.says...)
			if asked := s.archive.Requests(); len(asked) > 0 {
				t.Errorf("something was asked for: %v", asked)
			}
		})
	}
}

func TestDetect(t *testing.T) {
	for name, test := range map[string]struct {
		files map[string]string
		pass  bool
		says  string
	}{
		"a manifest":           {files: map[string]string{"Cargo.toml": ""}, pass: true},
		"another language":     {files: map[string]string{"go.mod": ""}, says: "no Cargo.toml in the app's root; found: go.mod\n"},
		"a Rust file":          {files: map[string]string{"main.rs": ""}, says: "main.rs is a Rust file; make a package of the app:\n  cargo init\n"},
		"spelled differently":  {files: map[string]string{"cargo.toml": ""}, says: "cargo.toml is spelled differently: git mv cargo.toml Cargo.toml\n"},
		"in a directory below": {files: map[string]string{"api/Cargo.toml": ""}, says: "slugc build --app api\n"},
	} {
		t.Run(name, func(t *testing.T) {
			result, says := languagetest.Detected(t, Detect, test.files, nil)
			if result.Pass != test.pass {
				t.Errorf("got %v", result)
			}
			languagetest.Holds(t, says, test.says)
		})
	}
}

func TestAllows(t *testing.T) {
	for wants, versions := range map[string][2]string{
		"1.2": {"1.9.0", "2.0.0"}, "0.3": {"0.3.7", "0.4.0"}, "=1.2.3": {"1.2.3", "1.2.4"}, "~1.2": {"1.2.9", "1.3.0"}, ">=1.2, <1.5": {"1.4.0", "1.5.0"},
		"1.*": {"1.7.0", "2.0.0"}, "^0.0.3": {"0.0.3", "0.0.4"}, "> 1": {"2.0.0", "0.9.0"},
	} {
		if !allows(wants, versions[0]) || allows(wants, versions[1]) {
			t.Errorf("%s: %s is %v, %s is %v", wants, versions[0], allows(wants, versions[0]), versions[1], allows(wants, versions[1]))
		}
	}
	for _, version := range []string{"1.2.3-rc.1", "1.2.3+build"} {
		if !allows("1.2", version) {
			t.Errorf("%s is refused", version)
		}
	}
}

func TestURL(t *testing.T) {
	for source, want := range map[string]string{
		usual: "pkg:cargo/small@1.2.3",
		"sparse+https://cargo.example.com/index/":               "pkg:cargo/small@1.2.3?repository_url=https:%2F%2Fcargo.example.com%2Findex%2F",
		"git+https://git.example.com/small?branch=main#0123abc": "pkg:cargo/small@1.2.3?vcs_url=git%2Bhttps:%2F%2Fgit.example.com%2Fsmall%3Fbranch%3Dmain%230123abc",
	} {
		if got := (locked{Name: "small", Version: "1.2.3", Source: source}).url(); got != want {
			t.Errorf("%s: got %s, want %s", source, got, want)
		}
	}
}

// FuzzProject reads what authors write: it is taken, or refused with words that
// are theirs.
func FuzzProject(f *testing.F) {
	app := oneBin()
	f.Add(app["Cargo.toml"], app["Cargo.lock"], "[build]\ntarget = \"x\"\n", "1.85")
	f.Add("[workspace]\nmembers = [\"*\", \"../x\", \"[\"]\n", "version = 4\n", "[source.crates-io]\nreplace-with = \"crates-io\"\n", "[toolchain]\nchannel = 1\n")
	f.Add("[package]\nname = \"a\"\n", "version = 4\n", "[source]\ncrates-io.replace-with = \"a\"\na.replace-with = \"b\"\nb.replace-with = \"a\"\n", "")
	f.Add("[package]\nname = \"a\"\nversion = 7\nworkspace = \"..\"\n[dependencies]\na = 1\nb = { path = \".\" }\n", "[[package]]\nname = \"a\"\n", "\x00", "\xff")
	f.Fuzz(func(t *testing.T, manifest, lock, config, toolchain string) {
		dir := t.TempDir()
		for name, text := range map[string]string{manifestFile: manifest, lockFile: lock, ".cargo/config.toml": config, toolchainFile: toolchain} {
			if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		isApps := func(err error) {
			if err != nil && download.FaultOf(err) != download.App {
				t.Errorf("it is not the app's fault: %v", err)
			}
		}
		p, err := readProject(dir, nil)
		isApps(err)
		if err != nil {
			return
		}
		isApps(p.inStep())
		_, err = p.readConfig()
		isApps(err)
		asked, err := p.asksRust(nil)
		isApps(err)
		if err == nil {
			_, err = constraint(asked)
			isApps(err)
		}
		chosen, err := p.chosen(settings{})
		isApps(err)
		if err == nil {
			_, err = p.bins(chosen)
			isApps(err)
		}
	})
}
