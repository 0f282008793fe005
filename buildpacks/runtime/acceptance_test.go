//go:build acceptance

package runtime_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slugc/slugc/buildpacks/runtime"
	"github.com/slugc/slugc/buildpacks/runtime/java"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/sandbox"
)

// TestRuntimesOnStacks installs runtimes from the registries of this machine,
// moves them and has each do one real thing on the stack that it is for.
func TestRuntimesOnStacks(t *testing.T) {
	all := realRegistries(t)
	trixie := all.place(t, "slugc-13", stack.Run, stack.Build)
	bookworm := all.place(t, "slugc-12", stack.Run)
	for _, c := range []struct {
		name string
		test func(t *testing.T, p place)
		on   place
	}{
		{"go", testGo, trixie},
		{"java", testJava, trixie},
		{"rust", testRust, trixie},
		{"node", testNode, trixie},
		{"python of Debian", testPython, trixie},
		{"python of Debian 12", testPython, bookworm},
		{"python to compile for", testPythonToCompileFor, trixie},
		{"python of a module", testPythonOfModule, trixie},
		{"ruby", testRuby, trixie},
		{"ruby of Debian 12", testRuby, bookworm},
		{"ruby to compile for", testRubyToCompileFor, trixie},
		{"php", testPHP, trixie},
		{"php of Debian 12", testPHP, bookworm},
		{"composer", testComposer, trixie},
		{"composer of Debian 12", testComposer, bookworm},
		{"apache", testApache, trixie},
		{"nginx", testNginx, trixie},
	} {
		t.Run(c.name, func(t *testing.T) {
			// One waits for a registry while another unpacks.
			t.Parallel()
			start := time.Now()
			c.test(t, c.on)
			t.Logf("took %s", time.Since(start).Round(time.Millisecond))
		})
	}
}

func testNode(t *testing.T, p place) {
	i := p.install(t, runtime.Request{Runtime: "node"}, "lts")
	says(t, i.on(t, stack.Run, "node", "-p", "process.version + require('crypto').createHash('sha256').update('').digest('hex').slice(0, 4)"),
		i.release.Version, "e3b0")
}

func testGo(t *testing.T, p place) {
	i := p.install(t, runtime.Request{Runtime: "go"}, "go1.25")
	says(t, i.on(t, stack.Build, "go", "version"), i.release.Version)
	i.write(t, "main.go", "package main\n\nfunc main() { println(\"hello\") }\n")
	i.on(t, stack.Build, "go", "build", "-o", "hello", "main.go")
	says(t, i.bare(t, stack.Run, "./hello"), "hello\n")
}

const pythonTest = `
import sys, ssl, sqlite3, json, ctypes, lzma, bz2, zlib, hashlib
sqlite3.connect(":memory:").execute("select 1")
print(json.dumps([sys.version, ssl.OPENSSL_VERSION, len(ssl.create_default_context().get_ca_certs()) > 50]))
`

func testPython(t *testing.T, p place) {
	i := p.install(t, runtime.Request{Runtime: "python", Parts: []string{"pip"}}, "")
	if got := i.release.Age(time.Now()); got != "" {
		t.Errorf("the default is one without fixes: %s", got)
	}
	i.on(t, stack.Run, "python3", "-m", "venv", "--without-pip", "venv")
	says(t, i.on(t, stack.Run, "venv/bin/python", "-c", pythonTest), i.release.Version, "OpenSSL", "true")
	wheels, err := filepath.Glob(filepath.Join(i.layout.Dir, "usr/share/python-wheels/pip-*.whl"))
	if err != nil || len(wheels) != 1 {
		t.Fatalf("got %v, %v", wheels, err)
	}
	says(t, i.on(t, stack.Run, "venv/bin/python", filepath.Join(wheels[0], "pip"), "--version"), "pip 2")
}

// testPythonToCompileFor builds an extension as pip does, on the root
// filesystem for builds, and uses it on the other.
func testPythonToCompileFor(t *testing.T, p place) {
	i := p.install(t, runtime.Request{Runtime: "python", Parts: []string{"dev"}}, "")
	i.write(t, "hello.c", `#include <Python.h>
static PyObject *hello(PyObject *self, PyObject *args) { return PyUnicode_FromString("hello from C"); }
static PyMethodDef methods[] = {{"hello", hello, METH_NOARGS, ""}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "hello", "", -1, methods};
PyMODINIT_FUNC PyInit_hello(void) { return PyModule_Create(&module); }
`)
	i.on(t, stack.Build, "sh", "-c", `gcc -shared -fPIC -o "hello$(python3 -c 'import sysconfig; print(sysconfig.get_config_var("EXT_SUFFIX"))')" hello.c`)
	says(t, i.on(t, stack.Run, "python3", "-c", "import hello; print(hello.hello())"), "hello from C")
}

func testPythonOfModule(t *testing.T, p place) {
	i := p.install(t, runtime.Request{Runtime: "python"}, "==3.12.*")
	says(t, i.release.Age(time.Date(2026, 12, 24, 0, 0, 0, 0, time.UTC)), "has the fixes of 20", "old")
	says(t, i.on(t, stack.Run, "python", "-c", pythonTest), i.release.Version, "OpenSSL", "true")
	i.on(t, stack.Run, "python3", "-m", "venv", "--without-pip", "venv")
	says(t, i.on(t, stack.Run, "venv/bin/python", "-c", pythonTest), i.release.Version)
}

const javaTest = `
import java.security.KeyStore;
import javax.net.ssl.*;

public class Hello {
	public static void main(String[] args) throws Exception {
		TrustManagerFactory f = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
		f.init((KeyStore) null);
		int n = ((X509TrustManager) f.getTrustManagers()[0]).getAcceptedIssuers().length;
		if (n < 50) throw new Exception(n + " certificates");
		SSLContext.getDefault();
		System.out.println("hello from " + System.getProperty("java.version"));
	}
}
`

func testJava(t *testing.T, p place) {
	i := p.install(t, runtime.Request{Runtime: "java"}, "21")
	i.write(t, "Hello.java", javaTest)
	i.on(t, stack.Run, "javac", "Hello.java")
	says(t, i.on(t, stack.Run, "java", "Hello"), "hello from "+i.release.Version)
	image := java.Image{Home: i.layout.Set["JAVA_HOME"], Dir: filepath.Join(i.work, "jre")}
	i.on(t, stack.Build, image.Command(nil).Args...)
	if err := image.Finish(p.resolver.Certificates); err != nil {
		t.Fatal(err)
	}
	says(t, i.bare(t, stack.Run, "jre/bin/java", "Hello"), "hello from "+i.release.Version)
}

func testRuby(t *testing.T, p place) {
	i := p.install(t, runtime.Request{Runtime: "ruby"}, "")
	says(t, i.on(t, stack.Run, "ruby", "-ropenssl", "-ryaml", "-rzlib", "-e", "puts RUBY_VERSION, OpenSSL::Digest::SHA256.hexdigest(''), {1=>2}.to_yaml"),
		i.release.Version, "e3b0c442", "1: 2")
	says(t, i.on(t, stack.Run, "gem", "--version"), "3.")
	says(t, i.on(t, stack.Run, "bundle", "--version"), "Bundler version")
}

// testRubyToCompileFor builds an extension as gem does.
func testRubyToCompileFor(t *testing.T, p place) {
	i := p.install(t, runtime.Request{Runtime: "ruby", Parts: []string{"dev"}}, "")
	i.write(t, "extconf.rb", "require 'mkmf'\ncreate_makefile('hello')\n")
	i.write(t, "hello.c", `#include <ruby.h>
static VALUE hello(VALUE self) { return rb_str_new_cstr("hello from C"); }
void Init_hello(void) { rb_define_global_function("hello", hello, 0); }
`)
	i.on(t, stack.Build, "sh", "-c", "ruby extconf.rb && make V=1")
	says(t, i.on(t, stack.Run, "ruby", "-I.", "-rhello", "-e", "puts hello"), "hello from C")
}

func testPHP(t *testing.T, p place) {
	q := runtime.Request{Runtime: "php", Parts: []string{"fpm"}}
	for _, extension := range []string{"bcmath", "curl", "gd", "intl", "mbstring", "mysql", "pgsql", "sqlite3", "xml", "zip"} {
		q.Packages = append(q.Packages, "php{major}.{minor}-"+extension)
	}
	i := p.install(t, q, "")
	says(t, i.on(t, stack.Run, "php", "-v"), i.release.Version, "OPcache")
	says(t, i.on(t, stack.Run, "php", "-m"), "curl", "intl", "mbstring", "pdo_pgsql", "sqlite3", "zip", "bcmath", "gd", "mysqli", "dom")
	i.write(t, "fpm.conf", "[global]\nerror_log = /dev/stderr\ndaemonize = no\n[www]\nlisten = /tmp/fpm.sock\npm = static\npm.max_children = 1\n")
	says(t, i.on(t, stack.Run, "php-fpm", "-t", "-y", "fpm.conf"), "is successful")
	says(t, i.on(t, stack.Run, "php", "--ini"), "/php.ini", "/conf.d/00-directories.ini")
}

func testComposer(t *testing.T, p place) {
	php := p.install(t, runtime.Request{Runtime: "php", Packages: []string{"php{major}.{minor}-mbstring"}}, "")
	i := p.install(t, runtime.Request{Runtime: "composer"}, "^2")
	both := php.layout.Environ(i.layout.Environ(map[string]string{"PATH": stack.DefaultPath, "HOME": workPath, "COMPOSER_ALLOW_SUPERUSER": "1"}))
	const phpPath = "/layers/php"
	for name, value := range both {
		both[name] = strings.ReplaceAll(value, php.layout.Dir, phpPath)
	}
	i.write(t, "composer.json", `{"name": "a/b", "require": {"php": ">=7"}, "autoload": {"psr-4": {"A\\\\": "src/"}}, "scripts": {"again": "@composer --version"}}`)
	out := i.with(t, stack.Run, both, []sandbox.Mount{{Source: i.layout.Dir, Target: runtimePath}, {Source: php.layout.Dir, Target: phpPath}},
		"sh", "-c", "composer --no-interaction update && composer --no-interaction validate --no-check-publish && composer run-script again")
	says(t, out, "Generating autoload files", "composer.json is valid", "Composer version "+i.release.Version)
}

func testApache(t *testing.T, p place) {
	i := p.install(t, runtime.Request{Runtime: "apache"}, "")
	var config strings.Builder
	for _, module := range []string{
		"mpm_event", "authz_core", "authz_host", "access_compat", "alias", "dir", "mime", "env", "setenvif", "headers", "expires", "filter", "deflate",
		"brotli", "rewrite", "proxy", "proxy_fcgi", "remoteip", "reqtimeout", "negotiation", "autoindex", "auth_basic", "authn_core", "authn_file",
		"authz_user",
	} {
		fmt.Fprintf(&config, "LoadModule %s_module %s/usr/lib/apache2/modules/mod_%s.so\n", module, runtimePath, module)
	}
	config.WriteString("Listen 127.0.0.1:8089\nServerName localhost\nDocumentRoot /work\nDefaultRuntimeDir /tmp\nPidFile /tmp/pid\nErrorLog /dev/stderr\n")
	i.write(t, "apache.conf", config.String())
	says(t, i.on(t, stack.Run, "apache2", "-v"), i.release.Version)
	says(t, i.on(t, stack.Run, "apache2", "-t", "-f", workPath+"/apache.conf"), "Syntax OK")
}

func testNginx(t *testing.T, p place) {
	i := p.install(t, runtime.Request{Runtime: "nginx"}, "")
	i.write(t, "nginx.conf", "pid /tmp/pid; error_log stderr; events {}\nhttp { include "+runtimePath+"/etc/nginx/mime.types; access_log off; "+
		"client_body_temp_path /tmp/b; proxy_temp_path /tmp/p; fastcgi_temp_path /tmp/f; uwsgi_temp_path /tmp/u; scgi_temp_path /tmp/s; "+
		"server { listen 127.0.0.1:8089; root /work; } }\n")
	says(t, i.on(t, stack.Run, "nginx", "-v"), i.release.Version)
	says(t, i.on(t, stack.Run, "nginx", "-t", "-e", "stderr", "-p", workPath, "-c", workPath+"/nginx.conf"), "is successful")
}

func testRust(t *testing.T, p place) {
	i := p.install(t, runtime.Request{Runtime: "rust"}, "")
	i.write(t, "hello.rs", "fn main() { println!(\"hello\"); }\n")
	says(t, i.on(t, stack.Build, "rustc", "--version"), i.release.Version)
	says(t, i.on(t, stack.Build, "cargo", "--version"), "cargo")
	i.on(t, stack.Build, "rustc", "hello.rs")
	says(t, i.bare(t, stack.Run, "./hello"), "hello\n")
}
