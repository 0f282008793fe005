package runtime_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/buildpacks/runtime"
	"github.com/slugc/slugc/stack/debian/debiantest"
	"github.com/slugc/slugc/stack/debian/repository"
	"github.com/slugc/slugc/stack/download"
)

func TestDebian(t *testing.T) {
	spec.Run(t, "Debian", testDebian)
}

func testDebian(t *testing.T, _ spec.G, it spec.S) {
	var (
		archive *debiantest.Archive
		r       *runtime.Resolver
		dir     string
	)
	install := func(name, text string, parts ...string) (runtime.Release, runtime.Layout) {
		t.Helper()
		c, err := r.Catalogue.Constraint(name, text)
		if err != nil {
			t.Fatal(err)
		}
		release, err := r.Resolve(t.Context(), runtime.Request{Runtime: name, Constraint: c, Arch: "amd64", Parts: parts})
		if err != nil {
			t.Fatal(err)
		}
		layout, err := r.Install(t.Context(), release, filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return release, layout
	}
	names := func(r runtime.Release) []string {
		var names []string
		for _, p := range r.Packages {
			names = append(names, p.Name)
		}
		return names
	}

	it.Before(func() {
		dir = t.TempDir()
		archive = debiantest.New(t, debianPackages()...)
		catalogue, err := runtime.Builtin()
		if err != nil {
			t.Fatal(err)
		}
		r = &runtime.Resolver{
			Catalogue:    catalogue,
			Debian:       &runtime.Debian{Repository: archive.Repository(t), Suites: archive.Suites(), Distribution: "debian-13"},
			Certificates: authority(t),
		}
		r.Debian.Base = append(r.Debian.Base, archive.Package(t, "libc6"))
	})

	it("installs what the base does not have", func() {
		release, _ := install("ruby", "~> 3.1")
		if diff := cmp.Diff([]string{"bundler", "libyaml-0-2", "ruby", "ruby3.3"}, names(release)); diff != "" {
			t.Error(diff)
		}
		if release.Version != "3.3.8" || release.PURL != "pkg:deb/debian/ruby3.3@3.3.8-2?arch=amd64&distro=debian-13" || release.Age(time.Now()) != "" {
			t.Errorf("got %+v", release)
		}
	})

	it("makes it run in any directory", func() {
		_, layout := install("ruby", "3.3")
		want := []string{
			"Lrwxrwxrwx bin -> usr/bin",
			"-rw-r--r-- etc/ruby/gemrc",
			"Lrwxrwxrwx lib -> usr/lib",
			"-rwxr-xr-x usr/bin/bundle",
			"Lrwxrwxrwx usr/bin/ruby -> ruby3.3",
			"-rwxr-xr-x usr/bin/ruby3.3",
			"-rwxr-xr-x usr/bin/with-sh",
			"Lrwxrwxrwx usr/lib/ruby/elsewhere -> /etc/elsewhere",
			"Lrwxrwxrwx usr/lib/ruby/gemrc -> ../../../etc/ruby/gemrc",
			"Lrwxrwxrwx usr/lib/ruby/through -> ../../../lib/x86_64-linux-gnu/libyaml.so.0",
			"-rw-r--r-- usr/lib/ruby/vendor_ruby/rubygems.rb",
			"Lrwxrwxrwx usr/lib/x86_64-linux-gnu/libc.so -> /usr/lib/x86_64-linux-gnu/libc.so.6",
			"-rw-r--r-- usr/lib/x86_64-linux-gnu/libyaml.so.0",
			"-rw-r--r-- usr/share/doc/ruby3.3/copyright",
		}
		if diff := cmp.Diff(want, listing(t, layout.Dir)); diff != "" {
			t.Error(diff)
		}
		for name, want := range map[string]string{
			"usr/bin/bundle":  "#!/usr/bin/env -S ruby3.3 -w\nputs 1\n",
			"usr/bin/with-sh": "#!/bin/sh\necho\n",
		} {
			if got, err := os.ReadFile(filepath.Join(layout.Dir, name)); err != nil || string(got) != want {
				t.Errorf("%s: got %q, %v", name, got, err)
			}
		}
		env := layout.Environ(map[string]string{"PATH": "/bin", "RUBYLIB": "/mine", "SSL_CERT_FILE": "/mine.pem"})
		if diff := cmp.Diff(map[string]string{
			"PATH":            layout.Dir + "/usr/bin:/bin",
			"LD_LIBRARY_PATH": layout.Dir + "/usr/lib/x86_64-linux-gnu",
			"LIBRARY_PATH":    layout.Dir + "/usr/lib/x86_64-linux-gnu",
			"RUBYLIB":         layout.Dir + "/usr/lib/ruby/vendor_ruby:/mine",
			"SSL_CERT_FILE":   "/mine.pem",
		}, env); diff != "" {
			t.Error(diff)
		}
	})

	it("installs the same bytes again", func() {
		_, layout := install("ruby", "3.3")
		first := listing(t, layout.Dir)
		r.Debian = &runtime.Debian{Repository: archive.Repository(t), Suites: archive.Suites(), Base: r.Debian.Base}
		_, again := install("ruby", "3.3")
		if diff := cmp.Diff(first, listing(t, again.Dir)); diff != "" {
			t.Error(diff)
		}
	})

	it("switches the modules of PHP on", func() {
		_, layout := install("php", "^8.2", "fpm")
		for name, want := range map[string]string{
			"conf.d/00-directories.ini":    "extension_dir = \"${PHP_HOME}/usr/lib/php/20240924\"\ninclude_path = \".:${PHP_HOME}/usr/share/php\"\n",
			"conf.d/10-opcache.ini":        "; priority=10\nzend_extension=opcache.so\n",
			"conf.d/20-ctype.ini":          "extension=ctype.so\n",
			"usr/share/php/A/autoload.php": "<?php\nrequire_once 'B/autoload.php';\n",
		} {
			if got, err := os.ReadFile(filepath.Join(layout.Dir, name)); err != nil || string(got) != want {
				t.Errorf("%s: got %q, %v", name, got, err)
			}
		}
		if diff := cmp.Diff(map[string]string{"PHP_HOME": layout.Dir, "PHP_INI_SCAN_DIR": layout.Dir + "/conf.d"}, layout.Set); diff != "" {
			t.Error(diff)
		}
		if layout.Default["PHPRC"] != layout.Dir {
			t.Errorf("got %v", layout.Default)
		}
		for _, name := range []string{"usr/bin/php", "usr/sbin/php-fpm", "php.ini"} {
			if _, err := os.Stat(filepath.Join(layout.Dir, name)); err != nil {
				t.Error(err)
			}
		}
	})

	it("has Composer find its libraries beside itself, and brings no PHP", func() {
		release, layout := install("composer", "^2")
		if len(release.Packages) != 2 || release.Version != "2.8.8" {
			t.Errorf("got %s of %v", release, release.Packages)
		}
		for name, want := range map[string]string{
			"usr/bin/composer": "#!/usr/bin/env php\n<?php\nset_include_path(dirname(__DIR__) . '/share/php');\n" +
				"require __DIR__ . '/../share/php/Composer/autoload.php';\n",
			"usr/share/php/Composer/autoload.php": "<?php\nrequire_once 'JsonSchema/autoload.php';\n",
		} {
			if got, err := os.ReadFile(filepath.Join(layout.Dir, name)); err != nil || string(got) != want {
				t.Errorf("%s: got %q, %v", name, got, err)
			}
		}
	})

	it("says that a package that a person asked for is not there", func() {
		_, err := r.Resolve(t.Context(), runtime.Request{Runtime: "php", Arch: "amd64", Packages: []string{"php{major}.{minor}-fmp"}})
		if err == nil || download.FaultOf(err) != download.App {
			t.Errorf("got %v", err)
		}
		says(t, err.Error(), "no package php8.4-fmp", "php8.4-fpm")
	})

	it("gives Java its certificates, and prefers lines with long support", func() {
		release, layout := install("java", ">=17")
		if release.Version != "21.0.9" {
			t.Errorf("got %s", release)
		}
		home := filepath.Join(layout.Dir, "usr/lib/jvm/java-21-openjdk-amd64")
		store, err := os.ReadFile(filepath.Join(home, "lib/security/cacerts"))
		if err != nil || len(store) == 0 {
			t.Errorf("got %d bytes, %v", len(store), err)
		}
		if layout.Set["JAVA_HOME"] != home || !slices.Contains(layout.Bin, home+"/bin") {
			t.Errorf("got %+v", layout)
		}
		r.Certificates = nil
		if _, err := r.Install(t.Context(), release, filepath.Join(dir, "other")); err == nil || !strings.Contains(err.Error(), "certificates") {
			t.Errorf("got %v", err)
		}
	})

	it("names the nearest versions, whatever package they are in", func() {
		c, err := r.Catalogue.Constraint("java", "24")
		if err != nil {
			t.Fatal(err)
		}
		_, err = r.Resolve(t.Context(), runtime.Request{Runtime: "java", Constraint: c, Arch: "amd64"})
		var missing *runtime.MissingError
		if !errors.As(err, &missing) {
			t.Fatalf("got %v", err)
		}
		says(t, err.Error(), "Java 24 for amd64 is not in the Debian packages of trixie; the nearest are 17.0.19, 21.0.9, 26.0.0")
	})

	it("refuses a package that is not what the archive signed", func() {
		p := archive.Package(t, "ruby3.3")
		archive.Write(t, "debian/"+p.Filename, []byte("not a package"))
		c, err := r.Catalogue.Constraint("ruby", "")
		if err != nil {
			t.Fatal(err)
		}
		release, err := r.Resolve(t.Context(), runtime.Request{Runtime: "ruby", Constraint: c, Arch: "amd64"})
		if err != nil {
			t.Fatal(err)
		}
		_, err = r.Install(t.Context(), release, filepath.Join(dir, "ruby"))
		var wrong *repository.MismatchError
		if !errors.As(err, &wrong) {
			t.Errorf("got %v", err)
		}
		if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
			t.Errorf("left over: %v, %v", entries, err)
		}
	})
}

func debianPackages() []debiantest.Package {
	java := func(major, version string) debiantest.Package {
		home := "/usr/lib/jvm/java-" + major + "-openjdk-amd64"
		return debiantest.Package{
			Name: "openjdk-" + major + "-jdk-headless", Version: version,
			Fields: map[string]string{"Depends": "ca-certificates-java, libc6"},
			Files:  map[string]string{home + "/bin/java*": "java"},
			Links:  map[string]string{home + "/lib/security/cacerts": "/etc/ssl/certs/java/cacerts"},
		}
	}
	return []debiantest.Package{
		{Name: "libc6", Version: "2.41-12", Files: map[string]string{"/usr/lib/x86_64-linux-gnu/libc.so.6": "libc"}},
		{Name: "ca-certificates-java", Fields: map[string]string{"Depends": "missing"}},
		{Name: "ruby3.3", Version: "3.3.8-2", Fields: map[string]string{"Depends": "libyaml-0-2, libc6 (>= 2.38)"},
			Files: map[string]string{
				"/usr/bin/ruby3.3*": "ruby", "/usr/lib/ruby/vendor_ruby/rubygems.rb": "gems", "/etc/ruby/gemrc": "gem",
				"/usr/share/doc/ruby3.3/copyright": "free", "/usr/share/doc/ruby3.3/README": "read", "/usr/share/man/man1/ruby.1": "manual",
				"/usr/bin/with-sh*": "#!/bin/sh\necho\n",
			},
			Links: map[string]string{
				"/usr/lib/ruby/gemrc": "/etc/ruby/gemrc", "/usr/lib/ruby/elsewhere": "/etc/elsewhere",
				"/usr/lib/ruby/through": "/lib/x86_64-linux-gnu/libyaml.so.0", "/usr/lib/x86_64-linux-gnu/libc.so": "libc.so.6",
			}},
		{Name: "libyaml-0-2", Files: map[string]string{"/lib/x86_64-linux-gnu/libyaml.so.0": "yaml"}},
		{Name: "ruby", Version: "1:3.3", Architecture: "all", Fields: map[string]string{"Depends": "ruby3.3"}, Links: map[string]string{"/usr/bin/ruby": "ruby3.3"}},
		{Name: "bundler", Architecture: "all", Files: map[string]string{"/usr/bin/bundle*": "#!/usr/bin/ruby3.3 -w\nputs 1\n"}},
		{Name: "php8.4-cli", Version: "8.4.11-1", Fields: map[string]string{"Depends": "php8.4-common, libc6"}, Files: map[string]string{"/usr/bin/php8.4*": "php"}},
		{Name: "php8.4-fpm", Version: "8.4.11-1", Fields: map[string]string{"Depends": "systemd-tmpfiles | systemd"}, Files: map[string]string{"/usr/sbin/php-fpm8.4*": "fpm"}},
		{Name: "php8.4-common", Version: "8.4.11-1", Files: map[string]string{
			"/usr/lib/php/20240924/ctype.so": "ctype", "/usr/lib/php/8.4/php.ini-production": "",
			"/usr/share/php/A/autoload.php":                 "<?php\nrequire_once '/usr/share/php/B/autoload.php';\n",
			"/usr/share/php8.4-common/common/ctype.ini":     "extension=ctype.so\n",
			"/usr/share/php8.4-opcache/opcache/opcache.ini": "; priority=10\nzend_extension=opcache.so\n",
		}},
		{Name: "composer", Version: "2.8.8-1", Architecture: "all", Fields: map[string]string{"Depends": "php-cli, php-json-schema"}, Files: map[string]string{
			"/usr/bin/composer*":                   "#!/usr/bin/php\n<?php\nrequire __DIR__ . '/../share/php/Composer/autoload.php';\n",
			"/usr/share/php/Composer/autoload.php": "<?php\nrequire_once '/usr/share/php/JsonSchema/autoload.php';\n",
		}},
		{Name: "php-json-schema", Architecture: "all", Files: map[string]string{"/usr/share/php/JsonSchema/autoload.php": "<?php\n"}},
		java("17", "17.0.19+10-1"), java("21", "21.0.9+10-1"), java("26", "26~5ea-1"),
	}
}

// authority is a certificate in PEM form.
func authority(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, IsCA: true, NotAfter: time.Now().AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
