package nodejs_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/slugc/slugc/buildpacks/language/languagetest"
	"github.com/slugc/slugc/buildpacks/nodejs"
)

// site is the place of a build.
type site struct {
	*languagetest.Site
	// source is where an app comes from that is built as it is.
	source string
	// written are the files that its author wrote.
	written map[string]string
	// assists builds it as slugc/nodejs-assets does.
	assists bool
	// ctx is the build's, the test's when it is nil.
	ctx context.Context
}

func newSite(t *testing.T) *site {
	t.Helper()
	return &site{Site: languagetest.New(t, nodejs.TOML), written: map[string]string{}}
}

// write puts files into the app.
func (s *site) write(files map[string]string) {
	s.T.Helper()
	maps.Copy(s.written, files)
	s.Write(files)
}

// remove takes away files that the app's author wrote.
func (s *site) remove(names ...string) {
	s.T.Helper()
	for _, name := range names {
		delete(s.written, name)
	}
	s.Remove(names...)
}

// remake puts the app back as its author left it, with some files changed.
func (s *site) remake(files map[string]string) {
	s.T.Helper()
	s.Remake(s.written)
	s.write(files)
}

// fresh makes the app anew as its author left it, as every build finds it.
func (s *site) fresh() {
	s.T.Helper()
	if err := os.RemoveAll(s.App); err != nil {
		s.T.Fatal(err)
	}
	if err := os.CopyFS(s.App, os.DirFS(s.source)); err != nil {
		s.T.Fatal(err)
	}
}

// build runs the whole of libcnb's build phase.
func (s *site) build() (string, error) {
	s.T.Helper()
	ctx := s.ctx
	if ctx == nil {
		ctx = s.T.Context()
	}
	if s.assists {
		return s.Build(ctx, nodejs.BuildAssets)
	}
	return s.Build(ctx, nodejs.Build)
}

// mustBuild builds and fails the test when the build fails.
func (s *site) mustBuild() string {
	s.T.Helper()
	return s.Must(s.build())
}

// tree lists a directory: paths, modes, contents and link targets.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		value := info.Mode().String()
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			link, err := os.Readlink(path)
			if err != nil {
				return err
			}
			value += " -> " + link
		case info.Mode().IsRegular():
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			sum := sha256.Sum256(data)
			value += " " + hex.EncodeToString(sum[:])
		}
		entries[rel] = value
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return entries
}
