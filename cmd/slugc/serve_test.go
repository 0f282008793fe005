package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/stack/untar"
)

// tarball is a gzip tar of entries; a file of so many bytes is zeros.
func tarball(t *testing.T, entries ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	zipped := gzip.NewWriter(&b)
	archive := tar.NewWriter(zipped)
	for _, e := range entries {
		if err := archive.WriteHeader(&e); err != nil {
			t.Fatal(err)
		}
		if _, err := archive.Write(make([]byte, e.Size)); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zipped.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestUnpackSource: what an archive says stays in its directory, and within limits.
func TestUnpackSource(t *testing.T) {
	file := func(name string) tar.Header { return tar.Header{Name: name, Mode: 0o644} }
	link := func(name, to string) tar.Header {
		return tar.Header{Name: name, Linkname: to, Typeflag: tar.TypeSymlink}
	}
	var zipped bytes.Buffer
	z := zip.NewWriter(&zipped)
	for _, name := range []string{"shop-1.0/Procfile", "shop-1.0/lib/a.js"} {
		if _, err := z.Create(name); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	limits := untar.Limits{Bytes: 1 << 20, Entries: 50}
	for _, c := range []struct {
		what    string
		archive []byte
		want    []string
		says    string
	}{
		{"a flat one", tarball(t, file("Procfile"), file("lib/a.js")), []string{"Procfile", "lib", "lib/a.js"}, ""},
		{"one with a folder around it", tarball(t, file("shop-1.0/Procfile"), file("shop-1.0/shop-1.0/x")), []string{"Procfile", "shop-1.0", "shop-1.0/x"}, ""},
		{"a zip file", zipped.Bytes(), []string{"Procfile", "lib", "lib/a.js"}, ""},
		{"a name that leads out", tarball(t, file("../../evil")), nil, ".."},
		{"a name from the root", tarball(t, file("/evil"), file("Procfile")), []string{"Procfile", "evil"}, ""},
		{"a link and a file through it", tarball(t, link("out", "/tmp"), file("out/evil")), nil, "out"},
		{"a hard link to a file elsewhere", tarball(t, tar.Header{Name: "passwd", Linkname: "/etc/passwd", Typeflag: tar.TypeLink}), nil, "passwd"},
		{"a device", tarball(t, tar.Header{Name: "null", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3}), nil, "null"},
		{"a bomb", tarball(t, tar.Header{Name: "big", Mode: 0o644, Size: 8 << 20}), nil, "big"},
		{"one in which all is missing", []byte("\x1f\x8b"), nil, "archive"},
		{"one that is cut", tarball(t, file("Procfile"))[:40], nil, "unpacking"},
	} {
		dir := filepath.Join(t.TempDir(), "source")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(t.TempDir(), "archive")
		if err := os.WriteFile(name, c.archive, 0o600); err != nil {
			t.Fatal(err)
		}
		err := unpackSource(t.Context(), name, dir, limits)
		if c.says != "" {
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: %v", c.what, err)
			}
			if _, err := os.Lstat("/tmp/evil"); err == nil {
				t.Fatalf("%s: /tmp/evil is there", c.what)
			}
			continue
		}
		var got []string
		walk := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
			if rel, _ := filepath.Rel(dir, path); rel != "." {
				got = append(got, rel)
			}
			return err
		})
		if diff := cmp.Diff(c.want, got); err != nil || walk != nil || diff != "" {
			t.Errorf("%s: %v, %v\n%s", c.what, err, walk, diff)
		}
	}
}

// TestServeFlags: what cannot be meant is refused before anything is opened.
func TestServeFlags(t *testing.T) {
	dir := t.TempDir()
	short := filepath.Join(dir, "short")
	if err := os.WriteFile(short, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"--listen", "0.0.0.0:0"}, "could read the token on its way"},
		{[]string{"--listen", ":8080"}, "--tls-cert FILE"},
		{[]string{"--listen", "nonsense"}, "could read the token on its way"},
		{[]string{"--listen", "127.0.0.1:http-none"}, "slugc serve --listen 127.0.0.1:PORT"},
		{[]string{"--tls-cert", "x.pem"}, "--tls-cert and --tls-key go together"},
		{[]string{"--tls-cert", "x.pem", "--tls-key", "y.pem"}, "reading the certificate: open x.pem"},
		{[]string{"--token-file", short}, "has 5 characters"},
		{[]string{"--max-source", "lots"}, "--max-source"},
		{[]string{"shop"}, "slugc serve"},
	} {
		var out, errOut bytes.Buffer
		code := run(t.Context(), append([]string{"serve"}, c.args...), strings.NewReader(""), &out, &errOut, []string{"HOME=" + dir})
		if code != 2 || !strings.Contains(errOut.String(), c.says) {
			t.Errorf("%q: exit code %d\n%s%s", c.args, code, &out, &errOut)
		}
	}
}
