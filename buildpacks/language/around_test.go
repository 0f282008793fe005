package language_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/buildpacks/language/layer"
)

func TestAddAround(t *testing.T) {
	source := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		file := filepath.Join(source, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	sum := func(app, root string) string {
		t.Helper()
		b := language.Build{App: filepath.Join(source, app), Env: map[string]string{}}
		if root != "" {
			b.Env[language.SourceVariable] = root
		}
		var k layer.Key
		if err := b.AddAround(&k); err != nil {
			t.Fatal(err)
		}
		return k.Sum()
	}
	write("pom.xml", "parent")
	write("web/pom.xml", "app")
	write("lib/a.java", "sibling")
	var none layer.Key
	if sum("web", "") != none.Sum() || sum("", source) != none.Sum() {
		t.Error("an app that is the source has something around it")
	}
	first := sum("web", source)
	for _, name := range []string{"web/pom.xml", "web/new", ".git/HEAD", ".slugc/layers/x", "lib/node_modules/x"} {
		write(name, "changed")
		if sum("web", source) != first {
			t.Errorf("%s counts", name)
		}
	}
	for _, name := range []string{"pom.xml", "lib/a.java", "lib/b.java"} {
		before := sum("web", source)
		write(name, "changed")
		if sum("web", source) == before {
			t.Errorf("%s does not count", name)
		}
	}
}
