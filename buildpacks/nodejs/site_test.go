package nodejs_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/buildpacks/nodejs"
	"github.com/slugc/slugc/buildpacks/runtime/tool"
	"github.com/slugc/slugc/stack/download"
)

// site is the place of a build: an app, its layers, and a platform, as a CNB
// lifecycle lays them out.
type site struct {
	t                *testing.T
	app, layers, dir string
	// member is the directory of the app where app is a source that has more.
	member string
	// source is where an app comes from that is built as it is.
	source string
	// written are the files that its author wrote.
	written map[string]string
	env     map[string]string
	now     func() time.Time
	runner  language.Runner
	fetcher *download.Fetcher
	// plan is the text of the buildpack plan.
	plan string
	// ctx is the build's, the test's when it is nil.
	ctx context.Context
}

func newSite(t *testing.T) *site {
	t.Helper()
	dir := t.TempDir()
	s := &site{
		t: t, dir: dir,
		app:    filepath.Join(dir, "app"),
		layers: filepath.Join(dir, "layers"),
		env:    map[string]string{"PATH": os.Getenv("PATH")},
		now:    time.Now,
		runner: tool.Local{Grace: time.Second},
	}
	for _, d := range []string{s.app, s.layers, filepath.Join(dir, "buildpack"), filepath.Join(dir, "platform")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "buildpack", "buildpack.toml"), nodejs.TOML, 0o644); err != nil {
		t.Fatal(err)
	}
	return s
}

// write puts files into the app.
func (s *site) write(files map[string]string) {
	s.t.Helper()
	if s.written == nil {
		s.written = map[string]string{}
	}
	for name, text := range files {
		s.written[name] = text
		file := filepath.Join(s.app, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			s.t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			s.t.Fatal(err)
		}
	}
}

// remove takes away files that the app's author wrote.
func (s *site) remove(names ...string) {
	s.t.Helper()
	for _, name := range names {
		delete(s.written, name)
		if err := os.Remove(filepath.Join(s.app, name)); err != nil {
			s.t.Fatal(err)
		}
	}
}

// fresh makes the app anew as its author left it, as every build finds it.
func (s *site) fresh() {
	s.t.Helper()
	if err := os.RemoveAll(s.app); err != nil {
		s.t.Fatal(err)
	}
	if err := os.CopyFS(s.app, os.DirFS(s.source)); err != nil {
		s.t.Fatal(err)
	}
}

// ending is a libcnb.ExitHandler that keeps how a phase ended.
type ending struct {
	err  error
	fail bool
}

func (e *ending) Error(err error) { e.err = err }
func (e *ending) Fail()           { e.fail = true }
func (e *ending) Pass()           {}

// output collects what a build prints.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(data []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(data)
}

// String is what stays on a screen: without transient lines.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var kept strings.Builder
	for line := range strings.SplitAfterSeq(o.text.String(), "\n") {
		kept.WriteString(line[strings.LastIndex(line, "\r")+1:])
	}
	return kept.String()
}

// build runs the whole of libcnb's build phase.
func (s *site) build() (string, error) {
	s.t.Helper()
	s.t.Chdir(filepath.Join(s.app, s.member))
	if s.member != "" {
		s.env[language.SourceVariable] = s.app
	}
	for name, value := range map[string]string{
		"CNB_BUILDPACK_DIR":      filepath.Join(s.dir, "buildpack"),
		"CNB_LAYERS_DIR":         s.layers,
		"CNB_PLATFORM_DIR":       filepath.Join(s.dir, "platform"),
		"CNB_BP_PLAN_PATH":       filepath.Join(s.dir, "plan.toml"),
		"CNB_TARGET_OS":          "linux",
		"CNB_TARGET_ARCH":        "amd64",
		"CNB_TARGET_DISTRO_NAME": "test",
	} {
		s.t.Setenv(name, value)
	}
	if err := os.WriteFile(filepath.Join(s.dir, "plan.toml"), []byte(s.plan), 0o644); err != nil {
		s.t.Fatal(err)
	}
	var out output
	var end ending
	parent := s.t.Context()
	if s.ctx != nil {
		parent = s.ctx
	}
	ctx, cancel := context.WithTimeout(parent, 5*time.Minute)
	defer cancel()
	build := nodejs.Build(ctx, language.Helpers{Out: &out, Env: s.env, Runner: s.runner, Now: s.now, Fetcher: s.fetcher})
	libcnb.Build(build, libcnb.NewConfig(libcnb.WithArguments([]string{"build"}), libcnb.WithExitHandler(&end)))
	return out.String(), end.err
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

// stamps lists a directory with the times of change, which tell whether
// anything in it was touched.
func stamps(t *testing.T, dir string) []string {
	t.Helper()
	var lines []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		lines = append(lines, fmt.Sprint(path, " ", info.ModTime().UnixNano(), " ", changeTime(info)))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	sort.Strings(lines)
	return lines
}
