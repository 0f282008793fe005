package debiantest

import (
	"archive/tar"
	"bytes"
	"cmp"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// Package is a package to build.
type Package struct {
	Name string
	// Version is "1.0" and Architecture "amd64" where they are empty.
	Version, Architecture string
	// Fields are further fields of its control file, such as Depends.
	Fields map[string]string
	// Files are its files by absolute path. A path that ends in a star is that
	// of an executable file, without the star. The directories come with them.
	Files map[string]string
	// Links are symbolic links: their absolute paths and what they hold.
	Links map[string]string
	// Entries follow the files as they are, hostile ones for instance.
	Entries []Entry
	// Control are further files of control.tar by name, such as postinst
	// or md5sums.
	Control map[string]string
	// Compression is "xz" where it is empty; "gz", "zst" or "none".
	Compression string
}

// Entry is one entry of data.tar.
type Entry struct {
	Header tar.Header
	Body   string
}

// made is the time of all that is in a package.
func made() time.Time { return time.Date(2026, time.January, 2, 3, 4, 5, 0, time.UTC) }

func (p Package) version() string { return cmp.Or(p.Version, "1.0") }

func (p Package) architecture() string { return cmp.Or(p.Architecture, "amd64") }

// stanza is the control file.
func (p Package) stanza() string {
	fields := map[string]string{
		"Maintainer":     "Nobody <nobody@example.invalid>",
		"Description":    "package of a test",
		"Installed-Size": "1",
	}
	maps.Copy(fields, p.Fields)
	var text strings.Builder
	fmt.Fprintf(&text, "Package: %s\nVersion: %s\nArchitecture: %s\n", p.Name, p.version(), p.architecture())
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		fmt.Fprintf(&text, "%s: %s\n", name, fields[name])
	}
	return text.String()
}

// debOf builds the .deb of a package.
func debOf(t testing.TB, p Package) []byte {
	t.Helper()
	ending := "." + cmp.Or(p.Compression, "xz")
	if p.Compression == "none" {
		ending = ""
	}
	var deb bytes.Buffer
	deb.WriteString("!<arch>\n")
	member(&deb, "debian-binary", []byte("2.0\n"))
	member(&deb, "control.tar"+ending, compress(t, ending, p.controlTar(t)))
	member(&deb, "data.tar"+ending, compress(t, ending, p.dataTar(t)))
	return deb.Bytes()
}

// member writes a member of an ar archive (ar(5)).
func member(to *bytes.Buffer, name string, data []byte) {
	fmt.Fprintf(to, "%-16s%-12d%-6d%-6d%-8o%-10d`\n", name, made().Unix(), 0, 0, 0o100644, len(data))
	to.Write(data)
	if len(data)%2 == 1 {
		to.WriteByte('\n')
	}
}

// compress compresses for the ending of a name: ".xz", ".gz", ".zst" or "".
func compress(t testing.TB, ending string, data []byte) []byte {
	t.Helper()
	var packed bytes.Buffer
	var to io.WriteCloser
	var err error
	switch ending {
	case "":
		return data
	case ".gz":
		to = gzip.NewWriter(&packed)
	case ".xz":
		// A dictionary of the usual size takes longer to make than a test.
		to, err = xz.WriterConfig{DictCap: 1 << 16}.NewWriter(&packed)
	case ".zst":
		to, err = zstd.NewWriter(&packed)
	default:
		err = fmt.Errorf("there is no compression %q", ending)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := to.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

func (p Package) controlTar(t testing.TB) []byte {
	t.Helper()
	files := map[string]string{"control": p.stanza()}
	maps.Copy(files, p.Control)
	entries := []Entry{directory("./")}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		entries = append(entries, file("./"+name, files[name], 0o755))
	}
	return pack(t, entries)
}

func (p Package) dataTar(t testing.TB) []byte {
	t.Helper()
	var entries []Entry
	dirs := map[string]bool{}
	for _, names := range []map[string]string{p.Files, p.Links} {
		for name := range names {
			for dir := path.Dir(name); dir != "/"; dir = path.Dir(dir) {
				dirs[dir] = true
			}
		}
	}
	entries = append(entries, directory("./"))
	for _, name := range slices.Sorted(maps.Keys(dirs)) {
		entries = append(entries, directory("."+name+"/"))
	}
	for _, name := range slices.Sorted(maps.Keys(p.Files)) {
		bare, executable := strings.CutSuffix(name, "*")
		mode := int64(0o644)
		if executable {
			mode = 0o755
		}
		entries = append(entries, file("."+bare, p.Files[name], mode))
	}
	for _, name := range slices.Sorted(maps.Keys(p.Links)) {
		entries = append(entries, Entry{Header: tar.Header{Typeflag: tar.TypeSymlink, Name: "." + name, Linkname: p.Links[name], Mode: 0o777}})
	}
	return pack(t, append(entries, p.Entries...))
}

func directory(name string) Entry {
	return Entry{Header: tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o755}}
}

func file(name, body string, mode int64) Entry {
	return Entry{Header: tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode}, Body: body}
}

// pack makes a tar; the sizes of what has a body are those of the bodies.
func pack(t testing.TB, entries []Entry) []byte {
	t.Helper()
	var packed bytes.Buffer
	archive := tar.NewWriter(&packed)
	for _, e := range entries {
		header := e.Header
		if header.ModTime.IsZero() {
			header.ModTime = made()
		}
		header.Size = int64(len(e.Body))
		if err := archive.WriteHeader(&header); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(archive, e.Body); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}
