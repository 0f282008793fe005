package deb_test

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/debian/deb"
	"github.com/slugc/slugc/stack/untar"
)

func TestUnpack(t *testing.T) { spec.Run(t, "Unpack", testUnpack) }

func testUnpack(t *testing.T, when spec.G, it spec.S) {
	var (
		dir  string
		root *os.Root
	)

	it.Before(func() {
		dir = filepath.Join(t.TempDir(), "root")
		must(t, os.MkdirAll(filepath.Join(dir, "usr/bin"), 0o755))
		must(t, os.Symlink("usr/bin", filepath.Join(dir, "bin")))
		var err error
		root, err = os.OpenRoot(dir)
		must(t, err)
	})

	it.After(func() { must(t, root.Close()) })

	skeleton := func(also map[string]string) map[string]string {
		all := map[string]string{"bin": "Lrwxrwxrwx usr/bin", "usr": "drwxr-xr-x", "usr/bin": "drwxr-xr-x"}
		for name, is := range also {
			all[name] = is
		}
		return all
	}

	for _, ending := range []string{"", ".gz", ".xz", ".zst"} {
		it("unpacks packages that are compressed as "+ending, func() {
			one := save(t, pack(t, "one", ending, folder("./bin/"), file("./bin/one", "1"), folder("./etc"),
				tar.Header{Name: "./etc/shadow", Typeflag: tar.TypeReg, Mode: 0o640, Gid: 42, Gname: "shadow", Linkname: "s"},
				tar.Header{Name: "./bin/su", Typeflag: tar.TypeReg, Mode: 0o4755, Linkname: "su"}))
			two := save(t, pack(t, "two", ending, soft("./bin", "usr/bin"), file("./usr/bin/two", "2"), folder("./etc"),
				file("./etc/long", strings.Repeat("0123456789", 100_000))))
			var done, total int64
			u, attributes, err := deb.Unpack(t.Context(), []string{one, two}, root, deb.Options{
				Progress: func(d, t int64) { done, total = max(done, d), t },
			})
			must(t, err)
			if diff := cmp.Diff(skeleton(map[string]string{
				"usr/bin/one": "-rw-r--r-- 1", "usr/bin/two": "-rw-r--r-- 2", "usr/bin/su": "-rwxr-xr-x su",
				"etc": "drwxr-xr-x", "etc/shadow": "-rw-r----- s", "etc/long": "-rw-r--r-- " + strings.Repeat("0123456789", 100_000),
			}), listing(t, dir)); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(stack.Attributes{"etc/shadow": {GID: 42, Mode: 0o640}, "usr/bin/su": {Mode: fs.ModeSetuid | 0o755}}, attributes); diff != "" {
				t.Error(diff)
			}
			if len(u) != 2 || u[0].Package != "one" || u[0].Files != 3 || string(u[0].MD5Sums) != "0  usr/bin/one\n" ||
				u[1].Control.Get("description") != "a test\nof it" || u[1].Files != 3 {
				t.Errorf("%+v", u)
			}
			a, err := os.Stat(one)
			must(t, err)
			b, err := os.Stat(two)
			must(t, err)
			if sum := a.Size() + b.Size(); done != sum || total != sum {
				t.Errorf("told %d of %d bytes, expected %d", done, total, sum)
			}
		})
	}

	for _, ending := range []string{".xz-crc32", ".xz-sha256", ".xz-none"} {
		it("reads xz data in several blocks with sums as "+ending, func() {
			content := make([]byte, 100_000)
			rand.New(rand.NewSource(1)).Read(content)
			data := compress(t, ending, archive(t, file("./x", string(content)), file("./y", strings.Repeat("y", 100_000))))
			path := save(t, ar(part{"debian-binary", []byte("2.0\n")}, part{"control.tar", controlOf(t, "x")}, part{"_gpgorigin", []byte("x")}, part{"data.tar.xz/", data}))
			_, _, err := deb.Unpack(t.Context(), []string{path}, root, deb.Options{})
			must(t, err)
			if got, err := root.ReadFile("x"); err != nil || !bytes.Equal(got, content) {
				t.Error("the content is not that of the package", err)
			}
		})
	}

	it("lets the later package have a file of two, whatever its size", func() {
		big := file("./big", strings.Repeat("x", 3_000_000))
		for _, first := range []bool{true, false} {
			must(t, root.RemoveAll("f"))
			must(t, root.RemoveAll("big"))
			a, b := []tar.Header{file("./f", "a")}, []tar.Header{file("./f", "b")}
			if first {
				a = append([]tar.Header{big}, a...)
			} else {
				b = append([]tar.Header{big}, b...)
			}
			_, _, err := deb.Unpack(t.Context(), []string{save(t, pack(t, "a", "", a...)), save(t, pack(t, "b", "", b...))}, root, deb.Options{Workers: 2})
			must(t, err)
			if got, err := root.ReadFile("f"); err != nil || string(got) != "b" {
				t.Errorf("%q %v", got, err)
			}
		}
	})

	it("leaves out what a variant excludes", func() {
		keep := deb.Selection(stack.Variant{Exclude: []string{"/usr/share/doc/", "/usr/share/man/"}, Keep: []string{"/usr/share/doc/*/copyright"}})
		_, _, err := deb.Unpack(t.Context(), []string{save(t, pack(t, "a", ".xz", folder("./usr/share/doc/a"), file("./usr/share/doc/a/copyright", "c"),
			file("./usr/share/doc/a/README", "r"), file("./usr/share/man/man1/a.1", "m")))}, root, deb.Options{Keep: keep})
		must(t, err)
		if diff := cmp.Diff(skeleton(map[string]string{
			"usr/share": "drwxr-xr-x", "usr/share/doc": "drwxr-xr-x", "usr/share/doc/a": "drwxr-xr-x", "usr/share/doc/a/copyright": "-rw-r--r-- c",
		}), listing(t, dir)); diff != "" {
			t.Error(diff)
		}
	})

	when("a package is bad", func() {
		version := part{"debian-binary", []byte("2.0\n")}
		with := func(data ...tar.Header) func() []byte {
			return func() []byte { return pack(t, "evil", ".gz", append([]tar.Header{file("./good", "x")}, data...)...) }
		}
		parts := func(all ...part) func() []byte { return func() []byte { return ar(all...) } }
		controlled := func(c string, name string, data func() []byte) func() []byte {
			return func() []byte {
				return ar(version, part{"control.tar", archive(t, file("./control", c))}, part{name, data()})
			}
		}
		empty := func() []byte { return nil }
		for _, evil := range []struct {
			name, want string
			content    func() []byte
		}{
			{"a path above the root", `data.tar.gz: "./../x": the path has ".."`, with(file("./../x", "x"))},
			{"an absolute path", `data.tar.gz: "/x": the path is absolute`, with(file("/x", "x"))},
			{"a device", `data.tar.gz: "./dev/sda": it is a device`, with(tar.Header{Name: "./dev/sda", Typeflag: tar.TypeBlock, Devmajor: 8})},
			{"a file below a link", `"./l/x": it lies below l`, with(soft("./l", "/tmp"), file("./l/x", "x"))},
			{"a file that is too large", `"./x": a file of 2000001 bytes`, with(file("./x", strings.Repeat("x", 2_000_001)))},
			{"something else", "expected an ar archive", func() []byte { return []byte("PK\x03\x04 and so on") }},
			{"nothing", "expected an ar archive", func() []byte { return nil }},
			{"another ar archive", "expected debian-binary", parts(part{"main.o", []byte("x")})},
			{"a format of tomorrow", `of format "3.0"`, parts(part{"debian-binary", []byte("3.0\n")})},
			{"no control.tar", `"data.tar" where control.tar`, parts(version, part{"data.tar", nil})},
			{"no data.tar", "unexpected EOF", parts(version, part{"control.tar", nil})},
			{"members without end", "no data.tar among the first 32", func() []byte {
				all := []part{version}
				for range 40 {
					all = append(all, part{"_x", []byte("odd")})
				}
				return ar(all...)
			}},
			{"a size that is a lie", "ends after the file", func() []byte { return pack(t, "evil", ".xz")[:400] }},
			{"a size below zero", "no valid size", func() []byte {
				return bytes.Replace(ar(version), []byte("4         `"), []byte("-4        `"), 1)
			}},
			{"an unknown compression", `compressed as ".bz2"`, controlled("Package: x\n", "data.tar.bz2", func() []byte { return []byte("BZh9") })},
			{"no name", `control.tar: "" is no name`, controlled("Version: 1\n", "data.tar", empty)},
			{"a name that is a path", `control.tar: "../x" is no name`, controlled("Package: ../x\n", "data.tar", empty)},
			{"a control file without end", `more than 16777216 bytes`, func() []byte {
				long := compress(t, ".xz", archive(t, file("./control", "Package: x\nDescription: "+strings.Repeat("x", 17<<20))))
				return ar(version, part{"control.tar.xz", long}, part{"data.tar", nil})
			}},
			{"xz data that is cut", "the xz data ends too early", controlled("Package: x\n", "data.tar.xz", func() []byte {
				return cut(t, archive(t, file("./x", fmt.Sprint(rand.New(rand.NewSource(1)).Perm(9999)))))
			})},
			{"xz data that goes on", "what comes after a stream is not aligned", controlled("Package: x\n", "data.tar.xz", func() []byte { return append(compress(t, ".xz", archive(t)), 0) })},
			{"xz data without its end", "the xz data ends too early", controlled("Package: x\n", "data.tar.xz", func() []byte { return unended(t) })},
			{"an xz dictionary of 4 GB", "it needs a dictionary of 4294967295 bytes; at most 67108864 are allowed", controlled("Package: x\n", "data.tar.xz", func() []byte { return greedy(t) })},
		} {
			it("refuses "+evil.name+", by the file, and writes nothing elsewhere", func() {
				path := save(t, evil.content())
				_, _, err := deb.Unpack(t.Context(), []string{save(t, pack(t, "good", "")), path}, root, deb.Options{Limits: untar.Limits{FileBytes: 2_000_000}})
				if err == nil || !strings.Contains(err.Error(), evil.want) || !strings.Contains(err.Error(), path) {
					t.Errorf("%v; expected %q", err, evil.want)
				}
				if entries, err := os.ReadDir(filepath.Dir(dir)); err != nil || len(entries) != 1 {
					t.Error(entries, err)
				}
			})
		}

		it("sees damaged xz data", func() {
			whole := compress(t, ".xz", archive(t, file("./x", "content")))
			for i := range whole {
				damaged := bytes.Clone(whole)
				damaged[i] ^= 0x10
				path := save(t, ar(version, part{"control.tar", controlOf(t, "x")}, part{"data.tar.xz", damaged}))
				_, _, err := deb.Unpack(t.Context(), []string{path}, root, deb.Options{})
				// Where a chunk of LZMA2 ends is known from its content too.
				if got, readErr := root.ReadFile("x"); err == nil && (readErr != nil || string(got) != "content") {
					t.Errorf("byte %d of %d is damaged and nobody says so", i, len(whole))
				}
			}
		})

		it("says which package is not there", func() {
			_, _, err := deb.Unpack(t.Context(), []string{filepath.Join(dir, "missing.deb")}, root, deb.Options{})
			if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "missing.deb") {
				t.Error(err)
			}
		})
	})

	it("stops when it is told to", func() {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, _, err := deb.Unpack(ctx, []string{save(t, pack(t, "a", ".xz", file("./x", "x")))}, root, deb.Options{}); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

// cut is the first half of xz data.
func cut(t testing.TB, content []byte) []byte {
	t.Helper()
	whole := compress(t, ".xz", content)
	return whole[:len(whole)/2]
}

// unended is xz data without the last bytes of the footer.
func unended(t testing.TB) []byte {
	t.Helper()
	data := compress(t, ".xz", archive(t))
	return data[:len(data)-5]
}

// greedy is xz data that wants a dictionary of 4 GB.
func greedy(t testing.TB) []byte {
	t.Helper()
	data := compress(t, ".xz", archive(t))
	// The header of the stream has 12 bytes, that of the block as many: size,
	// flags, filter, size of its properties, dictionary, padding, CRC32.
	if data[14] != 0x21 {
		t.Fatalf("the header of the first block is %x", data[12:24])
	}
	data[16] = 40
	binary.LittleEndian.PutUint32(data[20:], crc32.ChecksumIEEE(data[12:20]))
	return data
}

func TestSelection(t *testing.T) {
	keep := deb.Selection(stack.Variant{
		Exclude: []string{"/usr/share/doc/", "/usr/share/*/locale/", "/etc/*.conf", "/usr/lib/[", "/opt/x"},
		Keep:    []string{"/usr/share/doc/*/copyright", "/usr/share/doc/keep/"},
	})
	for path, want := range map[string]bool{
		"/usr/share/doc":               false,
		"/usr/share/doc/a":             false,
		"/usr/share/doc/a/copyright":   true,
		"/usr/share/doc/a/b/copyright": false,
		"/usr/share/doc/keep":          true,
		"/usr/share/doc/keep/a/b":      true,
		"/usr/share/docs":              true,
		"/usr/share":                   true,
		"/usr/share/x/locale/de":       false,
		"/usr/share/x/y/locale":        true,
		"/etc/a.conf":                  false,
		"/etc/a.conf.d/b":              true,
		"/usr/lib/[":                   false,
		"/opt/x":                       false,
		"/opt/x/y":                     true,
	} {
		if keep(path) != want {
			t.Errorf("%s: kept is %v, expected %v", path, !want, want)
		}
	}
}

// FuzzUnpack unpacks files of anybody's making. Nothing may come to lie outside
// of the root.
func FuzzUnpack(f *testing.F) {
	for _, ending := range []string{"", ".gz", ".xz", ".zst"} {
		f.Add(pack(f, "one", ending, folder("./bin/"), file("./bin/one", "1"), soft("./l", "../../outside"), file("./l/x", "x")))
	}
	f.Add(ar(part{"debian-binary", []byte("2.0\n")}, part{"_private", []byte("x")}))
	f.Fuzz(func(t *testing.T, data []byte) {
		top := t.TempDir()
		dir, path := filepath.Join(top, "root"), filepath.Join(top, "x.deb")
		must(t, os.Mkdir(dir, 0o755))
		must(t, os.WriteFile(path, data, 0o644))
		root, err := os.OpenRoot(dir)
		must(t, err)
		defer root.Close()
		limits := untar.Limits{Entries: 100, Bytes: 1 << 20, Depth: 20}
		if _, _, err := deb.Unpack(t.Context(), []string{path, path}, root, deb.Options{Limits: limits}); err != nil {
			t.Log(err)
		}
		if entries, err := os.ReadDir(top); err != nil || len(entries) != 2 {
			t.Error(entries, err)
		}
	})
}
