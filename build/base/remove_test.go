package base_test

import (
	"testing"

	"github.com/slugc/slugc/build/base"
	"github.com/slugc/slugc/stack"
)

func TestRemove(t *testing.T) {
	s := aStore(t, &maker{version: "1"})
	remove := func() base.Removal {
		t.Helper()
		r, err := s.Remove(t.Context(), "slugc-13", stack.Run, "amd64")
		must(t, err)
		return r
	}
	if r := remove(); len(r.Gone)+len(r.InUse) > 0 {
		t.Errorf("of nothing it removed %+v", r)
	}

	old, err := s.Create(t.Context(), request())
	must(t, err)
	s.Maker = &maker{version: "2"}
	current, err := s.Create(t.Context(), request())
	must(t, err)
	if r := remove(); len(r.InUse) != 2 || len(r.Gone) > 0 || r.Freed != 0 {
		t.Errorf("of two in use: %+v", r)
	}
	if _, found := find(t, s); !found || !exists(old.Root) || !exists(current.Root) {
		t.Error("what is in use was removed")
	}
}

func TestRemoveUnused(t *testing.T) {
	s := aStore(t, &maker{version: "1"})
	m, err := s.Create(t.Context(), request())
	must(t, err)
	must(t, m.Close())
	r, err := s.Remove(t.Context(), "slugc-13", stack.Run, "amd64")
	must(t, err)
	if len(r.Gone) != 1 || r.Gone[0].Digest != m.Digest || len(r.InUse) > 0 || r.Freed == 0 {
		t.Errorf("removed %+v", r)
	}
	if _, found := find(t, s); found || exists(m.Dir) {
		t.Error("it is still there")
	}
	again, err := s.Ensure(t.Context(), "slugc-13", stack.Run, "amd64")
	must(t, err)
	defer closed(t, again)
	if again.Digest != m.Digest || !exists(again.Root) {
		t.Errorf("made again it is %s", again.Digest)
	}
	if _, err := s.Remove(t.Context(), "slugc-13", "none", "amd64"); err == nil {
		t.Error("a variant that there is not was removed")
	}
}
