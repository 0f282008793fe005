package languagetest

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/buildpacks/runtime"
	"github.com/slugc/slugc/buildpacks/runtime/npm"
	"github.com/slugc/slugc/stack/debian/debiantest"
)

// DebianAlone stands for a build's Registries: all runtimes come from an archive of
// Debian.
func DebianAlone(t *testing.T, archive *debiantest.Archive, common *language.Build) error {
	t.Helper()
	catalogue, err := runtime.Builtin()
	common.Runtimes = runtime.Resolver{
		Catalogue: catalogue, Debian: &runtime.Debian{Repository: archive.Repository(t), Suites: archive.Suites(), Distribution: "debian-13"},
		Answers: npm.OpenAnswers(filepath.Join(common.Layers.Path, language.CatalogLayer, "answers.json"), time.Now),
	}
	return err
}
