package goproxy_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/buildpacks/runtime/goproxy"
	"github.com/slugc/slugc/buildpacks/runtime/goproxy/goproxytest"
	"github.com/slugc/slugc/stack/download"
)

func TestAddress(t *testing.T) {
	file := filepath.Join(t.TempDir(), "env")
	if err := os.WriteFile(file, []byte("# comment\nGOPROXY=https://file.test\nGOSUMDB=off\nGOFLAGS=-mod=mod\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	missing := filepath.Join(t.TempDir(), "missing")
	for name, test := range map[string]struct {
		env   map[string]string
		files []string
		want  string
	}{
		"default":                {files: []string{missing}, want: "https://default.test"},
		"file":                   {files: []string{file}, want: "https://file.test"},
		"environment":            {env: map[string]string{"GOPROXY": "https://env.test/go"}, files: []string{file}, want: "https://env.test/go"},
		"list":                   {env: map[string]string{"GOPROXY": "https://a.test,https://b.test|direct"}, want: "https://a.test"},
		"credentials are hidden": {env: map[string]string{"GOPROXY": "https://me:secret@a.test"}, want: "https://a.test"},
		"version control alone":  {env: map[string]string{"GOPROXY": "direct"}, want: ""},
		"after version control":  {env: map[string]string{"GOPROXY": "off,https://a.test"}, want: ""},
	} {
		t.Run(name, func(t *testing.T) {
			env := map[string]string{"GOSUMDB": "off"}
			for name, value := range test.env {
				env[name] = value
			}
			c, err := goproxy.Load(env, goproxy.Defaults{Proxy: "https://default.test"}, test.files...)
			if err != nil {
				t.Fatal(err)
			}
			if c.Address() != test.want || strings.Contains(c.String(), "secret") {
				t.Errorf("got %s (%s), expected %s", c.Address(), c, test.want)
			}
		})
	}
}

func TestSettingsThatAreNone(t *testing.T) {
	for name, test := range map[string]struct {
		env  map[string]string
		want string
	}{
		"proxy":               {map[string]string{"GOPROXY": "host", "GOSUMDB": "off"}, "expected https://HOST/PATH"},
		"proxy by file":       {map[string]string{"GOPROXY": "file:///srv/go", "GOSUMDB": "off"}, "expected https://HOST/PATH"},
		"no database":         {map[string]string{}, "export GOSUMDB=NAME+HASH+KEY"},
		"database, no key":    {map[string]string{"GOSUMDB": "sums.test"}, "NAME+HASH+KEY"},
		"database, bad key":   {map[string]string{"GOSUMDB": "sums.test+00000000+AAAA"}, "NAME+HASH+KEY"},
		"database's address":  {map[string]string{"GOSUMDB": goproxytest.New(t).Key + " nowhere"}, "second word"},
		"too much a database": {map[string]string{"GOSUMDB": goproxytest.New(t).Key + " https://a.test b"}, "NAME+HASH+KEY"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := goproxy.Load(test.env, goproxy.Defaults{})
			if err == nil || !strings.Contains(err.Error(), test.want) || download.FaultOf(err) != download.App {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestDatabaseByName(t *testing.T) {
	key := goproxytest.New(t).Key
	name, _, _ := strings.Cut(key, "+")
	c, err := goproxy.Load(map[string]string{"GOSUMDB": name, "GOPRIVATE": "*.corp.test"}, goproxy.Defaults{SumDB: key})
	if err != nil {
		t.Fatal(err)
	}
	if !c.Checks("public.test/m") || c.Checks("git.corp.test/m") {
		t.Error("expected public modules to be checked, and private ones not")
	}
}

func TestFiles(t *testing.T) {
	for _, test := range []struct {
		env  map[string]string
		want []string
	}{
		{map[string]string{}, nil},
		{map[string]string{"HOME": "/home/a"}, []string{"/home/a/.config/go/env"}},
		{map[string]string{"HOME": "/home/a", "XDG_CONFIG_HOME": "/c"}, []string{"/c/go/env"}},
		{map[string]string{"HOME": "/home/a", "GOENV": "/e"}, []string{"/e"}},
		{map[string]string{"HOME": "/home/a", "GOENV": "off"}, nil},
	} {
		if diff := cmp.Diff(test.want, goproxy.Files(test.env)); diff != "" {
			t.Error(diff)
		}
	}
}

func FuzzLoad(f *testing.F) {
	for _, text := range []string{"https://a.test,direct", "off", "a|b,,|", "https://u:p@h|https://[", "name+12345678+abc https://x"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, name := range []string{"GOPROXY", "GOSUMDB"} {
			c, err := goproxy.Load(map[string]string{name: text}, goproxy.Defaults{})
			if err == nil {
				t.Log(c.String())
			}
		}
	})
}
