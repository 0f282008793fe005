//go:build acceptance

package runtime_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"testing"
	"time"

	"github.com/slugc/slugc/buildpacks/runtime"
	"github.com/slugc/slugc/buildpacks/runtime/goproxy"
	"github.com/slugc/slugc/buildpacks/runtime/java"
	"github.com/slugc/slugc/buildpacks/runtime/npm"
	"github.com/slugc/slugc/buildpacks/runtime/tool"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/debian/repository"
	"github.com/slugc/slugc/stack/debian/resolve"
	"github.com/slugc/slugc/stack/download"
	"github.com/slugc/slugc/stack/launch"
)

// bundle are the certificates of the machine of the test.
const bundle = "/etc/ssl/certs/ca-certificates.crt"

// realResolver asks the registries of this machine. The packages of Debian are
// those of slugc-12: the machines of these tests have its C library or a newer
// one.
func realResolver(t *testing.T) *runtime.Resolver {
	t.Helper()
	ctx := t.Context()
	env := launch.NewEnv(os.Environ())
	catalogue, err := runtime.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	npmConfig, err := npm.Load(env, npm.Files(env, t.TempDir())...)
	if err != nil {
		t.Fatal(err)
	}
	goConfig, err := goproxy.Load(env, goDefaults(t), goproxy.Files(env)...)
	if err != nil {
		t.Fatal(err)
	}
	client, err := npmConfig.Network().Client()
	if err != nil {
		t.Fatal(err)
	}
	fetcher := download.NewFetcher(client)
	certificates, err := os.ReadFile(bundle)
	if err != nil {
		t.Fatal(err)
	}
	cache := t.TempDir()
	return &runtime.Resolver{
		Catalogue:    catalogue,
		NPM:          &npm.Registry{Config: npmConfig, Fetcher: fetcher},
		Modules:      &goproxy.Proxy{Config: goConfig, Fetcher: fetcher, Cache: filepath.Join(cache, "sumdb")},
		Debian:       realDebian(ctx, t, fetcher, filepath.Join(cache, "debian")),
		Cache:        cache,
		Certificates: certificates,
	}
}

// goDefaults are what the go command of this machine has built in.
func goDefaults(t *testing.T) goproxy.Defaults {
	t.Helper()
	command := func(args ...string) string {
		out, err := exec.CommandContext(t.Context(), "go", args...).Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(out))
	}
	d := goproxy.Defaults{Proxy: command("env", "GOPROXY")}
	name := command("env", "GOSUMDB")
	source, err := os.ReadFile(filepath.Join(command("env", "GOROOT"), "src/cmd/go/internal/modfetch/key.go"))
	if err != nil {
		t.Fatal(err)
	}
	for field := range strings.SplitSeq(string(source), `"`) {
		if strings.HasPrefix(field, name+"+") {
			d.SumDB = field
		}
	}
	return d
}

func realDebian(ctx context.Context, t *testing.T, fetcher *download.Fetcher, cache string) *runtime.Debian {
	t.Helper()
	definition, err := stack.Find("slugc-12")
	if err != nil {
		t.Fatal(err)
	}
	sources, err := repository.AptSources(os.DirFS("/"))
	if err != nil {
		t.Skipf("this machine names no Debian mirror: %v", err)
	}
	d := &runtime.Debian{
		Repository:   repository.Repository{Sources: sources, Fetcher: fetcher, Cache: cache},
		Suites:       definition.Suites,
		Distribution: "debian-12",
	}
	index, err := d.Repository.Update(ctx, d.Suites, goruntime.GOARCH)
	if err != nil {
		t.Fatal(err)
	}
	base := definition.Variants[stack.Run]
	d.Base, err = resolve.Resolve(index, resolve.Request{Arch: goruntime.GOARCH, Wanted: base.Packages, Omit: base.Omit})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// moved installs a runtime and moves it, so that nothing can know where it was.
func moved(t *testing.T, r *runtime.Resolver, q runtime.Request, text string) (runtime.Release, runtime.Layout) {
	t.Helper()
	var err error
	q.Arch = goruntime.GOARCH
	if q.Constraint, err = r.Catalogue.Constraint(q.Runtime, text); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	release, err := r.Resolve(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	resolved := time.Since(start)
	dir := t.TempDir()
	if _, err := r.Install(t.Context(), release, filepath.Join(dir, "first")); err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: %s, resolved in %s, installed in %s; %s", release, release.PURL,
		resolved.Round(time.Millisecond), (time.Since(start) - resolved).Round(time.Millisecond), release.Age(time.Now()))
	for _, p := range release.Packages {
		t.Logf("  %s, %d MB on disk", p, p.InstalledSize>>20)
	}
	if err := os.Rename(filepath.Join(dir, "first"), filepath.Join(dir, "second")); err != nil {
		t.Fatal(err)
	}
	layout, err := r.Layout(release, filepath.Join(dir, "second"))
	if err != nil {
		t.Fatal(err)
	}
	return release, layout
}

// runs runs a program of a runtime and returns what it prints.
func runs(t *testing.T, l runtime.Layout, dir string, args ...string) string {
	t.Helper()
	env := l.Environ(map[string]string{"PATH": stack.DefaultPath, "HOME": dir, "TMPDIR": dir})
	program := args[0]
	for _, bin := range l.Bin {
		if _, err := os.Stat(filepath.Join(bin, args[0])); err == nil {
			program = filepath.Join(bin, args[0])
			break
		}
	}
	if !filepath.IsAbs(program) {
		t.Fatalf("there is no %s in %v", args[0], l.Bin)
	}
	var out bytes.Buffer
	err := tool.Local{}.Run(t.Context(), tool.Command{Args: append([]string{program}, args[1:]...), Dir: dir, Env: env, Output: &out})
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out.String())
	}
	return out.String()
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestRuntimesOfRealRegistries(t *testing.T) {
	r := realResolver(t)
	for name, test := range map[string]func(t *testing.T, r *runtime.Resolver){
		"node": func(t *testing.T, r *runtime.Resolver) {
			release, l := moved(t, r, runtime.Request{Runtime: "node"}, "lts")
			says(t, runs(t, l, t.TempDir(), "node", "-p", "process.version + require('crypto').createHash('sha256').update('').digest('hex').slice(0, 4)"), release.Version, "e3b0")
		},
		"go": func(t *testing.T, r *runtime.Resolver) {
			release, l := moved(t, r, runtime.Request{Runtime: "go"}, "go1.25")
			dir := t.TempDir()
			write(t, dir, "main.go", "package main\n\nfunc main() { println(\"hello\") }\n")
			says(t, runs(t, l, dir, "go", "version"), release.Version)
			runs(t, l, dir, "go", "build", "-o", "hello", "main.go")
			out, err := exec.CommandContext(t.Context(), filepath.Join(dir, "hello")).CombinedOutput()
			if err != nil || string(out) != "hello\n" {
				t.Errorf("got %q, %v", out, err)
			}
		},
		"python of a module": func(t *testing.T, r *runtime.Resolver) {
			release, l := moved(t, r, runtime.Request{Runtime: "python"}, "==3.13.*")
			says(t, release.Age(time.Date(2026, 12, 24, 0, 0, 0, 0, time.UTC)), "has the fixes of 20", "old")
			says(t, runs(t, l, t.TempDir(), "python", "-c", pythonTest), release.Version, "OpenSSL", "True")
		},
		"python of Debian": func(t *testing.T, r *runtime.Resolver) {
			release, l := moved(t, r, runtime.Request{Runtime: "python"}, ">=3.9")
			dir := t.TempDir()
			says(t, runs(t, l, dir, "python3", "-c", pythonTest), release.Version, "OpenSSL", "True")
			runs(t, l, dir, "python3", "-m", "venv", "--without-pip", "venv")
			wheels, err := filepath.Glob(filepath.Join(l.Dir, "usr/share/python-wheels/pip-*.whl"))
			if err != nil || len(wheels) != 1 {
				t.Fatalf("got %v, %v", wheels, err)
			}
			says(t, runs(t, l, dir, "python3", filepath.Join(wheels[0], "pip"), "--version"), "pip 2")
		},
		"java": func(t *testing.T, r *runtime.Resolver) {
			release, l := moved(t, r, runtime.Request{Runtime: "java"}, "17")
			dir := t.TempDir()
			write(t, dir, "Hello.java", javaTest)
			says(t, runs(t, l, dir, "javac", "-version"), release.Version)
			runs(t, l, dir, "javac", "Hello.java")
			says(t, runs(t, l, dir, "java", "Hello"), "hello")
			image := java.Image{Home: l.Set["JAVA_HOME"], Dir: filepath.Join(dir, "jre")}
			if err := (tool.Local{}).Run(t.Context(), image.Command(l.Environ(nil))); err != nil {
				t.Fatal(err)
			}
			if err := image.Finish(r.Certificates); err != nil {
				t.Fatal(err)
			}
			out, err := exec.CommandContext(t.Context(), filepath.Join(image.Dir, "bin/java"), "-cp", dir, "Hello").CombinedOutput()
			if err != nil {
				t.Errorf("%v\n%s", err, out)
			}
			says(t, string(out), "hello")
		},
		"ruby": func(t *testing.T, r *runtime.Resolver) {
			release, l := moved(t, r, runtime.Request{Runtime: "ruby"}, "~> 3.0")
			says(t, runs(t, l, t.TempDir(), "ruby", "-ropenssl", "-ryaml", "-rzlib", "-e", "puts RUBY_VERSION, OpenSSL::Digest::SHA256.hexdigest(''), {1=>2}.to_yaml"),
				release.Version, "e3b0c442", "1: 2")
			says(t, runs(t, l, t.TempDir(), "gem", "--version"), "3.")
			says(t, runs(t, l, t.TempDir(), "bundle", "--version"), "Bundler version")
		},
		"php": func(t *testing.T, r *runtime.Resolver) {
			release, l := moved(t, r, runtime.Request{Runtime: "php", Parts: []string{"extensions", "composer"}}, "^8.1")
			says(t, runs(t, l, t.TempDir(), "php", "-v"), release.Version, "OPcache")
			says(t, runs(t, l, t.TempDir(), "php", "-m"), "curl", "intl", "mbstring", "pdo_pgsql", "sqlite3", "zip", "bcmath", "gd", "mysqli", "dom")
			says(t, runs(t, l, t.TempDir(), "composer", "--version"), "Composer")
		},
		"rust": func(t *testing.T, r *runtime.Resolver) {
			release, l := moved(t, r, runtime.Request{Runtime: "rust"}, "<1.70")
			dir := t.TempDir()
			write(t, dir, "hello.rs", "fn main() { println!(\"hello\"); }\n")
			says(t, runs(t, l, dir, "rustc", "--version"), release.Version)
			says(t, runs(t, l, dir, "cargo", "--version"), "cargo")
			runs(t, l, dir, "rustc", "hello.rs")
			out, err := exec.CommandContext(t.Context(), filepath.Join(dir, "hello")).CombinedOutput()
			if err != nil || string(out) != "hello\n" {
				t.Errorf("got %q, %v", out, err)
			}
		},
		"nginx": func(t *testing.T, r *runtime.Resolver) {
			release, l := moved(t, r, runtime.Request{Runtime: "nginx"}, "")
			dir := t.TempDir()
			write(t, dir, "nginx.conf", fmt.Sprintf("pid %s/pid; error_log stderr; events {}\nhttp { include %s/etc/nginx/mime.types; access_log off; "+
				"client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s; "+
				"server { listen 127.0.0.1:8089; root %[1]s; } }\n", dir, l.Dir))
			says(t, runs(t, l, dir, "nginx", "-v"), release.Version)
			says(t, runs(t, l, dir, "nginx", "-t", "-e", "stderr", "-p", dir, "-c", filepath.Join(dir, "nginx.conf")), "is successful")
		},
	} {
		t.Run(name, func(t *testing.T) { test(t, r) })
	}
}

const pythonTest = `
import sys, ssl, sqlite3, ctypes, lzma, bz2, zlib
print(sys.version, ssl.OPENSSL_VERSION, len(ssl.create_default_context().get_ca_certs()) > 50)
`

const javaTest = `
import java.security.KeyStore;
import javax.net.ssl.*;

public class Hello {
	public static void main(String[] args) throws Exception {
		TrustManagerFactory f = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
		f.init((KeyStore) null);
		int n = ((X509TrustManager) f.getTrustManagers()[0]).getAcceptedIssuers().length;
		if (n < 50) throw new Exception(n + " certificates");
		System.out.println("hello");
	}
}
`
