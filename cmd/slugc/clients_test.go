package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/build/base"
	"github.com/slugc/slugc/buildpacks/builtin"
	runtimes "github.com/slugc/slugc/buildpacks/runtime"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/launch"
)

func TestClients(t *testing.T) {
	spec.Run(t, "clients", testClients)
}

func testClients(t *testing.T, when spec.G, it spec.S) {
	var (
		home    string
		printed *bytes.Buffer
		p       *program
	)
	it.Before(func() {
		home, printed = t.TempDir(), &bytes.Buffer{}
		p = &program{out: printed, err: printed, noColor: true, env: launch.Env{
			"HOME": home, "SLUGC_HOME": filepath.Join(home, "slugc"), "SLUGC_CACHE": filepath.Join(home, "cache"),
			mirrorVariable: "https://me:hunter22@mirror.test/debian", securityVariable: "https://mirror.test/security",
		}}
		p.speak(printed)
	})
	// settings are those of a client for a build on a stack.
	settings := func(client string, on stack.Stack) builtin.Settings {
		t.Helper()
		all, err := p.clients(on)[client](t.Context(), true)
		if err != nil || len(all) != 1 {
			t.Fatalf("got %v, %v", all, err)
		}
		return all[0]
	}
	all := func(client string) []builtin.Settings {
		t.Helper()
		all, err := p.clients(stack.Stack{})[client](t.Context(), true)
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	says := func(text, secret string) {
		t.Helper()
		p.voice.Stepf("%s", text)
		if !strings.Contains(printed.String(), "[redacted]") || strings.Contains(printed.String(), secret) {
			t.Errorf("it prints %s", printed)
		}
	}

	// put writes files of the home directory.
	put := func(files map[string]string) {
		t.Helper()
		for name, text := range files {
			file := filepath.Join(home, name)
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}

	when("pip has settings", func() {
		it("hands them over with logins and certificates", func() {
			put(map[string]string{
				"pip.conf": "[global]\nindex-url = https://pip.test/simple\ncert = " + filepath.Join(home, "ca.pem") + "\n",
				"ca.pem":   "certificates",
				".netrc":   "machine pip.test login me password hunter22\n",
			})
			p.env["PIP_CONFIG_FILE"] = filepath.Join(home, "pip.conf")
			got := all(builtin.PIP)
			want := []builtin.Settings{
				{Variable: "PIP_CONFIG_FILE", Name: "pip.conf", Text: "[global]\nindex-url = https://me:hunter22@pip.test/simple\n"},
				{Variable: "PIP_CERT", Name: "pip-ca.pem", Text: "certificates"},
			}
			if diff := gocmp.Diff(want, got); diff != "" {
				t.Fatal(diff)
			}
			says(got[0].Text, "hunter22")
		})
	})

	when("Cargo has settings", func() {
		it("hands them over with logins and certificates", func() {
			put(map[string]string{
				".cargo/config.toml":      "[http]\ncainfo = \"" + filepath.Join(home, "ca.pem") + "\"\n[registries.corp]\nindex = \"sparse+https://cargo.test/\"\n",
				".cargo/credentials.toml": "[registries.corp]\ntoken = \"hunter22\"\n",
				"ca.pem":                  "certificates",
			})
			got := all(builtin.Cargo)
			want := []builtin.Settings{
				{Variable: "SLUGC_CARGO_CONFIG", Name: "cargo-config.toml", Text: "[registries]\n  [registries.corp]\n    index = \"sparse+https://cargo.test/\"\n"},
				{Variable: "SLUGC_CARGO_LOGINS", Name: "cargo-credentials.toml", Text: "[registries]\n  [registries.corp]\n    token = \"hunter22\"\n"},
				{Variable: "CARGO_HTTP_CAINFO", Name: "cargo-ca.pem", Text: "certificates"},
			}
			if diff := gocmp.Diff(want, got); diff != "" {
				t.Fatal(diff)
			}
			says(got[1].Text, "hunter22")
		})
	})

	when("npm trusts an authority of a company", func() {
		it("hands over its certificate, by a variable or by cafile", func() {
			file, other := filepath.Join(home, "company.pem"), filepath.Join(home, "ca.pem")
			for name, text := range map[string]string{file: "one", other: "two", filepath.Join(home, ".npmrc"): "cafile=" + other + "\n"} {
				if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			p.env["NODE_EXTRA_CA_CERTS"], p.env["SSL_CERT_FILE"] = file, filepath.Join(home, "missing")
			got := all(builtin.NPM)
			if len(got) != 2 || got[1].Variable != "NODE_EXTRA_CA_CERTS" || !strings.HasPrefix(got[1].Text, "one\ntwo\n") {
				t.Errorf("got %+v", got)
			}
			delete(p.env, "NODE_EXTRA_CA_CERTS")
			if err := os.Remove(other); err != nil {
				t.Fatal(err)
			}
			if got := all(builtin.NPM); got[1].Text != "" {
				t.Errorf("got %+v", got)
			}
		})
	})

	when("the go command is set up", func() {
		it("tells every buildpack, but not what it must not know", func() {
			p.env["GOPROXY"], p.env["GOPRIVATE"] = "https://me:hunter22@go.test", "corp.test/*"
			got := p.clientEnv(map[string]string{"GOSUMDB": "off"})
			if diff := gocmp.Diff(map[string]string{"GOPRIVATE": "corp.test/*", "GOSUMDB": "off"}, got); diff != "" {
				t.Error(diff)
			}
		})

		it("hands a file to who asks, and keeps the password quiet", func() {
			file := filepath.Join(home, ".config/go/env")
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte("GOPROXY=https://me:hunter22@go.test\nGOSUMDB=off\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			want := builtin.Settings{Variable: "GOENV", Name: "go.env", Text: "GOPROXY=https://me:hunter22@go.test\nGOSUMDB=off\n"}
			got := settings(builtin.Go, stack.Stack{})
			if diff := gocmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			says(got.Text, "hunter22")
		})
	})

	when("Debian's packages are wanted", func() {
		read := func(on stack.Stack) runtimes.DebianSettings {
			t.Helper()
			got := settings(builtin.Debian, on)
			var s runtimes.DebianSettings
			if err := json.Unmarshal([]byte(got.Text), &s); err != nil || got.Variable != runtimes.DebianVariable {
				t.Fatalf("got %+v, %v", got, err)
			}
			if s.Sources.Debian != p.env[mirrorVariable] || s.Sources.Security != p.env[securityVariable] {
				t.Errorf("got %+v", s.Sources)
			}
			return s
		}
		create := func(id, variant string) base.Made {
			t.Helper()
			store := base.Store{Dir: filepath.Join(home, "slugc", "stacks"), Maker: smallMaker{"1"}}
			made, err := store.Create(t.Context(), base.Request{ID: id, Variant: variant, Arch: runtime.GOARCH})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := made.Close(); err != nil {
					t.Error(err)
				}
			})
			return made
		}

		it("names the packages of the run image of the stack", func() {
			run := create("slugc-12", stack.Run)
			got := read(create("slugc-12", stack.Build).Stack())
			if diff := gocmp.Diff(run.Lock.Packages, got.Base); diff != "" || got.Stack != "slugc-12" {
				t.Errorf("%s%s", got.Stack, diff)
			}
			says(p.env[mirrorVariable], "hunter22")
		})

		it("fetches nothing for it without a network", func() {
			on := create("slugc-12", stack.Build).Stack()
			_, err := p.clients(on)[builtin.Debian](t.Context(), true)
			if err == nil || !strings.Contains(err.Error(), "--offline") {
				t.Errorf("got %v", err)
			}
		})

		it("knows nothing of a root filesystem that is somebody's", func() {
			create("slugc-12", stack.Run)
			got := read(stack.Stack{ID: "slugc-12", Root: t.TempDir(), Target: stack.Target{OS: "linux", Arch: runtime.GOARCH}})
			if got.Stack != "" || len(got.Base) > 0 {
				t.Errorf("got %+v", got)
			}
		})

		it("knows the stack that fits this machine, and its packages once it was made", func() {
			host, err := stack.Host()
			if err != nil {
				t.Fatal(err)
			}
			before := read(host)
			if before.Stack == "" {
				t.Skip("no stack fits this machine")
			}
			if len(before.Base) > 0 {
				t.Errorf("got %+v", before)
			}
			made := create(before.Stack, stack.Run)
			if diff := gocmp.Diff(made.Lock.Packages, read(host).Base); diff != "" {
				t.Error(diff)
			}
		})
	})
}
