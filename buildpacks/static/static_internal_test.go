package static

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// fromJSON is the site of a static.json.
func fromJSON(t *testing.T, text string) site {
	t.Helper()
	s := newSite()
	if err := s.parseJSON([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := s.checkValues(); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestConfig(t *testing.T) {
	for name, test := range map[string]struct {
		site        site
		says, lacks []string
	}{
		"the plainest": {
			site:  newSite(),
			says:  []string{"\t\troot \"@@env_SLUGC_APP@@/\";\n", "try_files $uri $uri/ =404;", "\tlisten @@PORT@@;\n", "add_header Cache-Control $header_0 always;", `location ~ "/\\.(?!well-known(?:/|$))" {`, `static\\.json|Staticfile`},
			lacks: []string{"autoindex", "ssi", "$route", "proxy_pass", "$host !=", "return 301"},
		},
		"clean URLs": {site: fromJSON(t, `{"clean_urls": true}`),
			says: []string{`root "@@env_SLUGC_APP@@/public_html";`, "try_files $uri $uri.html $uri/ =404;", `if ($request_uri ~ "^(/(?![/\\\\])[^?]*)\\.html(?:\\?.*)?$") {`}},
		"routes, the longest first": {site: fromJSON(t, `{"routes": {"/**": "index.html", "/a/*.html": "/a.html", "/spa/**": {"path": "spa.html", "except": "/spa/assets/"}}}`),
			says: []string{"\t\tdefault \"/.none\";\n\t\t\"~^/a/[^/]*\\\\.html$\" \"/a.html\";\n\t\t\"~^(?!/spa/assets/)/spa/.*$\" \"/spa.html\";\n\t\t\"~^/.*$\" \"/index.html\";\n", "try_files $uri $uri/ $route =404;"}},
		"redirects": {site: fromJSON(t, `{"redirects": {"/old": "/new", "/blog/**": {"url": "https://blog.test/", "status": 302}}}`),
			says: []string{"location = \"/old\" {\n\t\t\treturn 301 \"/new\";", "location ~ \"^/blog/.*$\" {\n\t\t\treturn 302 \"https://blog.test/\";"}},
		"headers by name, the longest pattern first": {site: fromJSON(t, `{"headers": {"/**": {"X-A": "all"}, "/a/**": {"X-A": "a \"q\" $b", "Cache-Control": "no-store"}}}`),
			says: []string{"map $path_asked $header_1 {\n\t\tdefault \"\";\n\t\t\"~^/a/.*$\" \"a \\\"q\\\" ${dollar}b\";\n\t\t\"~^/.*$\" \"all\";\n", "default $cache_standard;\n\t\t\"~^/a/.*$\" \"no-store\";", "add_header X-A $header_1 always;"}},
		"variables of the start": {site: fromJSON(t, `{"canonical_host": "${HOST}", "headers": {"/": {"X-A": "to ${API}"}}}`),
			says: []string{`if ($host != "@@env_HOST@@") {`, "return 301 $scheme_outside://@@env_HOST@@$request_uri;", `"to @@env_API@@";`}},
		"proxies": {site: fromJSON(t, `{"proxies": {"/api": {"origin": "https://api.test:8443/v1/"}, "/env/": {"origin": "${API}"}}}`),
			says: []string{"resolver @@resolvers@@;", "location ^~ \"/api/\" {\n\t\t\tset $origin \"https://api.test:8443\";\n\t\t\trewrite \"^/api/(.*)$\" \"/v1/$1\" break;\n\t\t\tproxy_pass $origin;",
				`proxy_set_header Host "api.test:8443";`, `proxy_redirect "https://api.test:8443/v1/" "/api/";`,
				`set $origin "@@base_API@@";`, `rewrite "^/env/(.*)$" "@@path_API@@/$1" break;`, `proxy_set_header Host "@@host_API@@";`}},
		"an error page and no log": {site: fromJSON(t, `{"error_page": "e/404.html", "logging": {"access": false, "error": "warn"}}`),
			says: []string{`error_page 404 500 502 503 504 "/e/404.html";`, "access_log off;", "error_log stderr warn;"}, lacks: []string{"short;"}},
		"https": {site: fromJSON(t, `{"https_only": true}`), says: []string{"if ($scheme_outside != https) {\n\t\t\treturn 301 https://$host$request_uri;"}},
		"everything else": {
			site: site{root: "x", index: []string{"main.html"}, fallback: true, listing: true, dotFiles: true, ssi: true, hsts: hstsYear, encoding: "utf-8", prefix: "/app", include: "includes/*.conf"},
			says: []string{"autoindex on;", "ssi on;", "index main.html;", `add_header Strict-Transport-Security "max-age=31536000" always;`, `rewrite "^/app(/.*)$" $1;`,
				`include "@@env_SLUGC_APP@@/nginx/conf/includes/*.conf";`, `/main.html";`, `location ~ "/\\.(?:git|slugc|profile\\.d)(?:/|$)" {`},
			lacks: []string{"well-known", "static\\\\.json"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			text := test.site.config()
			for _, part := range test.says {
				if !strings.Contains(text, part) {
					t.Errorf("\n%s\ndoes not say\n%s", text, part)
				}
			}
			for _, part := range test.lacks {
				if strings.Contains(text, part) {
					t.Errorf("\n%s\nsays\n%s", text, part)
				}
			}
			if err := balanced(text); err != "" {
				t.Errorf("%s\n%s", err, text)
			}
		})
	}
}

// balanced reads quotes and braces as nginx does and says what is wrong.
func balanced(text string) string {
	depth, quote := 0, byte(0)
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quote != 0 && c == '\\':
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '#':
			for i < len(text) && text[i] != '\n' {
				i++
			}
		case c == '{' && text[max(i-1, 0)] != '$':
			depth++
		case c == '}':
			if depth--; depth < 0 {
				return "a brace too many"
			}
		}
	}
	if depth != 0 || quote != 0 {
		return "something does not end"
	}
	return ""
}

func TestStaticfile(t *testing.T) {
	s := newSite()
	err := s.parseStaticfile([]byte("root: /public/\npushstate: enabled\ndirectory: visible\nforce_https: true\nhost_dot_files: false\nssi: enabled\nlocation_include: a.conf\n" +
		"http_strict_transport_security_include_subdomains: true\nhttp_strict_transport_security: true\nstatus_codes:\n  404: /404.html\n  503: sorry.html\nenable_http2: true\nmore: x\n"))
	if err == nil {
		t.Error("an absolute root is no error")
	}
	s = newSite()
	err = s.parseStaticfile([]byte("root: public\npushstate: enabled\ndirectory: visible\nforce_https: true\nhost_dot_files: false\nssi: enabled\nlocation_include: a.conf\n" +
		"http_strict_transport_security_include_subdomains: true\nhttp_strict_transport_security: true\nstatus_codes:\n  404: /404.html\n  503: sorry.html\nenable_http2: true\nmore: x\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := newSite()
	want.by, want.root, want.fallback, want.listing, want.httpsOnly, want.ssi, want.include = "Staticfile", "public", true, true, true, true, "a.conf"
	want.hsts = hstsYear + "; includeSubDomains"
	want.errorPages = map[string]string{"404": "/404.html", "503": "/sorry.html"}
	want.warnings = s.warnings
	if diff := cmp.Diff(want, s, cmp.AllowUnexported(site{})); diff != "" {
		t.Error(diff)
	}
	if len(s.warnings) != 2 || !strings.Contains(s.warnings[0], "enable_http2 does nothing") || !strings.Contains(s.warnings[1], `"more"`) {
		t.Errorf("got %q", s.warnings)
	}
}

func TestProject(t *testing.T) {
	dir := t.TempDir()
	text := "[com.heroku.static-web-server]\nindex = \"main.html\"\n[com.heroku.static-web-server.headers.\"*\"]\nX-A = \"a\"\n" +
		"[com.heroku.static-web-server.errors.404]\nfile_path = \"main.html\"\nstatus = 200\n[com.heroku.static-web-server.errors.500]\nfile_path = \"500.html\"\n" +
		"[com.heroku.static-web-server.build]\ncommand = \"x\"\n[com.heroku.static-web-server.runtime_config]\nenabled = false\n"
	if err := os.WriteFile(filepath.Join(dir, projectFile), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := readSite(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := newSite()
	want.by, want.root, want.index = s.by, "public", []string{"main.html"}
	want.headers = []header{{"*", "X-A", "a"}}
	want.routes = []route{{pattern: "/**", file: "/main.html"}}
	want.errorPages = map[string]string{"500": "/500.html"}
	want.warnings = []string{"project.toml: build does nothing: the buildpack of a language builds the site"}
	if diff := cmp.Diff(want, s, cmp.AllowUnexported(site{}, header{}, route{})); diff != "" {
		t.Error(diff)
	}
}

func TestVariables(t *testing.T) {
	s, err := readSite(t.TempDir(), map[string]string{"BP_WEB_SERVER": "nginx", "BP_WEB_SERVER_ENABLE_PUSH_STATE": "true", "BP_WEB_SERVER_FORCE_HTTPS": "true", "BP_WEB_SERVER_LOCATION_PATH": "app/"})
	if err != nil || s.root != "public" || !s.fallback || !s.httpsOnly || s.prefix != "/app" {
		t.Errorf("got %+v, %v", s, err)
	}
	if err := s.inherit(map[string]any{"root": "dist", "fallback": false}); err != nil || s.root != "public" || !s.fallback {
		t.Errorf("the app's own words do not count: %+v, %v", s, err)
	}
	s = newSite()
	if err := s.inherit(map[string]any{"root": "dist/app", "fallback": true}); err != nil || s.root != "dist/app" || !s.fallback {
		t.Errorf("got %+v, %v", s, err)
	}
	if err := s.check(t.TempDir(), true); err != nil {
		t.Errorf("a directory that may come is an error: %v", err)
	}
}

// startSite starts the script as it lies in its layer, with a shell script as
// nginx, which like nginx has a signal that a shell keeps from what it starts in
// the background, and returns it with the directory where nginx left what it saw.
func startSite(t *testing.T, s site, env []string, args ...string) (cmd *exec.Cmd, saw string) {
	t.Helper()
	dir := t.TempDir()
	put := func(name, text string) {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	put("layer/bin/"+startName, string(startScript))
	put("layer/nginx.conf", s.config())
	put("layer/site.txt", s.settings())
	put("app/public_html/index.html", "")
	put("nginx/etc/nginx/mime.types", "")
	put("nginx/usr/sbin/nginx", `#!/usr/bin/env -S --default-signal=QUIT sh
trap 'echo quit >>"$SAW/signals"; exit 0' QUIT
trap 'echo term >>"$SAW/signals"; exit 0' TERM
case $1 in -q) check=yes; shift ;; esac
case $1 in -t) shift ;; esac
cp "$2/nginx.conf" "$SAW/nginx.conf"
[ -z "$check" ] || exit 0
[ ! -e "$2/access.log" ] || echo "one request" >"$2/access.log"
echo started >"$SAW/started"
while :; do sleep 0.02; done
`)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	cmd = exec.CommandContext(ctx, filepath.Join(dir, "layer", "bin", startName), args...)
	cmd.WaitDelay = time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.Dir = filepath.Join(dir, "app")
	cmd.Env = append([]string{"PATH=" + filepath.Join(dir, "nginx", "usr", "sbin") + ":" + os.Getenv("PATH"), "SAW=" + dir, "TMPDIR=" + filepath.Join(dir, "tmp"), "PORT=8123"}, env...)
	if err := os.Mkdir(filepath.Join(dir, "tmp"), 0o755); err != nil {
		t.Fatal(err)
	}
	return cmd, dir
}

func TestStart(t *testing.T) {
	s := fromJSON(t, `{"canonical_host": "${HOST}", "proxies": {"/api/": {"origin": "${API}"}}}`)
	cmd, saw := startSite(t, s, []string{"HOST=www.test", "API=https://api.test/v1/", "WEB_CONCURRENCY=3", "BASIC_AUTH_USERNAME=ann", "BASIC_AUTH_PASSWORD=word"})
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(saw, "started")); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("nginx did not start: %s", out.String())
		}
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
	if out.String() != "one request\n" {
		t.Errorf("it printed %q", out.String())
	}
	if got, err := os.ReadFile(filepath.Join(saw, "signals")); err != nil || string(got) != "quit\n" {
		t.Errorf("nginx got %q, %v", got, err)
	}
	conf, err := os.ReadFile(filepath.Join(saw, "nginx.conf"))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{
		"listen 8123;", "worker_processes 3;", `if ($host != "www.test") {`, `set $origin "https://api.test";`, `"/v1/$1" break;`, `proxy_set_header Host "api.test";`,
		`root "` + filepath.Join(saw, "app") + `/public_html";`, `include "` + filepath.Join(saw, "nginx/etc/nginx/mime.types") + `";`, `auth_basic "Restricted";`, `proxy_set_header Authorization "";`,
	} {
		if !strings.Contains(string(conf), part) {
			t.Errorf("\n%s\ndoes not say\n%s", conf, part)
		}
	}
	if strings.Contains(string(conf), "@@") {
		t.Errorf("something was not filled in:\n%s", conf)
	}
	if left, err := os.ReadDir(filepath.Join(saw, "tmp")); err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
}

func TestStartSaysWhatIsMissing(t *testing.T) {
	needs := fromJSON(t, `{"canonical_host": "${HOST}"}`)
	origin := fromJSON(t, `{"proxies": {"/api/": {"origin": "${API}"}}}`)
	users := fromJSON(t, `{"basic_auth": true}`)
	root := fromJSON(t, `{"root": "dist"}`)
	for name, test := range map[string]struct {
		site site
		env  []string
		args []string
		says string
	}{
		"a variable":       {site: needs, says: "static.json needs HOST, which is not set: slugc config set APP HOST=VALUE"},
		"a value":          {site: needs, env: []string{`HOST=a"; evil`}, says: "HOST has characters that may not stand in it"},
		"a dollar sign":    {site: needs, env: []string{"HOST=$x"}, says: "HOST has characters"},
		"two lines":        {site: needs, env: []string{"HOST=a\nb"}, says: "HOST has characters"},
		"an address":       {site: origin, env: []string{"API=api.test"}, says: "API is not an address to hand requests on to: api.test"},
		"users":            {site: users, says: "there are none: set BASIC_AUTH_USERNAME and BASIC_AUTH_PASSWORD"},
		"the directory":    {site: root, says: "there is no directory dist in "},
		"a number":         {site: newSite(), env: []string{"PORT=http"}, says: "PORT is http, which is no number"},
		"nothing to check": {site: needs, args: []string{"--check"}},
	} {
		t.Run(name, func(t *testing.T) {
			cmd, saw := startSite(t, test.site, test.env, test.args...)
			out, err := cmd.CombinedOutput()
			if (err == nil) != (test.says == "") || !strings.Contains(string(out), test.says) {
				t.Errorf("%v: %s", err, out)
			}
			if left, err := os.ReadDir(filepath.Join(saw, "tmp")); err != nil || len(left) > 0 {
				t.Errorf("left %v, %v", left, err)
			}
		})
	}
}

// Whatever a static.json says, it cannot say more to nginx than its values.
func FuzzJSON(f *testing.F) {
	f.Add([]byte(`{"root": "a", "routes": {"/**": "index.html"}, "headers": {"/": {"X": "\"; }"}}, "proxies": {"/a": {"origin": "http://x/$1"}}}`))
	f.Add([]byte(`{"redirects": {"/a": {"url": "/b", "status": 302}}, "canonical_host": "${X}", "error_page": "x", "encoding": "y"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s := newSite()
		if s.parseJSON(data) != nil || s.checkValues() != nil {
			return
		}
		if err := balanced(s.config()); err != "" {
			t.Errorf("%s\n%s", err, s.config())
		}
	})
}

// A value of a header reaches a person as it was written.
func FuzzHeader(f *testing.F) {
	f.Add(`default-src 'self'; img-src "x" \ $host ${A} {}`)
	f.Fuzz(func(t *testing.T, value string) {
		text, err := json.Marshal(map[string]any{"headers": map[string]any{"/": map[string]string{"X": value}}})
		if err != nil {
			t.Fatal(err)
		}
		s := newSite()
		if s.parseJSON(text) != nil || s.checkValues() != nil {
			return
		}
		if err := balanced(s.config()); err != "" {
			t.Errorf("%s\n%s", err, s.config())
		}
	})
}

func FuzzStaticfile(f *testing.F) {
	f.Add([]byte("root: public\npushstate: enabled\nstatus_codes:\n  404: /404.html\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s := newSite()
		if s.parseStaticfile(data) != nil || s.checkValues() != nil {
			return
		}
		if err := balanced(s.config()); err != "" {
			t.Errorf("%s\n%s", err, s.config())
		}
	})
}
