package main

import (
	"cmp"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/slugc/slugc/build/base"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/debian"
	"github.com/slugc/slugc/stack/debian/control"
)

// smallMaker makes root filesystems of a file or two, of one package.
type smallMaker struct{ version string }

func (m smallMaker) Resolve(_ context.Context, _ stack.Definition, _, arch string) (debian.LockedImage, error) {
	return debian.LockedImage{Arch: arch, Packages: []control.Package{{
		Name: "base-files", Version: m.version, Architecture: arch, Archive: "debian", Filename: "pool/base-files.deb",
		Size: 1, SHA256: strings.Repeat("0", 63) + m.version, InstalledSize: 340 << 10,
	}}}, nil
}

func (smallMaker) Make(_ context.Context, _ stack.Definition, _ string, image debian.LockedImage, dir string) (stack.Attributes, error) {
	p := image.Packages[0]
	status := filepath.Join(dir, "var/lib/dpkg/status.d")
	if err := os.MkdirAll(status, 0o755); err != nil {
		return nil, err
	}
	text := "Package: " + p.Name + "\nVersion: " + p.Version + "\nArchitecture: " + p.Architecture + "\nInstalled-Size: 340\n"
	return stack.Attributes{"var/lib": {GID: 42, Mode: 0o755 | fs.ModeSetgid}}, os.WriteFile(filepath.Join(status, p.Name), []byte(text), 0o644)
}

// makeStack is "mkstack ID VARIANT ARCH[,ARCH] VERSION [LOCK]" in scripts: it
// puts a stack of one package into the store, and its lock into a file.
func makeStack(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 4 {
		ts.Fatalf("usage: mkstack ID VARIANT ARCH[,ARCH] VERSION [LOCK]")
	}
	home := cmp.Or(ts.Getenv("SLUGC_HOME"), filepath.Join(ts.Getenv("HOME"), ".local/share/slugc"))
	store := base.Store{Dir: filepath.Join(home, "stacks"), Maker: smallMaker{args[3]}}
	var all []base.Made
	for arch := range strings.SplitSeq(args[2], ",") {
		made, err := store.Create(context.Background(), base.Request{ID: args[0], Variant: args[1], Arch: arch})
		ts.Check(err)
		ts.Check(made.Close())
		all = append(all, made)
	}
	if len(args) > 4 {
		ts.Check(writeLock(ts.MkAbs(args[4]), all))
	}
}

func TestWriteLock(t *testing.T) {
	store := base.Store{Dir: t.TempDir(), Maker: smallMaker{"1"}}
	var all []base.Made
	var want []debian.LockedImage
	for _, arch := range []string{"amd64", "arm64"} {
		made, err := store.Create(t.Context(), base.Request{ID: "slugc-13", Variant: stack.Run, Arch: arch})
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := made.Close(); err != nil {
				t.Error(err)
			}
		}()
		all = append(all, made)
		want = append(want, made.Lock)
	}
	file := filepath.Join(t.TempDir(), "stack.lock.toml")
	if err := writeLock(file, all); err != nil {
		t.Fatal(err)
	}
	lock, err := debian.ReadLock(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(debian.NewLock("slugc-13", stack.Run, want...), lock); diff != "" {
		t.Error(diff)
	}
}
