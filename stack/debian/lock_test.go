package debian_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/debian"
	"github.com/slugc/slugc/stack/debian/control"
)

// image is a root filesystem of one package.
func image(arch string) debian.LockedImage {
	return debian.LockedImage{Arch: arch, Packages: []control.Package{{
		Name: "bash", Version: "5.2.37-2", Architecture: arch, Archive: "debian",
		Filename: "pool/main/b/bash/bash_5.2.37-2_" + arch + ".deb", Size: 1_500_000,
		SHA256: strings.Repeat("0a", 32), InstalledSize: 7 << 20,
	}}}
}

func lockText(t *testing.T, lock debian.Lock) string {
	t.Helper()
	text, err := lock.Text()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func lockFile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), debian.LockFile)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestLockComesBack(t *testing.T) {
	want := debian.NewLock("slugc-13", stack.Run, image("amd64"), image("arm64"))
	got, err := debian.ReadLock(lockFile(t, lockText(t, want)))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if lockText(t, got) != lockText(t, want) {
		t.Error("equal locks have different texts")
	}
}

func TestReadLockRefuses(t *testing.T) {
	whole := lockText(t, debian.NewLock("slugc-13", stack.Run, image("amd64")))
	twice := lockText(t, debian.NewLock("slugc-13", stack.Run, image("amd64"), image("amd64")))
	for want, text := range map[string]string{
		"schema 2: this version of slugc reads 1":             strings.Replace(whole, "schema = 1", "schema = 2", 1),
		"unknown key colour":                                  "colour = \"red\"\n" + whole,
		"expected the names of a stack and a variant":         strings.Replace(whole, `"slugc-13"`, `""`, 1),
		"image 2: arch is \"amd64\", expected one of its own": twice,
		"image amd64: expected packages, has none":            whole[:strings.Index(whole, "[[image.package]]")],
		"image arm64, package 1: bash is for amd64":           strings.Replace(whole, `arch = "amd64"`, `arch = "arm64"`, 1),
		"image amd64, package 2: bash is there twice":         whole + whole[strings.Index(whole, "[[image.package]]"):],
		"expected a file of at most":                          strings.Repeat("#", 20<<20),
		"image amd64, package 1: ":                            strings.Replace(whole, "pool/main", "../../etc", 1),
		"image amd64, package 1: the package bash: SHA256 is": strings.Replace(whole, "0a0a", "zzzz", 1),
		"toml: ": "schema = ",
	} {
		file := lockFile(t, text)
		_, err := debian.ReadLock(file)
		if failed, ok := errors.AsType[*debian.LockError](err); !ok || failed.File != file || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	for _, file := range []string{t.TempDir(), os.DevNull} {
		if _, err := debian.ReadLock(file); err == nil || !strings.Contains(err.Error(), "the lock "+file+": expected a file") {
			t.Errorf("got %v of %s", err, file)
		}
	}
	if _, err := debian.ReadLock(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

// Equal digests have to mean equal bytes, wherever the packages came from.
func TestDigest(t *testing.T) {
	d, err := stack.Find("slugc-13")
	if err != nil {
		t.Fatal(err)
	}
	of := func(i debian.LockedImage, variant string, change func(*stack.Definition)) string {
		t.Helper()
		d := d
		change(&d)
		digest, err := i.Digest(d, variant)
		if err != nil {
			t.Fatal(err)
		}
		return digest
	}
	same := func(*stack.Definition) {}
	first := of(image("amd64"), stack.Run, same)
	moved := image("amd64")
	moved.Packages[0].Archive, moved.Packages[0].Filename = "debian-security", "pool/updates/bash.deb"
	if of(moved, stack.Run, same) != first {
		t.Error("another place of a package gives another digest")
	}
	other := image("amd64")
	other.Packages[0].SHA256 = strings.Repeat("0b", 32)
	for name, digest := range map[string]string{
		"package":      of(other, stack.Run, same),
		"architecture": of(image("arm64"), stack.Run, same),
		"variant":      of(image("amd64"), stack.Build, same),
		"user":         of(image("amd64"), stack.Run, func(d *stack.Definition) { d.User.UID++ }),
	} {
		if digest == first {
			t.Errorf("another %s gives the same digest", name)
		}
	}
}
