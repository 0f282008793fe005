package golang_test

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/module"

	"github.com/slugc/slugc/buildpacks/golang"
	"github.com/slugc/slugc/buildpacks/language/languagetest"
	"github.com/slugc/slugc/buildpacks/runtime/goproxy/goproxytest"
)

// fakeGo is a go command as a shell script. What it was called with goes to a
// file. "go list" and "go build" run what the app keeps for them, and the
// programs that it builds are links to this test, which is a Go program.
const fakeGo = `#!/bin/sh
echo "CGO_ENABLED=$CGO_ENABLED go $*" >>"$FAKE_LOG"
kind=$1
if [ -f "fake-$kind.sh" ]; then . "./fake-$kind.sh"; fi
if [ "$kind" = list ]; then mkdir -p "$GOMODCACHE/cache" && : >"$GOMODCACHE/cache/lock"; fi
[ "$kind" = build ] || exit 0
mkdir -p "$GOCACHE/00" && echo cached >"$GOCACHE/00/entry"
shift
while [ $# -gt 0 ]; do
	case $1 in
	-o) out=$2; shift ;;
	-*) ;;
	./) ln -s "$FAKE_BINARY" "$out/$(sed -n 's#^module .*/##p' go.mod)" ;;
	*) ln -s "$FAKE_BINARY" "$out/$(basename "$1")" ;;
	esac
	shift
done
`

// fakeVersions are the toolchains that the proxy of these tests has.
var fakeVersions = []string{"1.17.13", "1.20", "1.24.0", "1.24.11", "1.25.1", "1.25.9", "1.26.0", "1.26.3", "1.27.4"}

// site is the place of a build, with the proxy that Go comes from.
type site struct {
	*languagetest.Site
	proxy *goproxytest.Proxy
}

// newSite is a site with an app that is one command.
func newSite(t *testing.T) *site {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s := &site{Site: languagetest.New(t, golang.TOML), proxy: goproxytest.New(t)}
	s.Env["FAKE_LOG"], s.Env["FAKE_BINARY"] = filepath.Join(s.Dir, "log"), self
	maps.Copy(s.Env, s.proxy.Env())
	for _, version := range fakeVersions {
		s.proxy.Publish(t, module.Version{Path: "golang.org/toolchain", Version: "v0.0.1-go" + version + ".linux-amd64"},
			map[string]string{"bin/go*": fakeGo, "VERSION": version})
	}
	s.Write(oneCommand)
	return s
}

// oneCommand is an app that is one command without dependencies.
var oneCommand = map[string]string{
	"go.mod":  "module example.com/hello\n\ngo 1.26\n",
	"main.go": "package main\n\nfunc main() {}\n",
}

// build runs the whole of libcnb's build phase.
func (s *site) build() (string, error) {
	s.T.Helper()
	return s.Build(s.T.Context(), golang.Build)
}

// mustBuild builds and fails the test when the build fails.
func (s *site) mustBuild() string {
	s.T.Helper()
	return s.Must(s.build())
}

// calls are those of the go command since the last time.
func (s *site) calls() []string {
	s.T.Helper()
	data, err := os.ReadFile(s.Env["FAKE_LOG"])
	if err != nil {
		return nil
	}
	if err := os.Remove(s.Env["FAKE_LOG"]); err != nil {
		s.T.Fatal(err)
	}
	text := strings.ReplaceAll(strings.TrimSpace(string(data)), s.Dir, "DIR")
	return strings.Split(text, "\n")
}
