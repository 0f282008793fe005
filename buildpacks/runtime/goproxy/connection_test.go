package goproxy_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/buildpacks/runtime/goproxy"
	"github.com/slugc/slugc/buildpacks/runtime/goproxy/goproxytest"
)

func TestConnection(t *testing.T) {
	file := filepath.Join(t.TempDir(), "env")
	if err := os.WriteFile(file, []byte("GOPROXY=https://file.test\nGOPRIVATE=corp.test/*\nGOFLAGS=-mod=mod\nGOBIN=/home/me/bin\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	standard := goproxy.Defaults{Proxy: "https://default.test,direct", SumDB: "sums.test+01234567+AAAA"}
	for name, test := range map[string]struct {
		env      map[string]string
		defaults goproxy.Defaults
		files    []string
		want     string
		secrets  []string
	}{
		"nothing":  {},
		"defaults": {defaults: standard, want: "GOPROXY=https://default.test,direct\nGOSUMDB=sums.test+01234567+AAAA\n"},
		"what a file says about modules, and no more": {defaults: standard, files: []string{file},
			want: "GOPROXY=https://file.test\nGOPRIVATE=corp.test/*\nGOSUMDB=sums.test+01234567+AAAA\n"},
		"the environment beats files": {env: map[string]string{"GOPROXY": "https://env.test", "GOSUMDB": "off"}, defaults: standard, files: []string{file},
			want: "GOPROXY=https://env.test\nGOPRIVATE=corp.test/*\nGOSUMDB=off\n"},
		"a database is written with its key": {env: map[string]string{"GOSUMDB": "sums.test https://mirror.test"}, defaults: standard,
			want: "GOPROXY=https://default.test,direct\nGOSUMDB=sums.test+01234567+AAAA https://mirror.test\n"},
		"passwords, as they are meant and as they are written": {
			env:     map[string]string{"GOPROXY": "https://me:p%40ss@a.test|https://token@b.test", "GOSUMDB": "off"},
			want:    "GOPROXY=https://me:p%40ss@a.test|https://token@b.test\nGOSUMDB=off\n",
			secrets: []string{"p@ss", "p%40ss", "token"}},
		"what is no line": {env: map[string]string{"GOPROXY": "https://a.test\nGOFLAGS=-x"}},
	} {
		t.Run(name, func(t *testing.T) {
			text, secrets, err := goproxy.Connection(test.env, test.defaults, test.files...)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, text); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(test.secrets, secrets); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestConnectionIsLoaded reads the file as a build does, which knows no more.
func TestConnectionIsLoaded(t *testing.T) {
	modules := goproxytest.New(t)
	text, _, err := goproxy.Connection(nil, goproxy.Defaults{Proxy: modules.URL, SumDB: modules.Key})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "go.env")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"GOENV": file}
	c, err := goproxy.Load(env, goproxy.Defaults{}, goproxy.Files(env)...)
	if err != nil {
		t.Fatal(err)
	}
	if c.Address() != modules.URL || !c.Checks("example.com/m") {
		t.Errorf("got %s", c)
	}
}
