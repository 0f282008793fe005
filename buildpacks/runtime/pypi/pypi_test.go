package pypi_test

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/git-pkgs/purl"
	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/buildpacks/runtime/pypi"
	"github.com/slugc/slugc/buildpacks/runtime/pypi/pypitest"
	"github.com/slugc/slugc/stack/download"
)

// write writes files below a new directory and returns it.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func load(t *testing.T, env map[string]string) pypi.Config {
	t.Helper()
	c, err := pypi.Load(env, pypi.Files(env)...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestIndex(t *testing.T) {
	standard := purl.DefaultRegistry("pypi") + "/simple"
	for name, test := range map[string]struct {
		env   map[string]string
		files map[string]string
		want  string
		from  string
	}{
		"the default": {want: standard},
		"pip's variable above all": {
			env:   map[string]string{"PIP_INDEX_URL": "https://a.test/simple/", "UV_DEFAULT_INDEX": "https://b.test/simple"},
			files: map[string]string{".config/pip/pip.conf": "[global]\nindex-url = https://c.test/simple\n"},
			want:  "https://a.test/simple", from: "PIP_INDEX_URL",
		},
		"uv's variable": {env: map[string]string{"UV_DEFAULT_INDEX": "corp=https://b.test/simple"}, want: "https://b.test/simple", from: "UV_DEFAULT_INDEX"},
		"uv's old one":  {env: map[string]string{"UV_INDEX_URL": "https://b.test/simple"}, want: "https://b.test/simple", from: "UV_INDEX_URL"},
		"pip.conf": {
			files: map[string]string{".config/pip/pip.conf": "# ours\n[global]\nIndex_URL: https://c.test/simple\n[install]\ntimeout = 5\n"},
			want:  "https://c.test/simple", from: ".config/pip/pip.conf",
		},
		"pip.conf's section for install": {
			files: map[string]string{".config/pip/pip.conf": "[global]\nindex-url = https://c.test/simple\n[install]\nindex-url = https://d.test/simple\n[freeze]\nindex-url = https://e.test"},
			want:  "https://d.test/simple", from: ".config/pip/pip.conf",
		},
		"the file that is named goes first": {
			env:   map[string]string{"PIP_CONFIG_FILE": "HOME/own.conf"},
			files: map[string]string{"own.conf": "[global]\nindex-url=https://f.test/simple", ".pip/pip.conf": "[global]\nindex-url=https://g.test/simple"},
			want:  "https://f.test/simple", from: "own.conf",
		},
		"no file at all": {
			env:   map[string]string{"PIP_CONFIG_FILE": os.DevNull},
			files: map[string]string{".pip/pip.conf": "[global]\nindex-url=https://g.test/simple"},
			want:  standard,
		},
		"uv.toml": {
			files: map[string]string{".config/uv/uv.toml": "[[index]]\nname = \"a\"\nurl = \"https://h.test/simple\"\ndefault = true\n[[index]]\nurl = \"https://i.test/simple\"\n"},
			want:  "https://h.test/simple", from: ".config/uv/uv.toml",
		},
		"a login of netrc": {
			env:   map[string]string{"PIP_INDEX_URL": "https://a.test/simple"},
			files: map[string]string{".netrc": "# logins\nmachine other.test login x password y\nmacdef init\nmachine a.test login no password no\n\nmachine a.test\n  login me\n  password hunter2\n"},
			want:  "https://me:hunter2@a.test/simple", from: "PIP_INDEX_URL",
		},
		"a login of one's own": {
			env:   map[string]string{"PIP_INDEX_URL": "https://you:secret@a.test/simple", "NETRC": "HOME/mine"},
			files: map[string]string{"mine": "default login me password hunter2"},
			want:  "https://you:secret@a.test/simple", from: "PIP_INDEX_URL",
		},
	} {
		t.Run(name, func(t *testing.T) {
			home := write(t, test.files)
			env := map[string]string{"HOME": home, "XDG_CONFIG_DIRS": filepath.Join(home, "none")}
			for name, value := range test.env {
				env[name] = strings.ReplaceAll(value, "HOME", home)
			}
			var files []string
			for _, file := range pypi.Files(env) {
				if !strings.HasPrefix(file, "/etc/") { // those of this machine
					files = append(files, file)
				}
			}
			c, err := pypi.Load(env, files...)
			if err != nil {
				t.Fatal(err)
			}
			got, err := c.Index()
			if err != nil {
				t.Fatal(err)
			}
			if got.URL.String() != test.want || strings.TrimPrefix(got.Origin, home+"/") != test.from {
				t.Errorf("got %s from %s", got.URL, got.Origin)
			}
			if strings.Contains(got.String(), "hunter2") {
				t.Errorf("it says %s", got)
			}
		})
	}
	c := load(t, map[string]string{"PIP_INDEX_URL": "not an address"})
	if _, err := c.Index(); download.FaultOf(err) != download.App || !strings.Contains(err.Error(), "the package index in PIP_INDEX_URL is not an address") {
		t.Errorf("got %v", err)
	}
}

func TestConnection(t *testing.T) {
	home := write(t, map[string]string{
		".config/pip/pip.conf": "[global]\nindex-url = https://me:hunter2@a.test/simple\nextra-index-url =\n    https://b.test/simple\n    https://token@c.test/simple\n" +
			"find-links = /wheels https://links.test/\ntrusted-host = a.test\nproxy = http://proxy.test:3128\ntimeout = 3\n",
		".netrc": "machine b.test login you password sesame",
	})
	c, err := pypi.Load(map[string]string{"HOME": home}, filepath.Join(home, ".config/pip/pip.conf"))
	if err != nil {
		t.Fatal(err)
	}
	conf, secrets, err := c.Connection()
	if err != nil {
		t.Fatal(err)
	}
	want := `[global]
index-url = https://me:hunter2@a.test/simple
extra-index-url = https://you:sesame@b.test/simple
    https://token@c.test/simple
find-links = https://links.test/
trusted-host = a.test
proxy = http://proxy.test:3128
`
	if diff := cmp.Diff(want, conf); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"hunter2", "sesame", "token"}, secrets); diff != "" {
		t.Error(diff)
	}
	// What is handed over says the same again.
	file := filepath.Join(write(t, map[string]string{"pip.conf": conf}), "pip.conf")
	again, err := pypi.Load(map[string]string{"PIP_CONFIG_FILE": file}, file)
	if err != nil {
		t.Fatal(err)
	}
	if text, _, err := again.Connection(); text != conf || err != nil {
		t.Errorf("got %v %s", err, cmp.Diff(conf, text))
	}
	if network := c.Network(); !network.Insecure || network.Proxies.HTTPS != "http://proxy.test:3128" {
		t.Errorf("got %+v", network)
	}
	none, err := pypi.Load(map[string]string{"HOME": home + "/none"})
	if err != nil {
		t.Fatal(err)
	}
	if text, secrets, err := none.Connection(); text != "" || len(secrets) > 0 || err != nil {
		t.Errorf("got %q %v %v", text, secrets, err)
	}
}

func registry(t *testing.T, index *pypitest.Registry) *pypi.Registry {
	t.Helper()
	fetcher := download.NewFetcher(&http.Client{})
	fetcher.Pause = func(int) time.Duration { return time.Millisecond }
	return &pypi.Registry{Config: load(t, map[string]string{"PIP_INDEX_URL": index.Index()}), Fetcher: fetcher}
}

func TestRegistry(t *testing.T) {
	for _, form := range []string{"JSON", "HTML"} {
		t.Run(form, func(t *testing.T) {
			index := pypitest.New(t)
			if form == "HTML" {
				index.HTML()
			}
			sum := index.Publish("demo", "demo-1.0-py3-none-any.whl", []byte("wheel"), "")
			index.Publish("demo", "demo-2.0-py3-none-any.whl", []byte("wheel"), strings.Repeat("ab", 32))
			index.Yank("demo", "2.0")
			r := registry(t, index)
			files, err := r.Files(t.Context(), "demo")
			if err != nil {
				t.Fatal(err)
			}
			want := []pypi.File{
				{Name: "demo-1.0-py3-none-any.whl", URL: index.URL + "/files/demo/demo-1.0-py3-none-any.whl", SHA256: sum},
				{Name: "demo-2.0-py3-none-any.whl", URL: index.URL + "/files/demo/demo-2.0-py3-none-any.whl", SHA256: strings.Repeat("ab", 32), Yanked: true},
			}
			if diff := cmp.Diff(want, files); diff != "" {
				t.Fatal(diff)
			}
			var got bytes.Buffer
			if err := r.Save(t.Context(), files[0], &got, nil); err != nil || got.String() != "wheel" {
				t.Errorf("got %q, %v", &got, err)
			}
			err = r.Save(t.Context(), files[1], &got, nil)
			if download.FaultOf(err) != download.Registry || !strings.Contains(err.Error(), "Ask its operator to clear its cache of demo-2.0") {
				t.Errorf("got %v", err)
			}
			files[0].SHA256 = ""
			if err := r.Save(t.Context(), files[0], &got, nil); download.FaultOf(err) != download.Registry {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestTrouble(t *testing.T) {
	for name, test := range map[string]struct {
		answer func(w http.ResponseWriter, r *http.Request) bool
		fault  download.Fault
		says   string
	}{
		"no such package": {func(w http.ResponseWriter, r *http.Request) bool { http.NotFound(w, r); return true }, download.Registry, "has no package demo"},
		"wants a login":   {func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(http.StatusUnauthorized); return true }, download.App, "export PIP_INDEX_URL=https://USER:TOKEN@"},
		"is down":         {func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(http.StatusBadGateway); return true }, download.Passing, "try again later"},
		"is no index": {func(w http.ResponseWriter, _ *http.Request) bool {
			_, err := w.Write([]byte("hello"))
			return err == nil
		}, download.Registry, "not as a package index does"},
		"is broken": {func(w http.ResponseWriter, _ *http.Request) bool {
			_, err := w.Write([]byte(`{"files": 1}`))
			return err == nil
		}, download.Registry, "not as a package index does"},
	} {
		t.Run(name, func(t *testing.T) {
			index := pypitest.New(t)
			index.Before(test.answer)
			_, err := registry(t, index).Files(t.Context(), "demo")
			if download.FaultOf(err) != test.fault || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestLogin(t *testing.T) {
	index := pypitest.New(t)
	index.Publish("demo", "demo-1.0-py3-none-any.whl", []byte("wheel"), "")
	index.Before(func(w http.ResponseWriter, r *http.Request) bool {
		if user, password, given := r.BasicAuth(); given && user == "me" && password == "hunter2" {
			return false
		}
		w.WriteHeader(http.StatusUnauthorized)
		return true
	})
	r := registry(t, index)
	r.Config = load(t, map[string]string{"PIP_INDEX_URL": strings.Replace(index.Index(), "://", "://me:hunter2@", 1)})
	files, err := r.Files(t.Context(), "demo")
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Save(t.Context(), files[0], &bytes.Buffer{}, nil); err != nil {
		t.Error(err)
	}
}

func TestUnreadableSettings(t *testing.T) {
	home := write(t, map[string]string{"uv.toml": "index = [", "big.conf": strings.Repeat("#", 2<<20)})
	for _, file := range []string{"uv.toml", "big.conf"} {
		if _, err := pypi.Load(nil, filepath.Join(home, file)); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("got %v", err)
		}
	}
	if _, err := pypi.Load(nil, filepath.Join(home, "none")); err != nil || errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add("pip.conf", "[global]\nindex-url = https://a.test\nextra-index-url =\n  https://b.test\n")
	f.Add("uv.toml", "[[index]]\nurl = \"https://a.test\"\n")
	f.Add(".netrc", "machine a.test login b password c\nmacdef x\ny\n\ndefault login d")
	f.Fuzz(func(t *testing.T, name, text string) {
		if name != "pip.conf" && name != "uv.toml" && name != ".netrc" {
			return
		}
		home := write(t, map[string]string{name: text})
		c, err := pypi.Load(map[string]string{"HOME": home}, filepath.Join(home, "pip.conf"), filepath.Join(home, "uv.toml"))
		if err != nil {
			return
		}
		// Whatever it holds, it can be told or refused.
		if conf, _, err := c.Connection(); err == nil && conf != "" && !strings.HasPrefix(conf, "[global]\n") {
			t.Errorf("got %q", conf)
		}
	})
}
