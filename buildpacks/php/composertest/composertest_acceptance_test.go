//go:build acceptance

package composertest_test

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/slugc/slugc/buildpacks/php/composertest"
	"github.com/slugc/slugc/stack/debian/repository"
	"github.com/slugc/slugc/stack/download"
)

// Debian's packages become Composer's, with their classes, what is always loaded, and
// what they need.
func TestDebian(t *testing.T) {
	sources, err := repository.AptSources(os.DirFS("/"))
	if err != nil {
		t.Skipf("this machine names no Debian mirror: %v", err)
	}
	from := repository.Repository{Sources: sources, Fetcher: download.NewFetcher(&http.Client{}), Cache: filepath.Join(t.TempDir(), "debian")}
	found := map[string]composertest.Package{}
	for _, p := range composertest.Debian(t, from, composertest.Usual()...) {
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
