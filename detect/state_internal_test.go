package detect

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func someItems() []item {
	return []item{
		{Path: "a", Mode: fs.ModeDir},
		{Path: "a/b\xff", Mode: 0o755, Size: 1 << 40, Sum: [32]byte{1, 2, 31: 3}, Source: stamp{1, 1 << 63, 1 << 40, -5, 6}, Copy: stamp{7, 8, 9, 10, 11}},
		{Path: "c", Mode: fs.ModeSymlink, Link: "a/b"},
	}
}

func TestState(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state")
	items := someItems()
	if err := writeState(file, items); err != nil {
		t.Fatal(err)
	}
	state := readState(file)
	if len(state) != len(items) || !recorded(state, items) {
		t.Errorf("got %v", state)
	}
	for i := range items {
		other := someItems()
		other[i].Copy.Ctime++
		if recorded(state, other) {
			t.Errorf("a change of %s does not show", other[i].Path)
		}
	}
	if recorded(state, items[1:]) || recorded(nil, items) {
		t.Error("it is not the state of all")
	}
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for i := range whole {
		if _, err := parseState(whole[:i]); err == nil {
			t.Errorf("the first %d of %d bytes are a state", i, len(whole))
		}
		damaged := bytes.Clone(whole)
		damaged[i] ^= 1
		if _, err := parseState(damaged); err == nil {
			t.Errorf("with another byte %d it is a state", i)
		}
	}
	if got := readState(filepath.Join(t.TempDir(), "none")); got != nil {
		t.Errorf("got %v", got)
	}
}

func FuzzParseState(f *testing.F) {
	for _, items := range [][]item{nil, someItems()} {
		f.Add(appendState(nil, items))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		items, err := parseState(sealed(body))
		if err != nil {
			return
		}
		again, err := parseState(sealed(appendState(nil, items)))
		if diff := cmp.Diff(items, again, cmp.AllowUnexported(item{}, stamp{})); err != nil || diff != "" {
			t.Errorf("%v %s", err, diff)
		}
	})
}
