package runtime_test

import (
	"strings"
	"testing"

	"github.com/slugc/slugc/buildpacks/runtime"
)

func TestCatalogueThatIsNone(t *testing.T) {
	const head = "[x]\ntitle = \"X\"\ndialect = \"npm\"\n"
	for name, test := range map[string]struct{ text, want string }{
		"no TOML":          {"[", "reading the catalogue of runtimes"},
		"unknown key":      {head + "colour = 1\n", "unknown key x.colour"},
		"dialect":          {"[x]\ndialect = \"perl\"\n", `x: the dialect "perl"`},
		"default":          {head + "default = \"newest please\"\n", "does not say which versions"},
		"channel":          {head + "channels = { lts = \"~\" }\n", "does not say which versions"},
		"kind":             {head + "[[x.source]]\nkind = \"ftp\"\n", `"ftp" is no kind of source`},
		"package":          {head + "[[x.source]]\nkind = \"npm\"\n", "names no package"},
		"module's version": {head + "[[x.source]]\nkind = \"module\"\nmodule = \"m.test\"\nversion = \"v1\"\n", "no version with {version}"},
		"step":             {head + "[[x.source]]\nkind = \"debian\"\npackage = \"x\"\nsteps = [\"dance\"]\n", "expected one of composer, java-certificates, php-library, php-modules"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := runtime.ParseCatalogue(test.text); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestCatalogueWith(t *testing.T) {
	builtin, err := runtime.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	mine, err := runtime.ParseCatalogue("[bun]\ntitle = \"Bun\"\ndialect = \"npm\"\n[[bun.source]]\nkind = \"npm\"\npackage = \"@mine/bun-{cpu}\"\n")
	if err != nil {
		t.Fatal(err)
	}
	both := builtin.With(mine)
	if both["bun"].Title != "Bun" || both["node"].Title != "Node.js" {
		t.Errorf("got %v", both)
	}
	if _, found := builtin["bun"]; found {
		t.Error("the builtin catalogue was changed")
	}
}

func TestChannels(t *testing.T) {
	c, err := runtime.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"LTS", "lts/*", " lts "} {
		lts, err := c.Constraint("node", text)
		if err != nil || lts.Allows("25.0.0") || lts.String() != strings.TrimSpace(text) {
			t.Errorf("%q: got %v, %v", text, lts, err)
		}
	}
	if _, err := c.Constraint("perl", "5"); err == nil || !strings.Contains(err.Error(), "expected one of") {
		t.Errorf("got %v", err)
	}
	if _, err := c.Constraint("ruby", "the red one"); err == nil || !strings.Contains(err.Error(), "reading the version of Ruby") {
		t.Errorf("got %v", err)
	}
}
