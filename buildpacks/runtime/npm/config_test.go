package npm_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/git-pkgs/purl"
	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/buildpacks/runtime/npm"
	"github.com/slugc/slugc/stack/download"
)

func load(t *testing.T, env map[string]string, files ...string) npm.Config {
	t.Helper()
	var paths []string
	for _, text := range files {
		path := filepath.Join(t.TempDir(), ".npmrc")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	paths = append(paths, filepath.Join(t.TempDir(), "missing"))
	c, err := npm.Load(env, paths...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestRegistryAddress(t *testing.T) {
	for name, test := range map[string]struct {
		env   map[string]string
		files []string
		of    string
		want  string
	}{
		"default":                   {want: strings.TrimSuffix(purl.DefaultRegistry("npm"), "/") + "/"},
		"variable":                  {env: map[string]string{"NPM_CONFIG_REGISTRY": "https://npm.test/a"}, files: []string{"registry=https://file.test"}, want: "https://npm.test/a/"},
		"lower case wins":           {env: map[string]string{"NPM_CONFIG_REGISTRY": "https://up.test", "npm_config_registry": "https://low.test"}, want: "https://low.test/"},
		"empty variable is none":    {env: map[string]string{"NPM_CONFIG_REGISTRY": ""}, files: []string{"registry=https://file.test"}, want: "https://file.test/"},
		"file of the app":           {files: []string{"registry = https://app.test/\n", "registry=https://user.test"}, want: "https://app.test/"},
		"file of the user":          {files: []string{"audit=false", "registry=https://user.test"}, want: "https://user.test/"},
		"scope":                     {of: "@acme/tool", files: []string{"registry=https://all.test\n@acme:registry=https://acme.test"}, want: "https://acme.test/"},
		"another scope":             {of: "@other/tool", files: []string{"registry=https://all.test\n@acme:registry=https://acme.test"}, want: "https://all.test/"},
		"variable in a file":        {env: map[string]string{"HOST": "npm.test"}, files: []string{"registry=https://${HOST}/x"}, want: "https://npm.test/x/"},
		"comments and quotes":       {files: []string{"; note\n# note\nregistry=\"https://q.test\" \n"}, want: "https://q.test/"},
		"settings of a section":     {files: []string{"registry=https://top.test\n[section]\nregistry=https://section.test"}, want: "https://top.test/"},
		"with carriage returns":     {files: []string{"registry=https://crlf.test\r\naudit=false\r\n"}, want: "https://crlf.test/"},
		"with a byte order mark":    {files: []string{"\ufeffregistry=https://bom.test\n"}, want: "https://bom.test/"},
		"a comment after the value": {files: []string{"registry=https://note.test ; ours"}, want: "https://note.test/"},
	} {
		t.Run(name, func(t *testing.T) {
			of := test.of
			if of == "" {
				of = "express"
			}
			got, err := load(t, test.env, test.files...).Registry(of)
			if err != nil {
				t.Fatal(err)
			}
			if got.URL.String() != test.want {
				t.Errorf("got %s, expected %s", got.URL, test.want)
			}
		})
	}
}

func TestRegistryAddressIsNone(t *testing.T) {
	for _, text := range []string{"npm.test", "ftp://npm.test", "https://", "${UNSET}"} {
		_, err := load(t, nil, "registry="+text).Registry("x")
		if err == nil || download.FaultOf(err) != download.App || !strings.Contains(err.Error(), "expected https://HOST/PATH/") || !strings.Contains(err.Error(), ".npmrc") {
			t.Errorf("%q: got %v", text, err)
		}
	}
}

func TestFiles(t *testing.T) {
	for _, test := range []struct {
		env  map[string]string
		want []string
	}{
		{map[string]string{}, []string{"/app/.npmrc"}},
		{map[string]string{"HOME": "/home/a"}, []string{"/app/.npmrc", "/home/a/.npmrc"}},
		{map[string]string{"HOME": "/home/a", "NPM_CONFIG_USERCONFIG": "/u"}, []string{"/app/.npmrc", "/u"}},
		{map[string]string{"npm_config_userconfig": "/l", "NPM_CONFIG_USERCONFIG": "/u", "NPM_CONFIG_GLOBALCONFIG": "/g"}, []string{"/app/.npmrc", "/l", "/g"}},
	} {
		if diff := cmp.Diff(test.want, npm.Files(test.env, "/app")); diff != "" {
			t.Error(diff)
		}
	}
}

func TestNetwork(t *testing.T) {
	c := load(t, map[string]string{"HTTPS_PROXY": "http://env.test", "NODE_EXTRA_CA_CERTS": "/node.pem", "SSL_CERT_FILE": "/ssl.pem"},
		"https-proxy=http://file.test\nnoproxy=a.test\ncafile=/file.pem\nstrict-ssl=false\nca[]=one\nca[]=two\n")
	got := c.Network()
	want := download.Network{
		Proxies:  download.Proxies{HTTPS: "http://file.test", Except: "a.test"},
		CAFiles:  []string{"/ssl.pem", "/node.pem", "/file.pem"},
		CA:       []byte("one\ntwo"),
		Insecure: true,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := got.Client(); err == nil || !strings.Contains(err.Error(), `"ca"`) {
		t.Errorf("made a client with certificates that are none: %v", err)
	}
	got.CA = nil
	got.Proxies = download.Proxies{}
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	for _, insecure := range []bool{true, false} {
		got.Insecure = insecure
		client, err := got.Client()
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.Head(server.URL)
		if err == nil {
			err = response.Body.Close()
		}
		if (err == nil) != insecure {
			t.Errorf("strict-ssl=%t, a certificate that nobody signed: %v", !insecure, err)
		}
		client.CloseIdleConnections()
	}
}

func FuzzLoad(f *testing.F) {
	for _, text := range []string{"registry=https://a.test", "a[]=1\na[]=2", "[s]\nb=c", "//h/:_auth=\"x\\\"", "=", "${A", "\\${A}", "'", "a='\""} {
		f.Add(text)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		file := filepath.Join(dir, "npmrc")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := npm.Load(map[string]string{"A": "b"}, file)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Registry("@s/p"); err == nil {
			c.Network()
		}
	})
}
