package sbom

import (
	"runtime/debug"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLinked(t *testing.T) {
	got := linked(&debug.BuildInfo{GoVersion: "go1.26.3 X:nocoverageredesign", Deps: []*debug.Module{
		{Path: "github.com/go-chi/chi/v5", Version: "v5.2.3"},
		{Path: "example.com/local", Version: "v0.0.0", Replace: &debug.Module{Path: "./local"}},
		{Path: "example.com/old", Version: "v1.0.0", Replace: &debug.Module{Path: "example.com/fork", Version: "v1.0.1"}},
	}})
	want := []Component{
		{PURL: "pkg:golang/stdlib@1.26.3", Name: "stdlib", Version: "1.26.3"},
		{PURL: "pkg:golang/github.com/go-chi/chi/v5@v5.2.3", Name: "github.com/go-chi/chi/v5", Version: "v5.2.3"},
		{PURL: "pkg:golang/example.com/fork@v1.0.1", Name: "example.com/fork", Version: "v1.0.1"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
