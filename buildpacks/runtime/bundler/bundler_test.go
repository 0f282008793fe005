package bundler_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/buildpacks/runtime/bundler"
)

// A build gets mirrors, credentials and flags of a person's Bundler, and nothing
// that says where this machine has its gems.
func TestConnection(t *testing.T) {
	home := t.TempDir()
	for name, text := range map[string]string{
		".bundle/config": "---\nBUNDLE_MIRROR__ALL: \"https://me:hunter22@mirror.test/gems\"\nBUNDLE_PATH: \"vendor/bundle\"\nBUNDLE_GEMS__EXAMPLE__COM: \"me:from%40file\"\n" +
			"BUNDLE_BUILD__PG: \"--with-pg-config=/opt/pg_config\"\nBUNDLE_WITHOUT: \"test\"\nBUNDLE_LOCAL__RACK: \"/home/me/rack\"\nBUNDLE_RETRY: 5\n",
		".gemrc": "---\n:http_proxy: http://me:secret@proxy.test:3128\n:sources:\n- https://gems.test/\ngem: --no-document\n",
	} {
		file := filepath.Join(home, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	env := map[string]string{"HOME": home, "BUNDLE_TOKEN__EXAMPLE__COM": "token", "BUNDLE_JOBS": "7", "BUNDLE_GEMFILE": "x"}
	c, err := bundler.Load(env, bundler.Files(env)...)
	if err != nil {
		t.Fatal(err)
	}
	config, gemrc, secrets, err := c.Connection()
	if err != nil {
		t.Fatal(err)
	}
	want := "---\nBUNDLE_BUILD__PG: --with-pg-config=/opt/pg_config\nBUNDLE_GEMS__EXAMPLE__COM: me:from%40file\n" +
		"BUNDLE_MIRROR__ALL: https://me:hunter22@mirror.test/gems\nBUNDLE_RETRY: \"5\"\nBUNDLE_TOKEN__EXAMPLE__COM: token\n"
	if diff := cmp.Diff(want, config); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff("---\n:http_proxy: http://me:secret@proxy.test:3128\n", gemrc); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"from%40file", "from@file", "hunter22", "token", "secret"}, secrets); diff != "" {
		t.Error(diff)
	}
}

func TestVariablesBeatFiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(file, []byte("BUNDLE_MIRROR__ALL: https://file.test\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"BUNDLE_USER_CONFIG": file, "BUNDLE_MIRROR__ALL": "https://variable.test", "BUNDLE_SSL_CA_CERT": "/ca.pem"}
	c, err := bundler.Load(env, bundler.Files(env)...)
	if err != nil {
		t.Fatal(err)
	}
	config, gemrc, secrets, err := c.Connection()
	if config != "---\nBUNDLE_MIRROR__ALL: https://variable.test\n" || gemrc != "" || secrets != nil || err != nil {
		t.Errorf("got %q, %q, %q, %v", config, gemrc, secrets, err)
	}
	if got := c.CA(env); got != "/ca.pem" {
		t.Errorf("got %q", got)
	}
}

func TestNothing(t *testing.T) {
	env := map[string]string{"HOME": t.TempDir()}
	c, err := bundler.Load(env, bundler.Files(env)...)
	if err != nil {
		t.Fatal(err)
	}
	if config, gemrc, secrets, err := c.Connection(); config != "" || gemrc != "" || secrets != nil || err != nil {
		t.Errorf("got %q, %q, %q, %v", config, gemrc, secrets, err)
	}
}

func TestBroken(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(file, []byte("a: [\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := bundler.Load(nil, file); err == nil {
		t.Error("no error")
	}
}

func FuzzLoad(f *testing.F) {
	for _, text := range []string{"---\nBUNDLE_MIRROR__ALL: https://a:b@c\n", ":sources:\n- x\n", "BUNDLE_A__B: [1]\n", "\x00"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		file := filepath.Join(t.TempDir(), "config")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := bundler.Load(nil, file)
		if err != nil {
			return
		}
		config, _, _, err := c.Connection()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		again, err := bundler.Load(nil, file)
		if err != nil {
			t.Fatal(err)
		}
		if same, _, _, err := again.Connection(); err != nil || same != config {
			t.Errorf("%q becomes %q, %v", config, same, err)
		}
	})
}
