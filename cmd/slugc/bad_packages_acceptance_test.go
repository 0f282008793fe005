//go:build acceptance

package main

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/dirhash"

	"github.com/slugc/slugc/stack/download/downloadtest"
)

// badPackage is a package of somebody else that an app wants, and that is not as
// it should be.
type badPackage struct {
	about string
	// client is the package manager, by its app below testdata/faults.
	client string
	// put puts the package into a mirror, and returns the files of an app that
	// wants it; env are variables of slugc.
	put func(t *testing.T, m *downloadtest.Mirror) map[string]string
	env []string
	// code is the exit code, says are texts that the build prints.
	code int
	says []string
}

// climbed is the name of a file that a package would put outside of itself.
const climbed = "climbed.txt"

// badPackages are those that are tried: with a script of their own that fails,
// that their authors took back, and that would write elsewhere.
func badPackages() []badPackage {
	skyFalls := map[string]string{"package.json": `{"name": "faults-broken", "version": "1.0.0", "scripts": {"install": "echo the sky is falling >&2; exit 7"}}`}
	plain := map[string]string{"package.json": `{"name": "faults-broken", "version": "1.0.0"}`}
	climbs := map[string]string{"package.json": plain["package.json"], "../../../../" + climbed: "x"}
	return []badPackage{
		{"an install script that fails", "npm", func(t *testing.T, m *downloadtest.Mirror) map[string]string {
			return npmApp(m, skyFalls, t, `"hasInstallScript": true`)
		}, nil, 51, []string{"faults-broken", "the sky is falling", "At fault: the app"}},
		{"an install script that fails", "pnpm", func(t *testing.T, m *downloadtest.Mirror) map[string]string {
			files := pnpmApp(m, skyFalls, t, "")
			files["pnpm-workspace.yaml"] = "onlyBuiltDependencies:\n  - faults-broken\n"
			return files
		}, nil, 51, []string{"faults-broken", "the sky is falling", "At fault: the app"}},
		{"a source that does not build", "pip", func(t *testing.T, m *downloadtest.Mirror) map[string]string {
			archive := downloadtest.Tarball(t, map[string]string{
				"PKG-INFO":       "Metadata-Version: 2.2\nName: faults-broken\nVersion: 1.0\n",
				"pyproject.toml": "[project]\nname = \"faults-broken\"\nversion = \"1.0\"\n\n[build-system]\nrequires = []\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n",
				"backend.py":     "def build_wheel(*args, **kwargs):\n    raise SystemExit('the sky is falling')\n",
			})
			return pipApp(m, "faults_broken-1.0.tar.gz", archive, "")
		}, nil, 51, []string{"faults-broken", "the sky is falling", "At fault: the app"}},

		{"its author advises against it", "npm", func(t *testing.T, m *downloadtest.Mirror) map[string]string {
			return npmApp(m, plain, t, `"deprecated": "use another"`)
		}, nil, 0, []string{"advise against", "faults-broken 1.0.0: use another"}},
		{"its author advises against it", "pnpm", func(t *testing.T, m *downloadtest.Mirror) map[string]string {
			return pnpmApp(m, plain, t, "    deprecated: use another\n")
		}, nil, 0, []string{"advise against", "faults-broken 1.0.0: use another"}},
		{"its author took it back", "pip", func(t *testing.T, m *downloadtest.Mirror) map[string]string {
			return pipApp(m, "faults_broken-1.0-py3-none-any.whl", wheel(t, nil), ` data-yanked="it forgets numbers"`)
		}, nil, 0, []string{"faults-broken==1.0", "took that version back: it forgets numbers"}},
		{"its author took it back", "go", func(t *testing.T, m *downloadtest.Mirror) map[string]string {
			return goApp(t, m, map[string]string{"go.mod": "module example.com/broken\n", "broken.go": "package broken\n"},
				"module example.com/broken\n\n// it forgets numbers\nretract v1.0.0\n")
		}, []string{"GONOSUMDB=example.com"}, 0, []string{"the author of example.com/broken v1.0.0 took that version back: it forgets numbers", "go get example.com/broken@latest"}},

		{"an archive with a name that leads out of it", "npm", func(t *testing.T, m *downloadtest.Mirror) map[string]string {
			return npmApp(m, climbs, t, "")
		}, nil, 0, nil},
		{"an archive with a name that leads out of it", "pnpm", func(t *testing.T, m *downloadtest.Mirror) map[string]string {
			return pnpmApp(m, climbs, t, "")
		}, nil, 0, nil},
		{"an archive with a name that leads out of it", "pip", func(t *testing.T, m *downloadtest.Mirror) map[string]string {
			return pipApp(m, "faults_broken-1.0-py3-none-any.whl", wheel(t, map[string]string{"../../../../" + climbed: "x"}), "")
		}, nil, 0, nil},
		{"an archive with a name that leads out of it", "go", func(t *testing.T, m *downloadtest.Mirror) map[string]string {
			return goApp(t, m, map[string]string{"go.mod": "module example.com/broken\n", "broken.go": "package broken\n", "../../../" + climbed: "x"}, "")
		}, []string{"GONOSUMDB=example.com"}, 51, []string{"example.com/broken", "v1.0.0"}},
	}
}

// try builds an app with such a package, and looks at what its author is told and
// what is left.
func (p badPackage) try(t *testing.T, b faultBench) {
	m := b.origin.Mirror(t, (*httptest.Server).Start)
	s := b.place(t, m)
	s.env = append(s.env, p.env...)
	for name, text := range p.put(t, m) {
		put(t, filepath.Join(s.dir, "app", name), text)
	}
	build := b.build(s)
	out, err := build.CombinedOutput()
	if build.ProcessState == nil {
		t.Fatal(err)
	}
	if code := build.ProcessState.ExitCode(); code != p.code {
		t.Errorf("exit code %d, want %d", code, p.code)
	}
	for _, want := range p.says {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q", want)
		}
	}
	silent(t, string(out))
	err = filepath.WalkDir(s.dir, func(file string, entry fs.DirEntry, err error) error {
		// pnpm leaves out what leads upwards, and so keeps it within the package.
		if err == nil && entry.Name() == climbed && filepath.Base(filepath.Dir(file)) != "faults-broken" {
			t.Errorf("it left %s", file)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	if p.code == 0 {
		listed, err := exec.CommandContext(t.Context(), "tar", "-tzf", filepath.Join(s.dir, "slug.tgz")).Output()
		if err != nil || strings.Contains(strings.ReplaceAll(string(listed), "faults-broken/"+climbed, ""), climbed) {
			t.Errorf("the slug has it (%v)", err)
		}
	}
	t.Logf("%s", out)
}

// npmPackage puts a package into a mirror, and returns its checksum.
func npmPackage(m *downloadtest.Mirror, files map[string]string, t *testing.T) (integrity string) {
	t.Helper()
	archive := downloadtest.Tarball(t, files)
	sum := sha512.Sum512(archive)
	integrity = "sha512-" + base64.StdEncoding.EncodeToString(sum[:])
	m.Add("/faults-broken/-/faults-broken-1.0.0.tgz", "application/octet-stream", archive)
	m.Add("/faults-broken", "application/json", []byte(`{"name": "faults-broken", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": {"name": "faults-broken", "version": "1.0.0",
		"dist": {"tarball": "`+m.URL+`/faults-broken/-/faults-broken-1.0.0.tgz", "integrity": "`+integrity+`"}}}}`))
	return integrity
}

const wantsBroken = `"name": "faults", "version": "1.0.0", "private": true, "engines": {"node": "24.x"}, "scripts": {"start": "node server.js"}, "dependencies": {"faults-broken": "1.0.0"}`

// npmApp is an app that wants the package, of whose place in the lock file more is
// said.
func npmApp(m *downloadtest.Mirror, files map[string]string, t *testing.T, more string) map[string]string {
	t.Helper()
	integrity := npmPackage(m, files, t)
	if more != "" {
		more = ", " + more
	}
	return map[string]string{
		"package.json": "{" + wantsBroken + "}",
		"package-lock.json": `{"name": "faults", "version": "1.0.0", "lockfileVersion": 3, "requires": true, "packages": {"": {` + wantsBroken + `},
			"node_modules/faults-broken": {"version": "1.0.0", "integrity": "` + integrity + `"` + more + `}}}`,
	}
}

// pnpmApp is npmApp with pnpm.
func pnpmApp(m *downloadtest.Mirror, files map[string]string, t *testing.T, more string) map[string]string {
	t.Helper()
	integrity := npmPackage(m, files, t)
	return map[string]string{
		"package.json": "{" + wantsBroken + `, "packageManager": "pnpm@10.34.8"}`,
		"pnpm-lock.yaml": "lockfileVersion: '9.0'\n\nsettings:\n  autoInstallPeers: true\n  excludeLinksFromLockfile: false\n\n" +
			"importers:\n\n  .:\n    dependencies:\n      faults-broken:\n        specifier: 1.0.0\n        version: 1.0.0\n\n" +
			"packages:\n\n  faults-broken@1.0.0:\n    resolution: {integrity: " + integrity + "}\n" + more + "\nsnapshots:\n\n  faults-broken@1.0.0: {}\n",
	}
}

// pipApp puts a file of a package into a mirror, of whose link more is said, and
// is an app that wants it.
func pipApp(m *downloadtest.Mirror, name string, archive []byte, more string) map[string]string {
	sum := sha256.Sum256(archive)
	m.Add("/files/"+name, "application/octet-stream", archive)
	m.Add("/simple/faults-broken/", "text/html", []byte(`<!DOCTYPE html><html><body><a href="`+m.Host()+`/files/`+name+`"`+more+`>`+name+`</a></body></html>`))
	return map[string]string{"requirements.txt": "faults-broken==1.0 --hash=sha256:" + hex.EncodeToString(sum[:]) + "\n"}
}

// wheel is one with some files more.
func wheel(t *testing.T, more map[string]string) []byte {
	t.Helper()
	files := map[string]string{
		"faults_broken.py":                     "",
		"faults_broken-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: faults-broken\nVersion: 1.0\n",
		"faults_broken-1.0.dist-info/WHEEL":    "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
	}
	record := "faults_broken-1.0.dist-info/RECORD,,\n"
	for name, text := range more {
		files[name] = text
	}
	for name, text := range files {
		sum := sha256.Sum256([]byte(text))
		record += fmt.Sprintf("%s,sha256=%s,%d\n", name, base64.RawURLEncoding.EncodeToString(sum[:]), len(text))
	}
	files["faults_broken-1.0.dist-info/RECORD"] = record
	return zipOf(t, files)
}

func zipOf(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var packed bytes.Buffer
	archive := zip.NewWriter(&packed)
	for name, text := range files {
		w, err := archive.Create(name)
		if err == nil {
			_, err = io.WriteString(w, text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

// goApp puts the module example.com/broken into a mirror, whose version 1.1.0, if
// there is one, has a go.mod of its own, and is an app that wants 1.0.0.
func goApp(t *testing.T, m *downloadtest.Mirror, files map[string]string, later string) map[string]string {
	t.Helper()
	inside := map[string]string{}
	for name, text := range files {
		inside["example.com/broken@v1.0.0/"+name] = text
	}
	archive := zipOf(t, inside)
	file := filepath.Join(t.TempDir(), "module.zip")
	if err := os.WriteFile(file, archive, 0o600); err != nil {
		t.Fatal(err)
	}
	sum, err := dirhash.HashZip(file, dirhash.Hash1)
	if err != nil {
		t.Fatal(err)
	}
	modSum, err := dirhash.Hash1([]string{"go.mod"}, func(string) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(files["go.mod"])), nil })
	if err != nil {
		t.Fatal(err)
	}
	at := strings.TrimPrefix(m.URL, m.Host()) + "/example.com/broken/@v/"
	versions := "v1.0.0\n"
	m.Add(at+"v1.0.0.info", "application/json", []byte(`{"Version": "v1.0.0", "Time": "2024-01-01T00:00:00Z"}`))
	m.Add(at+"v1.0.0.mod", "text/plain", []byte(files["go.mod"]))
	m.Add(at+"v1.0.0.zip", "application/zip", archive)
	if later != "" {
		versions += "v1.1.0\n"
		m.Add(at+"v1.1.0.info", "application/json", []byte(`{"Version": "v1.1.0", "Time": "2024-02-01T00:00:00Z"}`))
		m.Add(at+"v1.1.0.mod", "text/plain", []byte(later))
	}
	m.Add(at+"list", "text/plain", []byte(versions))
	return map[string]string{
		"go.mod":  "module example.com/faults\n\ngo 1.26\n\nrequire example.com/broken v1.0.0\n",
		"go.sum":  "example.com/broken v1.0.0 " + sum + "\nexample.com/broken v1.0.0/go.mod " + modSum + "\n",
		"main.go": "package main\n\nimport _ \"example.com/broken\"\n\nfunc main() {}\n",
	}
}
