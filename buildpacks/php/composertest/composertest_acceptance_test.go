//go:build acceptance

package composertest_test

import (
	"testing"

	"github.com/slugc/slugc/buildpacks/php/composertest"
)

// Debian's packages become Composer's, with their classes, what is always loaded, and
// what they need.
func TestDebian(t *testing.T) {
	found := map[string]composertest.Package{}
	for _, p := range composertest.Debian(t) {
		found[p.Name] = p
	}
	for name, file := range map[string]string{
		"slim/slim": "src/Slim/App.php", "psr/log": "src/Psr/Log/LoggerInterface.php", "twig/twig": "src/Twig/Environment.php",
		"symfony/framework-bundle": "src/Symfony/Bundle/FrameworkBundle/FrameworkBundle.php", "laravel/framework": "src/Illuminate/Foundation/Application.php",
		"nikic/fast-route": "src/FastRoute/functions.php",
	} {
		if found[name].Files[file] == nil {
			t.Errorf("%s has no %s", name, file)
		}
	}
	if got := found["slim/slim"].Require["nikic/fast-route"]; got != "*" {
		t.Errorf("got %+v", found["slim/slim"].Require)
	}
	if got, is := found["nikic/fast-route"].Autoload["files"].([]string); !is || len(got) != 1 || got[0] != "src/FastRoute/functions.php" {
		t.Errorf("got %v", found["nikic/fast-route"].Autoload)
	}
}
