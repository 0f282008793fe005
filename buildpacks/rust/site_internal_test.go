package rust

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/buildpacks/language/languagetest"
	"github.com/slugc/slugc/buildpacks/language/layer"
	"github.com/slugc/slugc/stack/debian/debiantest"
)

// fakeCargo is a Cargo that notes how it is called, and the times of the files
// in src. A build makes the programs of FAKE_BINS, unless the app's fail.txt says
// how it fails.
const fakeCargo = `#!/bin/sh
echo "cargo $*" >>"$FAKE_LOG"
for word; do
	case $word in
	tree) echo 'hello v0.1.0 (/app)'; echo 'small v1.2.3'; exit ;;
	build) build=yes ;;
	esac
done
[ -n "$build" ] || exit 2
[ -e "$CARGO_HOME/credentials.toml" ] && echo "credentials $(cat "$CARGO_HOME/credentials.toml")" >>"$FAKE_LOG"
if [ -e fail.txt ]; then cat fail.txt; exit 101; fi
for file in $(find . -name '*.rs' | sort); do echo "$file $(stat -c %Y "$file")" >>"$FAKE_LOG"; done
mkdir -p "$CARGO_TARGET_DIR/release" "$CARGO_HOME/registry/cache/index" "$CARGO_HOME/git"
: >"$CARGO_HOME/registry/cache/index/small-1.2.3.crate"
for bin in $FAKE_BINS; do echo "program $bin $(cat src/main.rs 2>/dev/null)" >"$CARGO_TARGET_DIR/release/$bin"; done
`

// oneBin is an app with one binary and one package.
func oneBin() map[string]string {
	return map[string]string{
		"Cargo.toml":  "[package]\nname = \"hello\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[dependencies]\nsmall = \"1.2\"\n",
		"Cargo.lock":  lockOf("hello 0.1.0: small", "small 1.2.3*"),
		"src/main.rs": "fn main() {}\n",
		"page.html":   "page",
	}
}

// usual is the source of packages of the usual registry in a lock file.
const usual = "registry+https://github.com/rust-lang/crates.io-index"

// lockOf is a lock file with packages "NAME VERSION: DEPENDENCIES"; a star after
// the version is for one of the registry.
func lockOf(packages ...string) string {
	var text strings.Builder
	text.WriteString("version = 4\n")
	for _, one := range packages {
		head, dependencies, _ := strings.Cut(one, ":")
		name, version, _ := strings.Cut(head, " ")
		version, foreign := strings.CutSuffix(version, "*")
		text.WriteString("\n[[package]]\nname = \"" + name + "\"\nversion = \"" + version + "\"\n")
		if foreign {
			text.WriteString("source = \"" + usual + "\"\nchecksum = \"" + layer.Sum([]byte(name)) + "\"\n")
		}
		if words := strings.Fields(dependencies); len(words) > 0 {
			text.WriteString("dependencies = [\"" + strings.Join(words, "\", \"") + "\"]\n")
		}
	}
	return text.String()
}

// site is the place of a build, with the archive that Rust comes from.
type site struct {
	*languagetest.Site
	files   map[string]string
	archive *debiantest.Archive
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{Site: languagetest.New(t, TOML), files: oneBin()}
	rustc := func(end, version string) []debiantest.Package {
		return []debiantest.Package{
			{Name: "rustc" + end, Version: version, Files: map[string]string{"/usr/bin/rustc*": "#!/bin/sh\n"}},
			{Name: "cargo" + end, Version: version, Files: map[string]string{"/usr/bin/cargo*": fakeCargo}},
		}
	}
	s.archive = debiantest.New(t, append(rustc("", "1.85.0+dfsg3-1"), rustc("-web", "1.96.0+dfsg1-1~deb13u1")...)...)
	s.Put("tools/cc", "#!/bin/sh\n", 0o755)
	s.Env["PATH"] = filepath.Join(s.Dir, "tools") + ":" + s.Env["PATH"]
	s.Env["FAKE_LOG"], s.Env["FAKE_BINS"] = filepath.Join(s.Dir, "log"), "hello"
	return s
}

// write puts files into the app. One with no text is taken out.
func (s *site) write(files map[string]string) {
	for name, text := range files {
		s.files[name] = text
		if text == "" {
			delete(s.files, name)
		}
	}
}

// build runs the whole of libcnb's build phase on a fresh copy of the app, whose
// files are all of one old time.
func (s *site) build() (string, error) {
	s.T.Helper()
	s.Remake(s.files)
	old := time.Unix(1e9, 0)
	for name := range s.files {
		if err := os.Chtimes(filepath.Join(s.App, name), old, old); err != nil {
			s.T.Fatal(err)
		}
	}
	return s.BuildBy(s.run)
}

// run is Build but for where Rust comes from.
func (s *site) run(ctx context.Context, common *language.Build) (libcnb.BuildResult, error) {
	set, err := readSettings(common.Env)
	if err != nil {
		return libcnb.BuildResult{}, err
	}
	b := &rustBuild{Build: common, settings: set, registries: func() error { return languagetest.DebianAlone(s.T, s.archive, common) }}
	return b.run(ctx)
}

func (s *site) mustBuild() string {
	s.T.Helper()
	return s.Must(s.build())
}

// calls is what Cargo noted since the last call.
func (s *site) calls() []string {
	s.T.Helper()
	data, err := os.ReadFile(s.Env["FAKE_LOG"])
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		s.T.Fatal(err)
	}
	if err := os.Remove(s.Env["FAKE_LOG"]); err != nil {
		s.T.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(data)), "\n")
}
