package base_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sclevine/spec"
	"golang.org/x/sys/unix"

	"github.com/slugc/slugc/build/base"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/debian"
)

func isClosed(err error) bool { return errors.Is(err, os.ErrClosed) }

func TestStore(t *testing.T) { spec.Run(t, "Store", testStore) }

func testStore(t *testing.T, _ spec.G, it spec.S) {
	var m *maker
	var s base.Store
	it.Before(func() {
		m = &maker{version: "1.0"}
		s = aStore(t, m)
	})

	// place is where the run variant is.
	place := func() string { return filepath.Join(s.Dir, "slugc-13", "amd64", stack.Run) }
	left := func() []string {
		entries, err := os.ReadDir(place())
		must(t, err)
		var names []string
		for _, entry := range entries {
			names = append(names, entry.Name())
		}
		return names
	}

	it("has nothing at first", func() {
		if _, found := find(t, s); found {
			t.Error("found a stack in an empty store")
		}
		if all, err := s.List(t.Context()); err != nil || len(all) != 0 {
			t.Errorf("listed %v, %v", all, err)
		}
	})

	it("makes a stack once", func() {
		var said []string
		s.Making = func(id, variant, arch string) { said = append(said, id+" "+variant+" "+arch) }
		first, err := s.Ensure(t.Context(), "slugc-13", stack.Run, "amd64")
		must(t, err)
		defer closed(t, first)
		second, err := s.Ensure(t.Context(), "slugc-13", stack.Run, "amd64")
		must(t, err)
		defer closed(t, second)
		if diff := cmp.Diff([]string{"slugc-13 run amd64"}, said); diff != "" {
			t.Error(diff)
		}
		again := create(t, s)
		if m.made.Load() != 1 || second.Root != first.Root || again.Root != first.Root {
			t.Errorf("made %d times: %s, %s, %s", m.made.Load(), first.Root, second.Root, again.Root)
		}
		if text, err := os.ReadFile(filepath.Join(first.Root, "usr/bin/run")); err != nil || string(text) != "amd64" {
			t.Errorf("the root filesystem has %q, %v", text, err)
		}
		if got := first.Stack(); got.ID != "slugc-13" || got.Root != first.Root || got.Target.DistroVersion != "13" || got.Target.Arch != "amd64" {
			t.Errorf("as a stack: %+v", got)
		}
		if time.Since(first.Made) > time.Minute || len(first.Lock.Packages) != 1 || !strings.HasPrefix(first.Digest, "sha256:") {
			t.Errorf("%+v", first)
		}
	})

	it("can be read by another user", func() {
		made := create(t, s)
		for dir := made.Root; dir != filepath.Dir(s.Dir); dir = filepath.Dir(dir) {
			info, err := os.Stat(dir)
			must(t, err)
			if info.Mode().Perm()&0o005 != 0o005 {
				t.Errorf("%s has the mode %v", dir, info.Mode())
			}
		}
	})

	it("replaces a stack and removes the old one when nobody uses it any more", func() {
		old := create(t, s)
		m.version = "2.0"
		next := create(t, s)
		if text, err := os.ReadFile(filepath.Join(old.Root, "usr/bin/expiry")); err != nil || string(text) != "1.0" {
			t.Fatalf("the stack that is in use has changed: %q, %v", text, err)
		}
		if now, found := find(t, s); !found || now.Root != next.Root {
			t.Errorf("found %s, want %s", now.Root, next.Root)
		}
		all, err := s.List(t.Context())
		must(t, err)
		if len(all) != 2 || all[0].Superseded || !all[1].Superseded || all[1].Digest != old.Digest {
			t.Errorf("listed %+v", all)
		}
		must(t, old.Close())
		create(t, s)
		if exists(old.Dir) || !exists(next.Root) {
			t.Error("the old stack is still there, or the new one is gone")
		}
		if diff := cmp.Diff([]string{"current", "lock", "made"}, left()); diff != "" {
			t.Error(diff)
		}
	})

	it("makes a stack of a lock", func() {
		made := create(t, s)
		lock := debian.NewLock("slugc-13", stack.Run, made.Lock)
		m.version = "2.0"
		create(t, s)
		r := request()
		r.Lock = &lock
		pinned, err := s.Create(t.Context(), r)
		must(t, err)
		defer closed(t, pinned)
		if pinned.Digest != made.Digest {
			t.Errorf("made %s of the lock of %s", pinned.Digest, made.Digest)
		}
		r.Variant = stack.Build
		if _, err := s.Create(t.Context(), r); err == nil || !strings.Contains(err.Error(), "the lock is for slugc-13 (run)") {
			t.Errorf("got %v", err)
		}
		r.Variant, r.Arch = stack.Run, "arm64"
		if _, err := s.Create(t.Context(), r); err == nil || !strings.Contains(err.Error(), "no image for arm64") {
			t.Errorf("got %v", err)
		}
	})

	it("leaves nothing that counts when making is interrupted", func() {
		ctx, cancel := context.WithCancel(t.Context())
		m.before = func(string) error { cancel(); return nil }
		if _, err := s.Create(ctx, request()); !errors.Is(err, context.Canceled) {
			t.Fatalf("got %v", err)
		}
		if _, found := find(t, s); found {
			t.Error("half a stack counts")
		}
		if diff := cmp.Diff([]string{"lock", "made"}, left()); diff != "" {
			t.Error(diff)
		}
	})

	it("sweeps what one who was killed left", func() {
		must(t, os.MkdirAll(filepath.Join(place(), "new-killed", "root", "usr"), 0o755))
		must(t, os.MkdirAll(filepath.Join(place(), "old-killed", "0123", "root"), 0o755))
		create(t, s)
		if diff := cmp.Diff([]string{"current", "lock", "made"}, left()); diff != "" {
			t.Error(diff)
		}
	})

	it("moves nothing that lies elsewhere", func() {
		elsewhere := filepath.Join(t.TempDir(), "elsewhere")
		must(t, os.MkdirAll(filepath.Join(elsewhere, "precious"), 0o755))
		must(t, os.MkdirAll(place(), 0o755))
		must(t, os.Symlink(elsewhere, filepath.Join(place(), "made")))
		if _, err := s.Create(t.Context(), request()); err == nil || !strings.Contains(err.Error(), "made is a link; expected a directory") {
			t.Errorf("got %v", err)
		}
		if !exists(filepath.Join(elsewhere, "precious")) {
			t.Error("what lies elsewhere is gone")
		}
	})

	it("can be listed and measured while it is removed", func() {
		made := create(t, s)
		must(t, made.Close())
		var gone sync.WaitGroup
		gone.Go(func() {
			if err := os.RemoveAll(made.Dir); err != nil {
				t.Error(err)
			}
		})
		for range 50 {
			_, err := made.Usage(t.Context())
			must(t, err)
		}
		gone.Wait()
		if size, err := made.Usage(t.Context()); size != 0 || err != nil {
			t.Errorf("%d bytes, %v", size, err)
		}
	})

	it("can be listed and measured by who may not look at all of it", func() {
		made := create(t, s)
		must(t, os.Chmod(filepath.Dir(filepath.Dir(s.Dir)), 0o755))
		closedTo := filepath.Join(made.Root, "etc")
		must(t, os.Chmod(closedTo, 0))
		defer func() { must(t, os.Chmod(closedTo, 0o755)) }()
		unprivileged(t, func() {
			all, err := s.List(t.Context())
			must(t, err)
			size, err := all[0].Usage(t.Context())
			if err != nil || size == 0 {
				t.Errorf("%d bytes, %v", size, err)
			}
		})
	})

	it("says which stack cannot be made", func() {
		m.before = func(string) error { return errors.New("the disk is on fire") }
		_, err := s.Create(t.Context(), request())
		if err == nil || err.Error() != "making the stack slugc-13 (run, amd64): the disk is on fire" {
			t.Errorf("got %v", err)
		}
	})

	for name, damage := range map[string]func(made base.Made) error{
		"whose lock is gone":      func(made base.Made) error { return os.Remove(filepath.Join(made.Dir, debian.LockFile)) },
		"whose root is gone":      func(made base.Made) error { return os.Rename(made.Root, made.Root+"-elsewhere") },
		"whose lock is another's": func(made base.Made) error { return os.WriteFile(filepath.Join(made.Dir, debian.LockFile), nil, 0o600) },
		"whose lease is gone":     func(made base.Made) error { return os.Remove(filepath.Join(made.Dir, "lease")) },
		"whose attributes are gone": func(made base.Made) error {
			return os.Remove(filepath.Join(made.Dir, "attributes.json"))
		},
		"whose attributes are cut off": func(made base.Made) error {
			return os.Truncate(filepath.Join(made.Dir, "attributes.json"), 10)
		},
		"that nothing points to": func(base.Made) error {
			return os.WriteFile(filepath.Join(place(), "current"), []byte("../../x"), 0o600)
		},
	} {
		it("makes a stack anew "+name, func() {
			warned := 0
			s.Warn = func(error) { warned++ }
			made := create(t, s)
			must(t, made.Close())
			must(t, damage(made))
			again, err := s.Ensure(t.Context(), "slugc-13", stack.Run, "amd64")
			must(t, err)
			defer closed(t, again)
			if warned != 1 || again.Digest != made.Digest || !exists(filepath.Join(again.Root, "etc/os-release")) {
				t.Errorf("warned %d times, made %+v", warned, again)
			}
		})
	}

	it("is made by one process at a time, for all that want it", func() {
		var waited sync.WaitGroup
		waited.Add(1)
		var once sync.Once
		// The first does not finish before another one waits for it.
		m.before = func(string) error { waited.Wait(); return nil }
		s.Waiting = func() { once.Do(waited.Done) }
		var all sync.WaitGroup
		roots := make([]string, 4)
		for i := range roots {
			all.Go(func() {
				made, err := s.Ensure(t.Context(), "slugc-13", stack.Run, "amd64")
				if err != nil {
					t.Error(err)
					return
				}
				roots[i] = made.Root
				closed(t, made)
			})
		}
		all.Wait()
		if m.made.Load() != 1 || roots[0] == "" || roots[1] != roots[0] || roots[3] != roots[0] {
			t.Errorf("made %d times: %v", m.made.Load(), roots)
		}
	})

	it("never takes a stack from who just found it", func() {
		m.version = "0"
		must(t, create(t, s).Close())
		stop := make(chan struct{})
		var all sync.WaitGroup
		all.Go(func() {
			defer close(stop)
			for _, version := range strings.Split("1 2 3 4 5 6 7 8 9 10 11 12", " ") {
				other := base.Store{Dir: s.Dir, Maker: &maker{version: version}, Warn: s.Warn}
				made, err := other.Create(t.Context(), request())
				if err != nil {
					t.Error(err)
					return
				}
				closed(t, made)
			}
		})
		for range 2 {
			all.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					made, found, err := s.Find("slugc-13", stack.Run, "amd64")
					if err != nil || !found {
						t.Errorf("found %v, %v", found, err)
						return
					}
					if !exists(filepath.Join(made.Root, "etc/os-release")) {
						t.Errorf("%s is not whole", made.Root)
					}
					closed(t, made)
				}
			})
		}
		all.Wait()
	})

	it("stops waiting when it is told to", func() {
		ctx, cancel := context.WithCancel(t.Context())
		s.Waiting = cancel
		m.before = func(string) error {
			_, err := s.Create(ctx, request())
			if !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
			return nil
		}
		create(t, s)
	})

	for name, r := range map[string]base.Request{
		"there is no stack slugc-1;":                                {ID: "slugc-1", Variant: "run", Arch: "amd64"},
		"the stack slugc-13 has no variant x; it has build, run":    {ID: "slugc-13", Variant: "x", Arch: "amd64"},
		"the stack slugc-13 has no architecture ../x; it has amd64": {ID: "slugc-13", Variant: "run", Arch: "../x"},
	} {
		it("refuses a request: "+name, func() {
			if _, err := s.Create(t.Context(), r); err == nil || !strings.HasPrefix(err.Error(), name) {
				t.Errorf("got %v", err)
			}
			if _, _, err := s.Find(r.ID, r.Variant, r.Arch); err == nil || !strings.HasPrefix(err.Error(), name) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// unprivileged does something as a user without rights.
func unprivileged(t *testing.T, do func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		do()
		return
	}
	// The rights to files are those of the thread (setfsuid(2)).
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	must(t, unix.Setfsuid(61001))
	defer func() { must(t, unix.Setfsuid(0)) }()
	do()
}
