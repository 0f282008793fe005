package flock_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/slugc/slugc/stack/flock"
)

func TestLockWaits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	first, err := flock.Lock(t.Context(), path, func() { t.Error("waited for nobody") })
	if err != nil {
		t.Fatal(err)
	}
	waited := 0
	second, err := flock.Lock(t.Context(), path, func() {
		waited++
		if err := first.Close(); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if waited != 1 {
		t.Errorf("said %d times that it waits", waited)
	}
}

func TestLockEndsWithItsContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	first, err := flock.Lock(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := flock.Lock(ctx, path, cancel); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestShare(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	open := func() *os.File {
		t.Helper()
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	one, two, third := open(), open(), open()
	if err := errors.Join(flock.Share(one), flock.Share(two)); err != nil {
		t.Fatal(err)
	}
	if locked, err := flock.Try(third); locked || err != nil {
		t.Errorf("locked what two share: %v, %v", locked, err)
	}
	if flock.Held(path) {
		t.Error("what is shared counts as held")
	}
	if err := errors.Join(one.Close(), two.Close()); err != nil {
		t.Fatal(err)
	}
	if locked, err := flock.Try(third); !locked || err != nil {
		t.Errorf("did not lock what nobody shares: %v, %v", locked, err)
	}
	if !flock.Held(path) {
		t.Error("what is locked does not count as held")
	}
}

func TestNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	f, err := flock.Lock(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if !flock.Named(f, path) {
		t.Error("a file lost its name")
	}
	if err := os.Rename(path, path+"-old"); err != nil {
		t.Fatal(err)
	}
	if flock.Named(f, path) {
		t.Error("a name that is gone is still that of the file")
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if flock.Named(f, path) {
		t.Error("the name of another file is still that of the file")
	}
}
