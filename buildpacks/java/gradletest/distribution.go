// Package gradletest makes a distribution of Gradle for tests. The place from
// which wrappers have theirs is no registry of packages, and is not reached from
// where tests run; what Debian has of Gradle is the real program too, of an old
// version that its maintainers keep running on newer releases of Java.
package gradletest

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"testing"
	"time"

	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/debian/deb"
	"github.com/slugc/slugc/stack/debian/repository"
	"github.com/slugc/slugc/stack/debian/resolve"
	"github.com/slugc/slugc/stack/untar"
)

// Version is the version of Gradle that Debian has.
const Version = "4.4.1"

// Name is the file of the distribution, as a wrapper names it.
const Name = "gradle-" + Version + "-bin.zip"

// Serve makes the distribution out of Debian's packages and serves it on the
// loopback interface until the test ends, with its checksum beside it. It returns
// the directory's address and the checksum. Home is where it will be unpacked,
// which Debian's Gradle has to know.
func Serve(t testing.TB, from repository.Repository, home string) (address, sum string) {
	t.Helper()
	data := Make(t, from, home)
	digest := sha256.Sum256(data)
	sum = hex.EncodeToString(digest[:])
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/" + Name:
			http.ServeContent(w, r, Name, time.Time{}, bytes.NewReader(data))
		case "/" + Name + ".sha256":
			http.ServeContent(w, r, Name, time.Time{}, strings.NewReader(sum))
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL, sum
}

// Make makes the distribution: a zip with one folder, in which the links of
// Debian's packages are the files that they lead to.
func Make(t testing.TB, from repository.Repository, home string) []byte {
	t.Helper()
	definition, err := stack.Find("slugc-13")
	if err != nil {
		t.Fatal(err)
	}
	index, err := from.Update(t.Context(), definition.Suites, goruntime.GOARCH)
	if err != nil {
		t.Fatal(err)
	}
	packages, err := resolve.Resolve(index, resolve.Request{
		Arch: goruntime.GOARCH, Wanted: []string{"gradle"},
		Omit: []string{"default-jre-headless", "default-jdk-headless", "default-jre", "default-jdk", "openjdk-21-jre-headless", "openjdk-21-jdk-headless"},
	})
	if err != nil {
		t.Fatal(err)
	}
	files, err := from.Debs(t.Context(), packages)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if _, _, err := deb.Unpack(t.Context(), files, root, deb.Options{Limits: untar.Limits{Entries: 1 << 20, Bytes: 2 << 30}}); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for from, to := range map[string]string{"usr/share/gradle": "", "usr/share/java": "java/"} {
		from = filepath.Join(dir, filepath.FromSlash(from))
		err := filepath.WalkDir(from, func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			rel, err := filepath.Rel(from, name)
			if err != nil {
				return err
			}
			data, err := os.ReadFile(inside(t, dir, name))
			if errors.Is(err, fs.ErrNotExist) {
				return nil // of a package that is not wanted
			}
			if err != nil {
				return err
			}
			if strings.HasPrefix(rel, "gradle-core-api-") || strings.HasPrefix(rel, "lib/gradle-core-api-") {
				data = moved(t, data, home)
			}
			header := &zip.FileHeader{Name: "gradle-" + Version + "/" + to + filepath.ToSlash(rel), Method: zip.Store}
			header.SetMode(0o644)
			if filepath.Dir(rel) == "bin" {
				header.SetMode(0o755)
			}
			entryTo, err := z.CreateHeader(header)
			if err != nil {
				return err
			}
			_, err = entryTo.Write(data)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// moved is a jar in which Debian's places of Gradle and of its libraries are
// another directory. A text in a class has its length in front of it (Java
// Virtual Machine Specification, 4.4.7), so that it may be longer.
func moved(t testing.TB, data []byte, home string) []byte {
	t.Helper()
	reader, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	text := func(s string) []byte { return append([]byte{1, byte(len(s) >> 8), byte(len(s))}, s...) }
	for _, entry := range reader.File {
		from, err := entry.Open()
		if err != nil {
			t.Fatal(err)
		}
		class, err := io.ReadAll(from)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(entry.Name, "org/gradle/internal/installation/") {
			class = bytes.ReplaceAll(class, text("/usr/share/java"), text(home+"/java"))
			class = bytes.ReplaceAll(class, text("/usr/share/gradle"), text(home))
		}
		to, err := z.CreateHeader(&zip.FileHeader{Name: entry.Name, Method: zip.Store})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := to.Write(class); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// inside is what a path in a root filesystem leads to.
func inside(t testing.TB, root, name string) string {
	t.Helper()
	for range 20 {
		link, err := os.Readlink(name)
		if err != nil {
			return name
		}
		if filepath.IsAbs(link) {
			name = filepath.Join(root, link)
		} else {
			name = filepath.Join(filepath.Dir(name), link)
		}
	}
	t.Fatalf("%s is a link without an end", name)
	return ""
}
