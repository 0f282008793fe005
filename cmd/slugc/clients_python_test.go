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

// Settings of pip reach the buildpack that asks for them, with the certificates
// that pip trusts, and what is secret in them is not printed.
func TestPipSettings(t *testing.T) {
	home, printed := t.TempDir(), &bytes.Buffer{}
	files := map[string]string{
		"pip.conf": "[global]\nindex-url = https://pip.test/simple\ncert = " + filepath.Join(home, "ca.pem") + "\n",
		"ca.pem":   "certificates",
		".netrc":   "machine pip.test login me password hunter22\n",
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(home, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := &program{out: printed, err: printed, noColor: true, env: launch.Env{"HOME": home, "PIP_CONFIG_FILE": filepath.Join(home, "pip.conf")}}
	p.speak(printed)
	settings, err := p.clients(stack.Stack{})[builtin.PIP](t.Context(), true)
	if err != nil {
		t.Fatal(err)
	}
	want := []builtin.Settings{
		{Variable: "PIP_CONFIG_FILE", Name: "pip.conf", Text: "[global]\nindex-url = https://me:hunter22@pip.test/simple\n"},
		{Variable: "PIP_CERT", Name: "pip-ca.pem", Text: "certificates"},
	}
	if diff := gocmp.Diff(want, settings); diff != "" {
		t.Error(diff)
	}
	p.voice.Stepf("%s", settings[0].Text)
	if !strings.Contains(printed.String(), "[redacted]") || strings.Contains(printed.String(), "hunter22") {
		t.Errorf("it prints %s", printed)
	}
}
