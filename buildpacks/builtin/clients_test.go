package builtin_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/buildpacks/builtin"
	"github.com/slugc/slugc/buildpacks/cnb"
	"github.com/slugc/slugc/stack/sandbox"
)

func TestHandOver(t *testing.T) {
	spec.Run(t, "settings of clients", testHandOver)
}

func testHandOver(t *testing.T, _ spec.G, it spec.S) {
	const exe = "/usr/bin/slugc"
	var (
		dir       string
		installed map[string]*cnb.Buildpack
		text      string
		asked     int
		offline   bool
		failure   error
		clients   builtin.Clients
	)
	handOver := func(group ...string) error {
		return builtin.HandOver(t.Context(), dir, installed, group, clients, true)
	}
	own := []sandbox.Mount{{Source: exe, Target: "/cnb/slugc"}}

	it.Before(func() {
		var err error
		if installed, err = builtin.Install(t.TempDir(), exe); err != nil {
			t.Fatal(err)
		}
		dir, text, asked, failure = filepath.Join(t.TempDir(), "settings"), "registry=somewhere\n", 0, nil
		clients = builtin.Clients{builtin.NPM: func(_ context.Context, cut bool) ([]builtin.Settings, error) {
			asked++
			offline = cut
			return []builtin.Settings{{Variable: "npm_config_userconfig", Name: "npmrc", Text: text}}, failure
		}}
	})

	it("are shown to the buildpack that asks for them, and to no other", func() {
		if err := handOver("slugc/nodejs", "slugc/procfile"); err != nil {
			t.Fatal(err)
		}
		nodejs, procfile := installed["slugc/nodejs"], installed["slugc/procfile"]
		file := filepath.Join(dir, "npmrc")
		if diff := cmp.Diff(append(own, sandbox.Mount{Source: file, Target: "/cnb/settings/npmrc"}), nodejs.Mounts); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(map[string]string{"npm_config_userconfig": "/cnb/settings/npmrc"}, nodejs.Env); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(own, procfile.Mounts); diff != "" || len(procfile.Env) > 0 {
			t.Errorf("%s%v", diff, procfile.Env)
		}
		if got, err := os.ReadFile(file); err != nil || string(got) != text {
			t.Errorf("got %q, %v", got, err)
		}
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("got %v, %v", info, err)
		}
		if asked != 1 || !offline {
			t.Errorf("asked %d times, offline %v", asked, offline)
		}
	})

	it("are not looked for when nobody asks", func() {
		if err := handOver("slugc/procfile", "somebody/else"); err != nil || asked > 0 {
			t.Errorf("asked %d times, %v", asked, err)
		}
	})

	it("are no files when there are none", func() {
		text = ""
		if err := handOver("slugc/nodejs"); err != nil {
			t.Fatal(err)
		}
		clients = nil
		if err := handOver("slugc/nodejs"); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(own, installed["slugc/nodejs"].Mounts); diff != "" {
			t.Error(diff)
		}
	})

	it("end the build when they cannot be found out", func() {
		failure = errors.New("broken")
		if err := handOver("slugc/nodejs"); !errors.Is(err, failure) {
			t.Errorf("got %v", err)
		}
	})
}
