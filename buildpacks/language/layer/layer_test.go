package layer_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language/layer"
)

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// record writes what a lifecycle keeps of a layer.
func record(t *testing.T, l libcnb.Layer) {
	t.Helper()
	f, err := os.Create(l.Path + ".toml")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(toml.NewEncoder(f).Encode(l), f.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestSlot(t *testing.T) {
	layers := libcnb.Layers{Path: t.TempDir()}
	types := libcnb.LayerTypes{Cache: true, Launch: true}
	inputs := map[string]string{"version": "1.2.3", "key": "a"}
	open := func(layout string) layer.Slot {
		t.Helper()
		s, err := layer.Open(layers, "tool", types, layout)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	says := func(s layer.Slot, inputs map[string]string, want string) {
		t.Helper()
		if kept, why := s.Keeps(inputs); kept != (want == "") || why != want {
			t.Errorf("kept is %t, because %q", kept, why)
		}
	}

	s := open("1")
	says(s, inputs, "not in the cache")
	l := s.Describe(inputs, map[string]string{"asked": "anything"})
	if l.LayerTypes != types {
		t.Errorf("got %+v", l.LayerTypes)
	}
	record(t, l)
	says(open("1"), inputs, "the cache has lost it")
	write(t, filepath.Join(l.Path, "file"), "text")
	says(open("1"), inputs, "")
	says(open("2"), inputs, "made by another version of slugc")
	says(open("1"), map[string]string{"version": "2.0.0", "key": "b"}, "the cache has 1.2.3")
	says(open("1"), map[string]string{"version": "1.2.3", "key": "b"}, "key changed")
	says(open("1"), map[string]string{"version": "1.2.3", "key": "a", "parts": "dev"}, "parts changed")
	if old := open("1").Old["asked"]; old != "anything" {
		t.Errorf("the note is %q", old)
	}
	// Layer types are never restored, so the record has none until they are said.
	if s := open("1"); s.Layer.LayerTypes != types {
		t.Errorf("got %+v", s.Layer.LayerTypes)
	}
}

func TestKey(t *testing.T) {
	dir := t.TempDir()
	sum := func(parts ...string) string {
		var k layer.Key
		for i := 0; i < len(parts); i += 2 {
			k.Add(parts[i], parts[i+1])
		}
		if err := k.AddTree(dir, "tree"); err != nil {
			t.Fatal(err)
		}
		return k.Sum()
	}
	if sum("a", "bc") == sum("ab", "c") || sum("a", "b", "c", "d") == sum("c", "d", "a", "b") {
		t.Error("different parts have one sum")
	}
	seen := map[string]string{sum(): "nothing"}
	different := func(what string) {
		t.Helper()
		if same := seen[sum()]; same != "" {
			t.Errorf("%s is the same as %s", what, same)
		}
		seen[sum()] = what
	}
	write(t, filepath.Join(dir, "tree", "a"), "text")
	different("a file")
	write(t, filepath.Join(dir, "tree", "a"), "other")
	different("another text")
	if err := os.Rename(filepath.Join(dir, "tree", "a"), filepath.Join(dir, "tree", "b")); err != nil {
		t.Fatal(err)
	}
	different("another name")
	if err := os.Symlink("b", filepath.Join(dir, "tree", "c")); err != nil {
		t.Fatal(err)
	}
	different("a link")
	if before := sum(); before != sum() {
		t.Error("one tree has two sums")
	}
}

func TestScratch(t *testing.T) {
	layers := t.TempDir()
	write(t, filepath.Join(layers, ".scratch", "left", "by"), "a build that was killed")
	s, err := layer.NewScratch(layers)
	if err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(s.Dir); err != nil || len(entries) > 0 {
		t.Fatalf("it has %v, %v", entries, err)
	}
	home := filepath.Join(layers, "tool")
	write(t, filepath.Join(home, "old"), "")
	write(t, filepath.Join(s.Path("fresh"), "new"), "")
	if err := s.Replace(home, "lib", s.Path("fresh")); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(home, "lib", "new")); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(home, "old")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what was there stays: %v", err)
	}
	if err := s.Discard(filepath.Join(layers, "missing")); err != nil {
		t.Error(err)
	}

	given := t.TempDir()
	if got, err := s.Home(given); err != nil || got != given {
		t.Errorf("got %s, %v", got, err)
	}
	if entries, err := os.ReadDir(given); err != nil || len(entries) > 0 {
		t.Errorf("it leaves %v, %v", entries, err)
	}
	for range 2 {
		got, err := s.Home(filepath.Join(given, "missing"))
		if err != nil || got != s.Path("home") {
			t.Errorf("got %s, %v", got, err)
		}
	}

	// The go command takes the right to write from the directories of modules.
	locked := filepath.Join(s.Dir, "mod")
	write(t, filepath.Join(locked, "inner", "file"), "")
	for _, dir := range []string{filepath.Join(locked, "inner"), locked} {
		if err := os.Chmod(dir, 0o555); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(s.Dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
}

func TestWriteBeside(t *testing.T) {
	file := filepath.Join(t.TempDir(), "dir", "file")
	for _, text := range []string{"one", "two"} {
		if err := layer.WriteBeside(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(file); err != nil || string(got) != text {
			t.Errorf("got %q, %v", got, err)
		}
	}
	if entries, err := os.ReadDir(filepath.Dir(file)); err != nil || len(entries) != 1 {
		t.Errorf("it leaves %v, %v", entries, err)
	}
}
