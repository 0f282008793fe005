package cargo_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/buildpacks/runtime/cargo"
)

// What a build needs of a person's settings is handed on, tokens in a file of
// their own, and nothing else.
func TestConnection(t *testing.T) {
	home := t.TempDir()
	for name, text := range map[string]string{
		"config.toml": `
[build]
rustflags = ["-C", "target-cpu=native"]
[alias]
b = "build"
[registries.my-corp]
index = "sparse+https://me:hunter22@cargo.example.com/index/"
[source.crates-io]
replace-with = "mirror"
[source.mirror]
registry = "sparse+https://mirror.example.com/index/"
[source.here]
directory = "/home/me/vendor"
[http]
proxy = "proxy.example.com:3128"
cainfo = "/home/me/ca.pem"
debug = true
`,
		"credentials.toml": "[registry]\ntoken = \"usual\"\n[registries.my-corp]\ntoken = \"Bearer one\"\n",
	} {
		if err := os.WriteFile(filepath.Join(home, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	env := map[string]string{
		"CARGO_HOME": home, "CARGO_REGISTRIES_MY_CORP_TOKEN": "two", "CARGO_REGISTRIES_OTHER_ONE_INDEX": "sparse+https://other.example.com/", "CARGO_REGISTRY_DEFAULT": "my-corp",
	}
	config, err := cargo.Load(env, cargo.Files(env)...)
	if err != nil {
		t.Fatal(err)
	}
	text, credentials, secrets, err := config.Connection()
	if err != nil {
		t.Fatal(err)
	}
	want := `[http]
  proxy = "proxy.example.com:3128"

[registries]
  [registries.my-corp]
    index = "sparse+https://me:hunter22@cargo.example.com/index/"
  [registries.other-one]
    index = "sparse+https://other.example.com/"

[registry]
  default = "my-corp"

[source]
  [source.crates-io]
    replace-with = "mirror"
  [source.mirror]
    registry = "sparse+https://mirror.example.com/index/"
`
	if diff := cmp.Diff(want, text); diff != "" {
		t.Error(diff)
	}
	want = "[registries]\n  [registries.my-corp]\n    token = \"two\"\n\n[registry]\n  token = \"usual\"\n"
	if diff := cmp.Diff(want, credentials); diff != "" {
		t.Error(diff)
	}
	slices.Sort(secrets)
	if diff := cmp.Diff([]string{"hunter22", "two", "usual"}, secrets); diff != "" {
		t.Error(diff)
	}
	if config.CA() != "/home/me/ca.pem" {
		t.Errorf("got %q", config.CA())
	}
}

// Without settings nothing is handed on.
func TestNothing(t *testing.T) {
	env := map[string]string{"HOME": t.TempDir()}
	config, err := cargo.Load(env, append(cargo.Files(env), filepath.Join(env["HOME"], "missing"))...)
	if err != nil {
		t.Fatal(err)
	}
	text, credentials, secrets, err := config.Connection()
	if err != nil || text+credentials != "" || len(secrets) > 0 || config.CA() != "" {
		t.Errorf("got %q, %q, %v, %v", text, credentials, secrets, err)
	}
	if files := cargo.Files(map[string]string{}); files != nil {
		t.Errorf("got %v", files)
	}
}

// FuzzLoad reads what people write: it is taken or refused, and what is handed on
// can be read.
func FuzzLoad(f *testing.F) {
	f.Add("[registries.a]\ntoken = \"x\"\nindex = 7\n[source]\na = 1\n")
	f.Add("[registry]\ntoken = { a = [1] }\n[http]\ncainfo = 3\n")
	f.Add("registries = 1\n[source.a.b]\nc = 1979-05-27\n")
	f.Fuzz(func(t *testing.T, text string) {
		file := filepath.Join(t.TempDir(), "config.toml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		env := map[string]string{"CARGO_REGISTRIES_A_INDEX": "b"}
		config, err := cargo.Load(env, file)
		if err != nil {
			return
		}
		out, _, _, err := config.Connection()
		if err != nil {
			t.Fatal(err)
		}
		again := filepath.Join(t.TempDir(), "again.toml")
		if err := os.WriteFile(again, []byte(out), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := cargo.Load(env, again); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
}
