package composertest

import (
	"os"
	"path"
	"path/filepath"
	"testing"

	"github.com/slugc/slugc/stack/download/downloadtest"
)

// Index is a server of packages on the loopback interface.
type Index struct{ *downloadtest.Index }

// Serve serves packages until the test ends.
func Serve(t testing.TB, packages ...Package) Index {
	t.Helper()
	files := map[string][]byte{}
	all := map[string]map[string]any{}
	for _, p := range packages {
		data := p.pack(t)
		files[p.Path()] = data
		if p.Moving {
			files[path.Dir(p.Path())+"/*"] = data
		}
		if all[p.Name] == nil {
			all[p.Name] = map[string]any{}
		}
		all[p.Name][p.Version] = p.locked()
	}
	files["/packages.json"] = encode(t, map[string]any{"packages": all})
	return Index{downloadtest.ServeIndex(t, files)}
}

// Settings are variables for a build by which Composer takes the server for Host, and
// takes packages from it although anybody could change them on their way.
func (x Index) Settings(t testing.TB) []string {
	t.Helper()
	home := t.TempDir()
	if err := os.WriteFile(filepath.Join(home, "config.json"), []byte(`{"config": {"secure-http": false}}`), 0o644); err != nil {
		t.Fatal(err)
	}
	return []string{"CGI_HTTP_PROXY=" + x.URL, "COMPOSER_HOME=" + home}
}
