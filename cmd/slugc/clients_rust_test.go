package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/buildpacks/builtin"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/launch"
)

// Settings of Cargo reach the buildpack that asks for them, with the certificates
// that Cargo trusts, and what is secret in them is not printed.
func TestCargoSettings(t *testing.T) {
	home, printed := t.TempDir(), &bytes.Buffer{}
	files := map[string]string{
		".cargo/config.toml":      "[http]\ncainfo = \"" + filepath.Join(home, "ca.pem") + "\"\n[registries.corp]\nindex = \"sparse+https://cargo.test/\"\n",
		".cargo/credentials.toml": "[registries.corp]\ntoken = \"hunter22\"\n",
		"ca.pem":                  "certificates",
	}
	for name, text := range files {
		file := filepath.Join(home, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := &program{out: printed, err: printed, noColor: true, env: launch.Env{"HOME": home}}
	p.speak(printed)
	settings, err := p.clients(stack.Stack{})[builtin.Cargo](t.Context(), true)
	if err != nil {
		t.Fatal(err)
	}
	want := []builtin.Settings{
		{Variable: "SLUGC_CARGO_CONFIG", Name: "cargo-config.toml", Text: "[registries]\n  [registries.corp]\n    index = \"sparse+https://cargo.test/\"\n"},
		{Variable: "SLUGC_CARGO_LOGINS", Name: "cargo-credentials.toml", Text: "[registries]\n  [registries.corp]\n    token = \"hunter22\"\n"},
		{Variable: "CARGO_HTTP_CAINFO", Name: "cargo-ca.pem", Text: "certificates"},
	}
	if diff := gocmp.Diff(want, settings); diff != "" {
		t.Error(diff)
	}
	p.voice.Stepf("%s", settings[1].Text)
	if !strings.Contains(printed.String(), "[redacted]") || strings.Contains(printed.String(), "hunter22") {
		t.Errorf("it prints %s", printed)
	}
}
