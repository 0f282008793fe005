package language_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/stack/download"
)

// TestProcfile refuses a Procfile that nobody can read before the language does
// anything.
func TestProcfile(t *testing.T) {
	for name, c := range map[string]struct {
		file, text string
		// says are parts of the error; none is none.
		says []string
	}{
		"one":                 {"Procfile", "web: serve\n", nil},
		"for development":     {"Procfile.dev", "web: serve\n", nil},
		"Windows line ends":   {"Procfile", "\ufeffweb: serve\r\n", nil},
		"an unfinished merge": {"Procfile", "a: b\n<<<<<<< HEAD\nweb: serve\n", []string{"Procfile holds an unfinished merge", "line 2", "git add Procfile"}},
		"other letters":       {"procfile", "web: serve\n", []string{"procfile says how the app starts", "git mv procfile Procfile"}},
		"an ending":           {"Procfile.txt", "web: serve\n", []string{"Procfile.txt says", "git mv Procfile.txt Procfile"}},
	} {
		t.Run(name, func(t *testing.T) {
			app := t.TempDir()
			if err := os.WriteFile(filepath.Join(app, c.file), []byte(c.text), 0o644); err != nil {
				t.Fatal(err)
			}
			ran := false
			build := language.Func(t.Context(), language.Helpers{Out: io.Discard, Now: time.Now}, func(context.Context, *language.Build) (libcnb.BuildResult, error) {
				ran = true
				return libcnb.BuildResult{}, nil
			})
			_, err := build(libcnb.BuildContext{ApplicationPath: app, Layers: libcnb.Layers{Path: t.TempDir()}})
			if ran != (c.says == nil) || (err != nil) != (c.says != nil) {
				t.Fatalf("it ran: %v; got %v", ran, err)
			}
			if err != nil && download.FaultOf(err) != download.App {
				t.Errorf("the fault is %v", download.FaultOf(err))
			}
			for _, want := range c.says {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("no %q in %v", want, err)
				}
			}
		})
	}
}
