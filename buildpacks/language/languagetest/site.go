// Package languagetest is the place in which tests of language buildpacks build:
// an app, its layers, a platform and a buildpack, as a CNB lifecycle lays them
// out, and the whole of libcnb's phases around the buildpack.
//
// A test embeds Site in one of its own, which knows the registries and the
// programs that stand for those of the language.
//
// Third-party: libcnb is what runs the phases, BurntSushi/toml reads what they
// leave.
package languagetest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/buildpacks/language/layer"
	"github.com/slugc/slugc/buildpacks/runtime/tool"
	"github.com/slugc/slugc/stack/download"
)

// hangs is after how long a build of a test is ended.
const hangs = 5 * time.Minute

// Site is where one app is built, once or several times.
type Site struct {
	T *testing.T
	// Dir has all that belongs to the site: the directories App and Layers, and
	// buildpack, platform, home and plan.toml.
	Dir, App, Layers string
	// Member is the directory of App that is built, "" for all of it.
	Member string
	// Plan is the text of the buildpack plan.
	Plan string
	// Distro is the target's distribution, "test" at first, of which slugc knows
	// nothing.
	Distro string
	// Env, Now, Runner and Fetcher are for the buildpack. The fetcher tries again
	// at once.
	Env     map[string]string
	Now     func() time.Time
	Runner  language.Runner
	Fetcher *download.Fetcher
}

// New is a site with an empty app, for the buildpack of a buildpack.toml.
func New(t *testing.T, buildpack []byte) *Site {
	t.Helper()
	dir := t.TempDir()
	s := &Site{
		T: t, Dir: dir, App: filepath.Join(dir, "app"), Layers: filepath.Join(dir, "layers"), Distro: "test",
		Env: map[string]string{"PATH": os.Getenv("PATH"), "HOME": filepath.Join(dir, "home")},
		Now: time.Now, Runner: tool.Local{Grace: time.Second}, Fetcher: download.NewFetcher(&http.Client{}),
	}
	s.Fetcher.Pause = func(int) time.Duration { return time.Millisecond }
	for _, d := range []string{"app", "layers", "platform", "home"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s.Put("buildpack/buildpack.toml", string(buildpack), 0o644)
	return s
}

// Put writes a file of the site, and the directories to it. A path that is
// absolute is taken as it is.
func (s *Site) Put(file, text string, mode fs.FileMode) {
	s.T.Helper()
	if !filepath.IsAbs(file) {
		file = filepath.Join(s.Dir, file)
	}
	if err := layer.WriteBeside(file, []byte(text), mode); err != nil {
		s.T.Fatal(err)
	}
}

// Write puts files into the app. One whose name ends in a star can be run.
func (s *Site) Write(files map[string]string) {
	s.T.Helper()
	for name, text := range files {
		mode := fs.FileMode(0o644)
		bare, executable := strings.CutSuffix(name, "*")
		if executable {
			mode = 0o755
		}
		s.Put("app/"+bare, text, mode)
	}
}

// Remove takes files and directories out of the app.
func (s *Site) Remove(names ...string) {
	s.T.Helper()
	for _, name := range names {
		if err := os.RemoveAll(filepath.Join(s.App, name)); err != nil {
			s.T.Fatal(err)
		}
	}
}

// Remake makes the app anew of some files, as every build finds it.
func (s *Site) Remake(files ...map[string]string) {
	s.T.Helper()
	err := os.RemoveAll(s.App)
	if err == nil {
		err = os.Mkdir(s.App, 0o755)
	}
	if err != nil {
		s.T.Fatal(err)
	}
	for _, some := range files {
		s.Write(some)
	}
}

// enter makes the process one that a lifecycle has started.
func (s *Site) enter() {
	s.T.Helper()
	s.Put("plan.toml", s.Plan, 0o644)
	s.T.Chdir(filepath.Join(s.App, s.Member))
	if s.Member != "" {
		s.Env[language.SourceVariable] = s.App
	}
	for name, value := range map[string]string{
		"CNB_BUILDPACK_DIR":         filepath.Join(s.Dir, "buildpack"),
		"CNB_LAYERS_DIR":            s.Layers,
		"CNB_PLATFORM_DIR":          filepath.Join(s.Dir, "platform"),
		"CNB_BP_PLAN_PATH":          filepath.Join(s.Dir, "plan.toml"),
		"CNB_BUILD_PLAN_PATH":       filepath.Join(s.Dir, "detect.toml"),
		"CNB_TARGET_OS":             "linux",
		"CNB_TARGET_ARCH":           "amd64",
		"CNB_TARGET_DISTRO_NAME":    s.Distro,
		"CNB_TARGET_DISTRO_VERSION": "13",
	} {
		s.T.Setenv(name, value)
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

// Screen collects what a program prints, from several goroutines.
type Screen struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write takes more of it.
func (o *Screen) Write(data []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(data)
}

// String is what stays on a screen: without transient lines.
func (o *Screen) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var kept strings.Builder
	for line := range strings.SplitAfterSeq(o.text.String(), "\n") {
		kept.WriteString(line[strings.LastIndex(line, "\r")+1:])
	}
	return kept.String()
}

// Build runs the whole of libcnb's build phase, and returns what it printed.
func (s *Site) Build(ctx context.Context, build func(context.Context, language.Helpers) libcnb.BuildFunc) (string, error) {
	s.T.Helper()
	s.enter()
	var out Screen
	var end ending
	ctx, cancel := context.WithTimeout(ctx, hangs)
	defer cancel()
	f := build(ctx, language.Helpers{Out: &out, Env: s.Env, Runner: s.Runner, Now: s.Now, Fetcher: s.Fetcher})
	libcnb.Build(f, libcnb.NewConfig(libcnb.WithArguments([]string{"build"}), libcnb.WithExitHandler(&end), libcnb.WithEnvironmentWriter(keeping{})))
	return out.String(), end.err
}

// BuildBy is Build with what the buildpack does once it knows where everything is.
func (s *Site) BuildBy(run func(context.Context, *language.Build) (libcnb.BuildResult, error)) (string, error) {
	s.T.Helper()
	return s.Build(s.T.Context(), func(ctx context.Context, h language.Helpers) libcnb.BuildFunc { return language.Func(ctx, h, run) })
}

// Must is what a build printed. One that failed fails the test.
func (s *Site) Must(out string, err error) string {
	s.T.Helper()
	if err != nil {
		s.T.Fatalf("%v\n%s", err, out)
	}
	return out
}

// keeping writes the environment of a layer where it is not as it should be, as
// the buildpacks do.
type keeping struct{}

func (keeping) Write(dir string, environment map[string]string) error {
	for name, value := range environment {
		file := filepath.Join(dir, name)
		if old, err := os.ReadFile(file); err == nil && string(old) == value {
			continue
		}
		if err := layer.WriteBeside(file, []byte(value), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// Detect runs the whole of libcnb's detect phase. It returns whether it passes,
// and what it says.
func (s *Site) Detect(detect func(out io.Writer) libcnb.DetectFunc) (passes bool, says string) {
	s.T.Helper()
	s.enter()
	var out Screen
	var end ending
	libcnb.Detect(detect(&out), libcnb.NewConfig(libcnb.WithArguments([]string{"detect"}), libcnb.WithExitHandler(&end)))
	if end.err != nil {
		s.T.Fatal(end.err)
	}
	return !end.fail, out.String()
}

// Read reads a file of the site. One that is not there fails the test.
func (s *Site) Read(path ...string) string {
	s.T.Helper()
	data, err := os.ReadFile(s.path(path))
	if err != nil {
		s.T.Fatal(err)
	}
	return string(data)
}

// Text is what Read reads, "" when the file is not there.
func (s *Site) Text(path ...string) string {
	s.T.Helper()
	if !s.Has(path...) {
		return ""
	}
	return s.Read(path...)
}

// Has tells whether the site has a file or directory.
func (s *Site) Has(path ...string) bool {
	_, err := os.Lstat(s.path(path))
	return err == nil
}

func (s *Site) path(path []string) string {
	return filepath.Join(append([]string{s.Dir}, path...)...)
}

// Files lists the files below a directory of the site, sorted, and the links with
// what they point to; Dir is "DIR" there.
func (s *Site) Files(path ...string) []string {
	s.T.Helper()
	var names []string
	s.walk(path, func(name, file string, entry fs.DirEntry) error {
		if entry.IsDir() {
			return nil
		}
		if entry.Type()&fs.ModeSymlink != 0 {
			target, err := os.Readlink(file)
			if err != nil {
				return err
			}
			name += " -> " + strings.ReplaceAll(target, s.Dir, "DIR")
		}
		names = append(names, name)
		return nil
	})
	slices.Sort(names)
	return names
}

// Stamps are the times of all below a directory of the site, which tell whether
// anything in it was touched.
func (s *Site) Stamps(path ...string) map[string]string {
	s.T.Helper()
	all := map[string]string{}
	s.walk(path, func(name, _ string, entry fs.DirEntry) error {
		info, err := entry.Info()
		if err == nil {
			all[name] = fmt.Sprint(info.ModTime().UnixNano(), " ", layer.ChangeTime(info))
		}
		return err
	})
	return all
}

// LayerStamps are the stamps of what is in the layers. What lies beside them libcnb
// writes anew with each build.
func (s *Site) LayerStamps() map[string]string {
	s.T.Helper()
	all := s.Stamps("layers")
	maps.DeleteFunc(all, func(name, _ string) bool { return !strings.Contains(name, "/") })
	return all
}

// walk calls see with all below a directory of the site: the path below it, and
// the whole one.
func (s *Site) walk(path []string, see func(name, file string, entry fs.DirEntry) error) {
	s.T.Helper()
	root := s.path(path)
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || file == root {
			return err
		}
		name, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		return see(name, file, entry)
	})
	if err != nil {
		s.T.Fatal(err)
	}
}

// Processes are those of the last build, by type: the words of their command. What
// starts by default is under "default".
func (s *Site) Processes() map[string]string {
	s.T.Helper()
	var launch libcnb.LaunchTOML
	if _, err := toml.DecodeFile(filepath.Join(s.Layers, "launch.toml"), &launch); err != nil {
		s.T.Fatal(err)
	}
	found := map[string]string{}
	for _, p := range launch.Processes {
		found[p.Type] = strings.Join(p.Command, " ")
		if p.Default {
			found["default"] = p.Type
		}
	}
	return found
}
