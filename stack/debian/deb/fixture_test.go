package deb_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"github.com/slugc/slugc/stack/untar/untartest"
)

var (
	file, soft       = untartest.File, untartest.Soft
	archive, listing = untartest.Archive, untartest.Listing
)

func folder(name string) tar.Header { return untartest.Folder(name, 0o755) }

// compress compresses as the ending of a name says.
func compress(t testing.TB, ending string, content []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	var w io.WriteCloser
	var err error
	switch ending {
	case ".xz":
		w, err = xz.NewWriter(&buf)
	case ".xz-crc32", ".xz-sha256", ".xz-none":
		sums := map[string]byte{".xz-crc32": xz.CRC32, ".xz-sha256": xz.SHA256}
		w, err = xz.WriterConfig{CheckSum: sums[ending], NoCheckSum: ending == ".xz-none", BlockSize: 60_000}.NewWriter(&buf)
	case ".gz":
		w = gzip.NewWriter(&buf)
	case ".zst":
		w, err = zstd.NewWriter(&buf)
	default:
		return content
	}
	must(t, err)
	_, err = w.Write(content)
	must(t, err)
	must(t, w.Close())
	return buf.Bytes()
}

// part is a member of an ar archive.
type part struct {
	name    string
	content []byte
}

// ar makes an ar archive.
func ar(parts ...part) []byte {
	var buf bytes.Buffer
	buf.WriteString("!<arch>\n")
	for _, p := range parts {
		fmt.Fprintf(&buf, "%-16s%-12d%-6d%-6d%-8s%-10d`\n", p.name, 0, 0, 0, "100644", len(p.content))
		buf.Write(p.content)
		if len(p.content)%2 == 1 {
			buf.WriteByte('\n')
		}
	}
	return buf.Bytes()
}

// controlOf is the control.tar of a package.
func controlOf(t testing.TB, name string) []byte {
	t.Helper()
	return archive(t, folder("./"), file("./md5sums", "0  usr/bin/"+name+"\n"),
		file("./control", "Package: "+name+"\nVersion: 1.0\nArchitecture: all\nDescription: a test\n of it\n"))
}

// pack makes a .deb whose members are compressed as the ending says.
func pack(t testing.TB, name, ending string, entries ...tar.Header) []byte {
	t.Helper()
	return ar(part{"debian-binary", []byte("2.0\n")},
		part{"control.tar" + ending, compress(t, ending, controlOf(t, name))},
		part{"data.tar" + ending, compress(t, ending, archive(t, append([]tar.Header{folder("./")}, entries...)...))})
}

// save writes a .deb to a file.
func save(t testing.TB, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "test.deb")
	must(t, os.WriteFile(path, content, 0o644))
	return path
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
