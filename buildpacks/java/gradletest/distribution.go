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
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slugc/slugc/stack/debian/mirrortest"
	"github.com/slugc/slugc/stack/download/downloadtest"
)

// file is that of the distribution, as a wrapper names it, of the version that Debian
// has.
const file = "gradle-4.4.1-bin.zip"

// Serve makes the distribution out of Debian's packages and serves it on the
// loopback interface until the test ends, with its checksum beside it. It returns
// the directory's address. Home is where it will be unpacked, which Debian's Gradle
// has to know.
func Serve(t testing.TB, home string) (address string) {
	t.Helper()
	data := distribution(t, home)
	sum := sha256.Sum256(data)
	return downloadtest.ServeIndex(t, map[string][]byte{"/" + file: data, "/" + file + ".sha256": []byte(hex.EncodeToString(sum[:]))}).URL
}

// distribution is a zip with one folder, in which the links of Debian's packages are
// the files that they lead to.
func distribution(t testing.TB, home string) []byte {
	t.Helper()
	from := mirrortest.Open(t)
	_, packages := mirrortest.Resolve(t, from, "slugc-13", []string{"gradle"},
		[]string{"default-jre-headless", "default-jdk-headless", "default-jre", "default-jdk", "openjdk-21-jre-headless", "openjdk-21-jdk-headless"})
	dir := mirrortest.Unpack(t, mirrortest.Fetch(t, from, packages)...)
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
			header := &zip.FileHeader{Name: "gradle-4.4.1/" + to + filepath.ToSlash(rel), Method: zip.Store}
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
