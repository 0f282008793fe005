package serve

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"fmt"
	"net/http"
	"path"
	"time"
)

//go:embed page
var pageFiles embed.FS

// asset is a file that pages load.
type asset struct {
	kind, tag string
	content   []byte
}

var assetKinds = map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}

// readAssets are all assets, by name.
func readAssets() (map[string]asset, error) {
	entries, err := pageFiles.ReadDir("page")
	if err != nil {
		return nil, err
	}
	assets := map[string]asset{}
	for _, entry := range entries {
		name := entry.Name()
		content, err := pageFiles.ReadFile("page/" + name)
		if err != nil {
			return nil, err
		}
		assets[name] = asset{assetKinds[path.Ext(name)], fmt.Sprintf("%q", encode(sum(content)[:9])), content}
	}
	return assets, nil
}

func sum(content []byte) []byte {
	s := sha256.Sum256(content)
	return s[:]
}

func (s *Server) asset(w http.ResponseWriter, req *http.Request, _ who) error {
	a, is := s.assets[req.PathValue("name")]
	if !is {
		return problem(http.StatusNotFound, "there is nothing at %s", req.URL.Path)
	}
	w.Header().Set("Content-Type", a.kind)
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("Etag", a.tag)
	http.ServeContent(w, req, "", time.Time{}, bytes.NewReader(a.content))
	return nil
}
