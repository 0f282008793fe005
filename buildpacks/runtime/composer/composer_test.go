package composer_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/buildpacks/runtime/composer"
)

func write(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// A build gets the credentials of a person's Composer and how servers are reached,
// and nothing that says where this machine has its packages.
func TestConnection(t *testing.T) {
	home := t.TempDir()
	write(t, home, map[string]string{
		".config/composer/auth.json": `{"http-basic": {"a.test": {"username": "me", "password": "hunter22"}, "b.test": {"username": "token", "password": "other1"}},
			"bitbucket-oauth": {"c.test": {"consumer-key": "key", "consumer-secret": "secret3"}}, "gitlab-token": {"d.test": {"username": "me", "token": "secret4"}},
			"custom-headers": {"e.test": ["API-TOKEN: secret5", "X-Plain: secret6"]}}`,
		".config/composer/config.json": `{"config": {"secure-http": false, "cafile": "/ca.pem", "vendor-dir": "/x", "cache-dir": "/y", "http-basic": {"a.test": {"username": "me", "password": "older"}}},
			"repositories": [{"type": "composer", "url": "http://mirror.test"}]}`,
	})
	env := map[string]string{"HOME": home, composer.AuthVariable: `{"http-basic": {"b.test": {"username": "me", "password": "variable"}}, "bearer": {"f.test": "secret7"}}`}
	c, err := composer.Load(env, composer.Files(env)...)
	if err != nil {
		t.Fatal(err)
	}
	text, secrets, err := c.Connection()
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`"a.test":{"password":"hunter22","username":"me"}`, `"b.test":{"password":"variable"`, `"secure-http":false`} {
		if !strings.Contains(text, part) {
			t.Errorf("no %s in %s", part, text)
		}
	}
	for _, part := range []string{"vendor-dir", "/ca.pem", "cache-dir", "mirror.test", "older", "other1"} {
		if strings.Contains(text, part) {
			t.Errorf("%s in %s", part, text)
		}
	}
	if c.CA() != "/ca.pem" {
		t.Errorf("got %s", c.CA())
	}
	slices.Sort(secrets)
	if diff := cmp.Diff([]string{"hunter22", "secret3", "secret4", "secret5", "secret6", "secret7", "variable"}, secrets); diff != "" {
		t.Error(diff)
	}
}

func TestHome(t *testing.T) {
	home := t.TempDir()
	for name, test := range map[string]struct {
		env  map[string]string
		want []string
	}{
		"its own variable": {map[string]string{composer.HomeVariable: "/c", "HOME": home}, []string{"/c/auth.json", "/c/config.json"}},
		"XDG":              {map[string]string{"XDG_CONFIG_HOME": "/x", "HOME": "/h"}, []string{"/x/composer/auth.json", "/x/composer/config.json", "/h/.composer/auth.json", "/h/.composer/config.json"}},
		"nobody's":         {map[string]string{}, nil},
	} {
		if diff := cmp.Diff(test.want, composer.Files(test.env)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestNothing(t *testing.T) {
	c, err := composer.Load(nil, filepath.Join(t.TempDir(), composer.AuthFile))
	if err != nil {
		t.Fatal(err)
	}
	if text, secrets, err := c.Connection(); text != "" || secrets != nil || err != nil {
		t.Errorf("got %q, %q, %v", text, secrets, err)
	}
	c.Trust("/ca.pem")
	text, err := c.Text(map[string]any{"autoloader-suffix": "x"})
	if err != nil || text != `{"config":{"autoloader-suffix":"x","cafile":"/ca.pem"}}`+"\n" {
		t.Errorf("got %s, %v", text, err)
	}
}

// What is broken is told without a part of it, which may be a credential.
func TestBroken(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{composer.AuthFile: `{"bearer": {"a.test": "hunter22"`, composer.ConfigFile: `{"config": ["hunter22"]}`})
	for _, file := range []string{composer.AuthFile, composer.ConfigFile} {
		if _, err := composer.Load(nil, filepath.Join(dir, file)); err == nil || strings.Contains(err.Error(), "hunter22") {
			t.Errorf("%s: got %v", file, err)
		}
	}
	if _, err := composer.Load(map[string]string{composer.AuthVariable: "hunter22"}); err == nil || strings.Contains(err.Error(), "hunter22") {
		t.Errorf("got %v", err)
	}
}

func FuzzLoad(f *testing.F) {
	for _, text := range []string{`{"http-basic": {"a": {"username": "b", "password": "c"}}}`, `{"custom-headers": {"a": ["b: c", 1]}}`, `{"bearer": 1}`, "[", "null", `{"config": null}`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		dir := t.TempDir()
		write(t, dir, map[string]string{composer.AuthFile: text, composer.ConfigFile: text})
		c, err := composer.Load(nil, filepath.Join(dir, composer.AuthFile), filepath.Join(dir, composer.ConfigFile))
		if err != nil {
			return
		}
		first, _, err := c.Connection()
		if err != nil || first == "" {
			return
		}
		write(t, dir, map[string]string{composer.ConfigFile: first})
		again, err := composer.Load(nil, filepath.Join(dir, composer.ConfigFile))
		if err != nil {
			t.Fatal(err)
		}
		if same, _, err := again.Connection(); err != nil || same != first {
			t.Errorf("%q becomes %q, %v", first, same, err)
		}
	})
}
