package detect_test

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/detect"
)

func TestSource(t *testing.T) { spec.Run(t, "Source", testSource) }

func testSource(t *testing.T, when spec.G, it spec.S) {
	var src, dst, state string

	it.Before(func() {
		src, dst = filepath.Join(t.TempDir(), "src"), filepath.Join(t.TempDir(), "app")
		state = filepath.Join(t.TempDir(), "state")
		mkdir(t, src)
	})
	copyTo := func() (detect.Copied, error) {
		t.Helper()
		source, err := detect.Open(src)
		if err != nil {
			return detect.Copied{}, err
		}
		return source.CopyTo(t.Context(), detect.Copy{Dir: dst, Keep: ".slugc", State: state, UID: -1, GID: -1})
	}
	mustCopy := func() detect.Copied {
		t.Helper()
		copied, err := copyTo()
		if err != nil {
			t.Fatal(err)
		}
		return copied
	}

	it("warns of submodules that are not checked out", func() {
		write(t, filepath.Join(src, ".gitmodules"), "[submodule \"a\"]\n\tpath = vendor/a\n\turl = ../a\n[submodule \"b\"]\n\tpath = b\n[submodule \"c\"]\n path = ../../c\n[submodule \"d\"]\npath = d\n", 0o644)
		write(t, filepath.Join(src, "b", "file"), "checked out", 0o644)
		mkdir(t, filepath.Join(src, "vendor", "a"))
		copied := mustCopy()
		want := []string{
			"the submodule vendor/a is not checked out: git submodule update --init vendor/a",
			"the submodule d is not checked out: git submodule update --init d",
		}
		if diff := cmp.Diff(want, copied.Warnings); diff != "" {
			t.Error(diff)
		}
	})

	when("a file is edited at once, and keeps its size", func() {
		// Kernels before 6.13 and some file systems stamp files with a clock
		// that ticks a hundred times a second.
		it("is copied again", func() {
			for i := range 20 {
				text := strings.Repeat(string(rune('a'+i)), 9)
				write(t, filepath.Join(src, "server.js"), text, 0o644)
				mustCopy()
				if got, err := os.ReadFile(filepath.Join(dst, "server.js")); err != nil || string(got) != text {
					t.Fatalf("copied %q, expected %q: %v", got, text, err)
				}
			}
		})
	})

	when("what was copied cannot be noted", func() {
		it("is copied all the same, and again the next time", func() {
			write(t, filepath.Join(src, "server.js"), "serve()", 0o644)
			write(t, filepath.Join(state, "in/the/way"), "", 0o644)
			for range 2 {
				if copied := mustCopy(); copied.Written != 1 || len(copied.Warnings) != 1 {
					t.Errorf("wrote %d files and warned %q", copied.Written, copied.Warnings)
				}
			}
		})
		it("leaves out what a killed build has not finished", func() {
			write(t, filepath.Join(src, "server.js"), "serve()", 0o644)
			want := mustCopy().Source.Digest
			write(t, filepath.Join(src, "dist", detect.UnfinishedPrefix+"X"), "half", 0o644)
			write(t, filepath.Join(src, detect.UnfinishedPrefix+"X"), "half", 0o644)
			if copied := mustCopy(); copied.Files != 1 {
				t.Errorf("copied %d files", copied.Files)
			}
			if err := os.RemoveAll(filepath.Join(src, "dist")); err != nil {
				t.Fatal(err)
			}
			if got := mustCopy().Source.Digest; got != want {
				t.Errorf("digest %s, expected %s", got, want)
			}
		})
	})

	when("the tree is in order", func() {
		it.Before(func() {
			write(t, filepath.Join(src, "server.js"), "serve()", 0o640)
			write(t, filepath.Join(src, "bin/run"), "#!/bin/sh", 0o700)
			write(t, filepath.Join(src, ".git/config"), "secret", 0o600)
			symlink(t, "server.js", filepath.Join(src, "main.js"))
		})

		it("is copied with the modes that git knows, without version control", func() {
			copied := mustCopy()
			want := map[string]string{
				".": "drwxr-xr-x", "bin": "drwxr-xr-x", "bin/run": "-rwxr-xr-x #!/bin/sh",
				"main.js": "Lrwxrwxrwx server.js", "server.js": "-rw-r--r-- serve()",
			}
			if diff := cmp.Diff(want, listing(t, dst)); diff != "" {
				t.Errorf("copy (-expected +got):\n%s", diff)
			}
			if copied.Files != 2 || copied.Written != 2 || copied.Bytes != 16 {
				t.Errorf("counted %+v", copied)
			}
		})

		it("has one digest wherever and whenever it was checked out", func() {
			first := mustCopy().Source.Digest
			other := filepath.Join(t.TempDir(), "elsewhere")
			write(t, filepath.Join(other, "server.js"), "serve()", 0o600)
			write(t, filepath.Join(other, "bin/run"), "#!/bin/sh", 0o755)
			symlink(t, "server.js", filepath.Join(other, "main.js"))
			old := time.Unix(1e9, 0)
			if err := os.Chtimes(filepath.Join(other, "server.js"), old, old); err != nil {
				t.Fatal(err)
			}
			src = other
			if second := mustCopy().Source.Digest; first != second || !strings.HasPrefix(first, "sha256:") {
				t.Errorf("digests %s and %s", first, second)
			}
		})

		it("is not written again when nothing changed", func() {
			first := mustCopy()
			before := stat(t, filepath.Join(dst, "server.js"))
			second := mustCopy()
			if second.Written != 0 || second.Source != first.Source {
				t.Errorf("second copy: %+v", second)
			}
			if after := stat(t, filepath.Join(dst, "server.js")); !os.SameFile(before, after) || before.ModTime() != after.ModTime() {
				t.Error("the file was touched")
			}
		})

		it("comes back pristine after a build changed the copy", func() {
			mustCopy()
			want := listing(t, dst)
			digest := mustCopy().Source.Digest
			write(t, filepath.Join(dst, "server.js"), "tampered", 0o644)
			write(t, filepath.Join(dst, "dist/out.js"), "built", 0o644)
			mkdir(t, filepath.Join(dst, ".slugc/layers"))
			if err := os.Remove(filepath.Join(dst, "main.js")); err != nil {
				t.Fatal(err)
			}
			symlink(t, "/nowhere", filepath.Join(dst, "main.js"))
			if err := os.Chmod(filepath.Join(dst, "bin"), 0); err != nil {
				t.Fatal(err)
			}
			copied := mustCopy()
			got := listing(t, dst)
			delete(got, ".slugc")
			delete(got, ".slugc/layers")
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("copy (-expected +got):\n%s", diff)
			}
			if copied.Source.Digest != digest {
				t.Error("the digest changed")
			}
			if _, err := os.Stat(filepath.Join(dst, ".slugc/layers")); err != nil {
				t.Errorf("what was to be kept is gone: %v", err)
			}
		})

		it("keeps a file that a build moved away and back", func() {
			mustCopy()
			file := filepath.Join(dst, "server.js")
			for _, move := range [][2]string{{file, file + ".away"}, {file + ".away", file}} {
				if err := os.Rename(move[0], move[1]); err != nil {
					t.Fatal(err)
				}
			}
			if second := mustCopy(); second.Written != 0 {
				t.Errorf("second copy: %+v", second)
			}
		})

		it("follows an edit, a removal and a change of kind", func() {
			mustCopy()
			write(t, filepath.Join(src, "server.js"), "serve(2)", 0o644)
			if err := os.RemoveAll(filepath.Join(src, "bin")); err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(src, "bin"), "now a file", 0o644)
			copied := mustCopy()
			want := map[string]string{
				".": "drwxr-xr-x", "bin": "-rw-r--r-- now a file",
				"main.js": "Lrwxrwxrwx server.js", "server.js": "-rw-r--r-- serve(2)",
			}
			if diff := cmp.Diff(want, listing(t, dst)); diff != "" {
				t.Errorf("copy (-expected +got):\n%s", diff)
			}
			if copied.Written != 2 {
				t.Errorf("wrote %d files", copied.Written)
			}
		})

		it("survives a damaged state file", func() {
			first := mustCopy()
			write(t, state, "not what it was", 0o600)
			if second := mustCopy(); second.Source != first.Source {
				t.Errorf("second copy: %+v", second)
			}
		})

		it("names the commit that is checked out", func() {
			id := strings.Repeat("0123456789", 4)
			write(t, filepath.Join(src, ".git/HEAD"), "ref: refs/heads/main\n", 0o644)
			write(t, filepath.Join(src, ".git/packed-refs"), "# pack-refs\n"+id+" refs/heads/main\n", 0o644)
			if got := mustCopy().Source.Commit; got != id {
				t.Errorf("commit %q", got)
			}
		})

		it("stops when it is cancelled", func() {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			source, err := detect.Open(src)
			if err != nil {
				t.Fatal(err)
			}
			if _, err = source.CopyTo(ctx, detect.Copy{Dir: dst, State: state, UID: -1, GID: -1}); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
		})
	})

	when("names are odd", func() {
		it("keeps newlines, invalid UTF-8 and hard links", func() {
			write(t, filepath.Join(src, "two\nlines"), "a", 0o644)
			write(t, filepath.Join(src, "\xff\xfe"), "b", 0o644)
			if err := os.Link(filepath.Join(src, "two\nlines"), filepath.Join(src, "link")); err != nil {
				t.Fatal(err)
			}
			mustCopy()
			want := map[string]string{
				".": "drwxr-xr-x", "two\nlines": "-rw-r--r-- a", "\xff\xfe": "-rw-r--r-- b", "link": "-rw-r--r-- a",
			}
			if diff := cmp.Diff(want, listing(t, dst)); diff != "" {
				t.Errorf("copy (-expected +got):\n%s", diff)
			}
		})

		it("warns of links into the machine", func() {
			write(t, filepath.Join(src, "file"), "", 0o644)
			symlink(t, "/dev/stdout", filepath.Join(src, "log"))
			copied := mustCopy()
			if len(copied.Warnings) != 1 || !strings.Contains(copied.Warnings[0], "log is a link to /dev/stdout") {
				t.Errorf("warnings: %q", copied.Warnings)
			}
		})
	})

	when("the tree cannot be built from", func() {
		for _, tt := range []struct {
			name    string
			make    func(t *testing.T, src string)
			problem string
		}{
			{"empty", func(*testing.T, string) {}, "the directory is empty"},
			{"only version control", func(t *testing.T, src string) { write(t, filepath.Join(src, ".git/HEAD"), "x", 0o644) }, "the directory is empty"},
			{"link that climbs out", func(t *testing.T, src string) { symlink(t, "../../etc/passwd", filepath.Join(src, "a")) }, "a: is a link that points outside the tree, to ../../etc/passwd"},
			{"absolute link into itself", func(t *testing.T, src string) { symlink(t, filepath.Join(src, "x"), filepath.Join(src, "a")) }, "a path that only this machine has"},
			{"FIFO", func(t *testing.T, src string) {
				if err := syscall.Mkfifo(filepath.Join(src, "pipe"), 0o644); err != nil {
					t.Fatal(err)
				}
			}, "pipe: is a FIFO"},
			{"socket", func(t *testing.T, src string) {
				t.Chdir(src) // socket paths are short
				l, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", "sock")
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { l.Close() })
			}, "sock: is a socket"},
			{"10 000 directories deep", func(t *testing.T, src string) { deep(t, src, 10000) }, "nested too deep"},
		} {
			it("says so: "+tt.name, func() {
				tt.make(t, src)
				_, err := copyTo()
				var bad *detect.SourceError
				if !errors.As(err, &bad) || !strings.Contains(err.Error(), tt.problem) {
					t.Fatalf("got %v, expected %q", err, tt.problem)
				}
				if _, err := os.Lstat(dst); !errors.Is(err, fs.ErrNotExist) {
					t.Error("something was copied all the same")
				}
			})
		}

		it("says so: no such directory, or a file", func() {
			for path, problem := range map[string]string{filepath.Join(src, "none"): "no such directory", os.Args[0]: "not a directory"} {
				if _, err := detect.Open(path); err == nil || !strings.Contains(err.Error(), problem) {
					t.Errorf("%s: got %v", path, err)
				}
			}
		})

		it("says so: unreadable file", func() {
			if os.Getuid() == 0 {
				t.Skip("needs an ordinary user: root reads everything")
			}
			write(t, filepath.Join(src, "locked"), "", 0)
			if _, err := copyTo(); err == nil || !strings.Contains(err.Error(), "locked: permission denied") {
				t.Errorf("got %v", err)
			}
		})
	})
}

func mkdir(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, file, text string, mode fs.FileMode) {
	t.Helper()
	mkdir(t, filepath.Dir(file))
	if err := os.WriteFile(file, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, mode); err != nil {
		t.Fatal(err)
	}
}

func symlink(t *testing.T, target, link string) {
	t.Helper()
	mkdir(t, filepath.Dir(link))
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
}

func stat(t *testing.T, path string) fs.FileInfo {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// deep makes n nested directories, which no path can name.
func deep(t *testing.T, dir string, n int) {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	for range n {
		if err := root.Mkdir("d", 0o755); err != nil {
			t.Fatal(err)
		}
		next, err := root.OpenRoot("d")
		if err != nil {
			t.Fatal(err)
		}
		if err := root.Close(); err != nil {
			t.Fatal(err)
		}
		root = next
	}
	if err := root.Close(); err != nil {
		t.Fatal(err)
	}
}

// listing is a tree as path to mode and content.
func listing(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		text := stat(t, path).Mode().String()
		switch {
		case entry.Type().IsRegular():
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			text += " " + string(data)
		case entry.Type()&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			text += " " + target
		}
		all[rel] = text
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
