package slug_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/build/pack"
	"github.com/slugc/slugc/build/slug"
)

func TestUnpack(t *testing.T) { spec.Run(t, "Unpack", testUnpack) }

func testUnpack(t *testing.T, when spec.G, it spec.S) {
	var top, dir string

	it.Before(func() {
		top = t.TempDir()
		dir = filepath.Join(top, "app")
	})

	unpack := func(entries ...tar.Header) error {
		t.Helper()
		file := filepath.Join(t.TempDir(), "slug.tgz")
		must(t, os.WriteFile(file, archive(t, entries...), 0o644))
		return slug.Unpack(t.Context(), file, dir, slug.Limits{})
	}

	it("restores files, links, modes and times", func() {
		day := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
		must(t, unpack(
			tar.Header{Name: "./", Typeflag: tar.TypeDir, Mode: 0o700},
			tar.Header{Name: "./app/", Typeflag: tar.TypeDir, Mode: 0o700},
			tar.Header{Name: "./app/ro/", Typeflag: tar.TypeDir, Mode: 0o555, ModTime: day},
			tar.Header{Name: "./app/ro/run", Typeflag: tar.TypeReg, Mode: 0o4751, Linkname: "content", ModTime: day},
			tar.Header{Name: "./app/ro/big", Typeflag: tar.TypeReg, Mode: 0o600, Linkname: strings.Repeat("big", 300_000)},
			tar.Header{Name: "./app/implied/x", Typeflag: tar.TypeReg, Mode: 0o640},
			tar.Header{Name: "./app/hard", Typeflag: tar.TypeLink, Linkname: "./app/ro/run"},
			tar.Header{Name: "./app/soft", Typeflag: tar.TypeSymlink, Linkname: "ro/run"},
			tar.Header{Name: "./app/away", Typeflag: tar.TypeSymlink, Linkname: "/usr/bin/env"},
		))
		want := map[string]string{
			"ro":        "dr-xr-xr-x",
			"ro/run":    "-rwxr-x--x " + sha([]byte("content")),
			"ro/big":    "-rw------- " + sha([]byte(strings.Repeat("big", 300_000))),
			"implied":   "drwxr-xr-x",
			"implied/x": "-rw-r----- " + sha(nil),
			"hard":      "-rwxr-x--x " + sha([]byte("content")),
			"soft":      "Lrwxrwxrwx ro/run",
			"away":      "Lrwxrwxrwx /usr/bin/env",
		}
		if diff := cmp.Diff(want, listing(t, dir)); diff != "" {
			t.Error(diff)
		}
		a, err := os.Stat(filepath.Join(dir, "ro/run"))
		must(t, err)
		b, err := os.Stat(filepath.Join(dir, "hard"))
		must(t, err)
		c, err := os.Stat(filepath.Join(dir, "ro"))
		must(t, err)
		if !os.SameFile(a, b) || !a.ModTime().Equal(day) || !c.ModTime().Equal(day) {
			t.Error(a.ModTime(), c.ModTime())
		}
	})

	it("takes the last of a file that comes twice", func() {
		must(t, unpack(
			tar.Header{Name: "app/x", Typeflag: tar.TypeReg, Mode: 0o600, Linkname: "first"},
			tar.Header{Name: "app/l", Typeflag: tar.TypeSymlink, Linkname: "first"},
			tar.Header{Name: "app/x", Typeflag: tar.TypeReg, Mode: 0o644, Linkname: "last"},
			tar.Header{Name: "app/l", Typeflag: tar.TypeSymlink, Linkname: "last"},
			tar.Header{Name: "app/d", Typeflag: tar.TypeDir, Mode: 0o700},
			tar.Header{Name: "app/d", Typeflag: tar.TypeDir, Mode: 0o711},
		))
		want := map[string]string{"x": "-rw-r--r-- " + sha([]byte("last")), "l": "Lrwxrwxrwx last", "d": "drwx--x--x"}
		if diff := cmp.Diff(want, listing(t, dir)); diff != "" {
			t.Error(diff)
		}
	})

	for _, foreign := range []string{"./app", "app"} {
		it("reads what GNU tar makes of "+foreign, func() {
			built := tree(t, top)
			must(t, os.Link(filepath.Join(built.App.Host, "Procfile"), filepath.Join(built.App.Host, "Procfile.dev")))
			write(t, built.App.Host, strings.Repeat("long/", 60)+"käse\n", "x", 0o644)
			for _, format := range []string{"gnu", "pax"} {
				file := filepath.Join(top, format+".tgz")
				run(t, "tar", "-C", top, "--format="+format, "-czf", file, foreign)
				out := filepath.Join(top, "unpacked-"+format)
				must(t, slug.Unpack(t.Context(), file, out, slug.Limits{}))
				if diff := cmp.Diff(listing(t, built.App.Host), listing(t, out)); diff != "" {
					t.Error(format, diff)
				}
				// Which of the two names is the file and which the link is up
				// to the file system.
				c, err := slug.Inspect(t.Context(), file, slug.Limits{}, "Procfile", "Procfile.dev")
				must(t, err)
				if len(c.Index) != len(listing(t, out))+1 || string(c.Files["Procfile"])+string(c.Files["Procfile.dev"]) == "" {
					t.Errorf("%d entries, %q", len(c.Index), c.Files)
				}
			}
		})
	}

	it("uses a directory that is there and empty, and leaves its mode alone", func() {
		must(t, os.Mkdir(dir, 0o700))
		must(t, unpack(tar.Header{Name: "./app/", Typeflag: tar.TypeDir, Mode: 0o777}, tar.Header{Name: "./app/x", Typeflag: tar.TypeReg, Mode: 0o644}))
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
			t.Error(info.Mode(), err)
		}
		if err := unpack(); err == nil || !strings.Contains(err.Error(), "is not empty") {
			t.Error(err)
		}
		if diff := cmp.Diff([]string{"x"}, names(t, dir)); diff != "" {
			t.Error(diff)
		}
	})

	file := func(name string) tar.Header {
		return tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Linkname: "x"}
	}
	soft := func(name, to string) tar.Header {
		return tar.Header{Name: name, Typeflag: tar.TypeSymlink, Linkname: to}
	}
	hard := func(name, to string) tar.Header { return tar.Header{Name: name, Typeflag: tar.TypeLink, Linkname: to} }
	for _, evil := range []struct {
		name, want string
		entries    []tar.Header
	}{
		{"an absolute path", "outside of ./app/", []tar.Header{file("/app/x")}},
		{"a path beside the app", "outside of ./app/", []tar.Header{file("./application/x")}},
		{"a path above the app", "not a valid path", []tar.Header{file("./app/../x")}},
		{"a path that goes up and down", "not a valid path", []tar.Header{file("./app/a/../../app/x")}},
		{"another root", "outside of ./app/", []tar.Header{file("../app/x")}},
		{"an empty name in a path", "not a valid path", []tar.Header{file("./app//x")}},
		{"a file in the place of the app", "is not a directory", []tar.Header{file("./app")}},
		{"a link in the place of the app", "is not a directory", []tar.Header{soft("./app", "/tmp")}},
		{"a file through a symbolic link", "is not a directory", []tar.Header{soft("./app/l", "/tmp"), file("./app/l/x")}},
		{"a file through a symbolic link inside", "is not a directory", []tar.Header{{Name: "./app/d", Typeflag: tar.TypeDir, Mode: 0o755}, soft("./app/l", "d"), file("./app/l/x")}},
		{"a link in the place of a directory", "comes twice", []tar.Header{file("./app/d/x"), soft("./app/d", "/tmp")}},
		{"a file in the place of a link", "comes twice", []tar.Header{soft("./app/l", "/etc/passwd"), file("./app/l")}},
		{"a file below a file", "is not a directory", []tar.Header{file("./app/x"), file("./app/x/y")}},
		{"a hard link out of the app", "outside of ./app/", []tar.Header{hard("./app/l", "/etc/passwd")}},
		{"a hard link to a symbolic link", "no file that came before", []tar.Header{soft("./app/s", "/etc/passwd"), hard("./app/l", "./app/s")}},
		{"a hard link to nothing", "no file that came before", []tar.Header{hard("./app/l", "./app/s")}},
		{"a hard link to itself", "no file that came before", []tar.Header{hard("./app/l", "./app/l")}},
		{"a device", "a slug holds files, directories and links", []tar.Header{{Name: "./app/null", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3}}},
		{"a pipe", "a slug holds files, directories and links", []tar.Header{{Name: "./app/pipe", Typeflag: tar.TypeFifo}}},
		{"a symbolic link to nothing", "no valid path", []tar.Header{soft("./app/l", "")}},
		{"directories without end", "directories deep", []tar.Header{file("./app/" + strings.Repeat("d/", 300) + "x")}},
	} {
		it("refuses "+evil.name+" and leaves nothing", func() {
			err := unpack(append([]tar.Header{file("./app/good")}, evil.entries...)...)
			if err == nil || !strings.Contains(err.Error(), evil.want) {
				t.Errorf("%v; expected %q", err, evil.want)
			}
			if got := names(t, top); len(got) > 0 {
				t.Errorf("%q was left behind", got)
			}
		})
	}

	when("limits are passed", func() {
		for _, limit := range []struct {
			name, want string
			limits     slug.Limits
		}{
			{"entries", "more than 9 entries", slug.Limits{Entries: 9}},
			{"bytes of files", "more than 29.3 KiB", slug.Limits{Bytes: 30_000}},
			{"bytes of the archive", "more than 3.9 KiB", slug.Limits{Bytes: 4000}},
			{"depth", "more than 2 directories deep", slug.Limits{Depth: 2}},
		} {
			it("stops at "+limit.name, func() {
				var entries []tar.Header
				for i := range 20 {
					entries = append(entries, tar.Header{Name: fmt.Sprintf("./app/f%d", i), Typeflag: tar.TypeReg, Mode: 0o644, Linkname: strings.Repeat("0", 2000)})
				}
				entries = append(entries, file("./app/d/e/f"))
				path := filepath.Join(t.TempDir(), "slug.tgz")
				must(t, os.WriteFile(path, archive(t, entries...), 0o644))
				err := slug.Unpack(t.Context(), path, dir, limit.limits)
				if err == nil || !strings.Contains(err.Error(), limit.want) {
					t.Error(err)
				}
				if _, err := slug.Inspect(t.Context(), path, limit.limits); err == nil || !strings.Contains(err.Error(), limit.want) {
					t.Error(err)
				}
				if got := names(t, top); len(got) > 0 {
					t.Errorf("%q was left behind", got)
				}
			})
		}
	})

	it("says what is no slug, or only the beginning of one", func() {
		whole := archive(t, file("./app/x"), tar.Header{Name: "./app/y", Typeflag: tar.TypeReg, Mode: 0o644, Linkname: fmt.Sprint(time.Now())})
		for _, c := range []struct {
			content []byte
			want    string
		}{
			{nil, "it is empty"},
			{[]byte("PK\x03\x04 something else"), "not a slug"},
			{whole[:len(whole)/2], "damaged: it ends too early"},
			{append(whole[:len(whole)-8:len(whole)-8], 1, 2, 3, 4, 5, 6, 7, 8), "damaged: gzip: invalid checksum"},
		} {
			path := filepath.Join(t.TempDir(), "slug.tgz")
			must(t, os.WriteFile(path, c.content, 0o644))
			err := slug.Unpack(t.Context(), path, dir, slug.Limits{})
			var file *slug.FileError
			if !errors.As(err, &file) || file.File != path || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("%v; expected %q", err, c.want)
			}
			if got := names(t, top); len(got) > 0 {
				t.Errorf("%q was left behind", got)
			}
		}
	})

	it("stops when it is told to and leaves nothing", func() {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		path := filepath.Join(t.TempDir(), "slug.tgz")
		must(t, os.WriteFile(path, archive(t, file("./app/x")), 0o644))
		if err := slug.Unpack(ctx, path, dir, slug.Limits{}); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if got := names(t, top); len(got) > 0 {
			t.Errorf("%q was left behind", got)
		}
	})

	it("lists what a slug holds", func() {
		path := filepath.Join(t.TempDir(), "slug.tgz")
		must(t, os.WriteFile(path, archive(t, tar.Header{Name: "./app/d/", Typeflag: tar.TypeDir, Mode: 0o755}, file("./app/d/x"), soft("./app/l", "d"), hard("./app/h", "./app/d/x")), 0o644))
		c, err := slug.Inspect(t.Context(), path, slug.Limits{}, "d/x")
		must(t, err)
		want := pack.Index{
			{Path: "d", Mode: fs.ModeDir | 0o755},
			{Path: "d/x", Mode: 0o644, Fingerprint: pack.Fingerprint{Size: 1}},
			{Path: "l", Mode: fs.ModeSymlink, Link: "d"},
			{Path: "h", Link: "d/x"},
		}
		if diff := cmp.Diff(slug.Contents{Index: want, Files: map[string][]byte{"d/x": []byte("x")}}, c); diff != "" {
			t.Error(diff)
		}
	})
}

// archive makes a gzip-compressed tar archive. For a file, Linkname is the
// content.
func archive(t testing.TB, entries ...tar.Header) []byte {
	t.Helper()
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	w := tar.NewWriter(z)
	for _, h := range entries {
		content := ""
		if h.Typeflag == tar.TypeReg {
			content, h.Linkname = h.Linkname, ""
			h.Size = int64(len(content))
		}
		must(t, w.WriteHeader(&h))
		if _, err := w.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	must(t, w.Close())
	must(t, z.Close())
	return buf.Bytes()
}

// FuzzUnpack unpacks archives of anybody's making. Nothing may come to lie
// outside of the directory, and after an error nothing in it.
func FuzzUnpack(f *testing.F) {
	for _, entries := range [][]tar.Header{
		{},
		{{Name: "./app/", Typeflag: tar.TypeDir, Mode: 0o755}, {Name: "./app/x", Typeflag: tar.TypeReg, Mode: 0o644, Linkname: "content"}},
		{{Name: "app/l", Typeflag: tar.TypeSymlink, Linkname: "../../outside"}, {Name: "app/l/x", Typeflag: tar.TypeReg, Mode: 0o644, Linkname: "content"}},
		{{Name: "./app/a/b", Typeflag: tar.TypeReg, Mode: 0o600}, {Name: "./app/h", Typeflag: tar.TypeLink, Linkname: "./app/a/b"}},
		{{Name: "./app/" + strings.Repeat("long/", 60), Typeflag: tar.TypeDir, Mode: 0o755}},
		{{Name: "./app/k\u00e4se", Typeflag: tar.TypeReg, Mode: 0o644, PAXRecords: map[string]string{"SCHILY.xattr.user.x": "y"}}},
	} {
		var buf bytes.Buffer
		z, err := gzip.NewReader(bytes.NewReader(archive(f, entries...)))
		if err != nil {
			f.Fatal(err)
		}
		if _, err := buf.ReadFrom(z); err != nil {
			f.Fatal(err)
		}
		f.Add(buf.Bytes())
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		var buf bytes.Buffer
		z := gzip.NewWriter(&buf)
		if _, err := z.Write(content); err != nil {
			t.Fatal(err)
		}
		must(t, z.Close())
		top := t.TempDir()
		path := filepath.Join(top, "slug.tgz")
		must(t, os.WriteFile(path, buf.Bytes(), 0o644))
		limits := slug.Limits{Entries: 100, Bytes: 1 << 20, Depth: 20}
		err := slug.Unpack(t.Context(), path, filepath.Join(top, "app"), limits)
		want := []string{"app", "slug.tgz"}
		if err != nil {
			want = want[1:]
		}
		if diff := cmp.Diff(want, names(t, top)); diff != "" {
			t.Error(diff)
		}
		_, failed := slug.Inspect(t.Context(), path, limits, "x")
		if err == nil && failed != nil {
			t.Errorf("it can be unpacked and not be listed: %v", failed)
		}
	})
}
