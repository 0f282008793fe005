package java

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io/fs"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
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
	"github.com/slugc/slugc/buildpacks/runtime"
	"github.com/slugc/slugc/buildpacks/runtime/tool"
	"github.com/slugc/slugc/stack/debian/debiantest"
	"github.com/slugc/slugc/stack/download"
)

// The Java and Maven of these tests are shell scripts: mvn and gradle run the
// app's fake.sh, jlink makes a directory that looks like a runtime, whose java
// makes an archive of classes.
const (
	fakeJlink = `#!/bin/sh
while [ $# -gt 0 ]; do case $1 in --output) out=$2 ;; --add-modules) modules=$2 ;; esac; shift; done
mkdir -p "$out/bin" "$out/lib/security" "$out/lib/server"
echo "$modules" >"$out/lib/modules"
printf '#!/bin/sh\necho classes >"%s/lib/server/classes.jsa"\n' '$(dirname "$0")/..' >"$out/bin/java"
chmod +x "$out/bin/java"
`
	fakeTool = "#!/bin/sh\necho \"tool $*\"\necho \"$JAVA_HOME\" | sed 's/.*layers/layers/'\nexec sh ./fake.sh \"$@\"\n"
	// fakeBuild makes what a build would make, of what the app keeps for it.
	fakeBuild = "mkdir -p target && cp -r built/. target/\n"
)

// site is the place of a build: an app, its layers and a platform, as a CNB
// lifecycle lays them out, with the archives that Java and Maven come from.
type site struct {
	t                *testing.T
	app, layers, dir string
	// member is the directory of app that is built, "" for all of it.
	member string
	// before, when set, changes the app before it is built.
	before     func()
	files      map[string]string
	env        map[string]string
	archive    *debiantest.Archive
	repository *repositoryServer
	now        func() time.Time
}

// repositoryServer is a Maven repository.
type repositoryServer struct {
	*httptest.Server
	mu       sync.Mutex
	files    map[string][]byte
	requests []string
	// before, when set, answers in place of the repository where it returns true.
	before func(w http.ResponseWriter, r *http.Request) bool
}

func (s *repositoryServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests = append(s.requests, r.URL.Path)
	before, data, found := s.before, s.files[r.URL.Path], s.files[r.URL.Path] != nil
	s.mu.Unlock()
	if before != nil && before(w, r) {
		return
	}
	if !found {
		http.NotFound(w, r)
		return
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
}

// publish adds a file with its checksum.
func (s *repositoryServer) publish(name string, data []byte) {
	sum := sha512.Sum512(data)
	s.files[name], s.files[name+".sha512"] = data, []byte(hex.EncodeToString(sum[:])+"\n")
}

// distribution is an archive of a build tool.
func distribution(t *testing.T, folder, program string) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	if err := w.WriteHeader(&tar.Header{Name: folder + "/bin/" + program, Mode: 0o755, Size: int64(len(fakeTool)), Typeflag: tar.TypeReg}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(fakeTool)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// zipped is a zip of texts by name. Names that end in a star are executable.
func zipped(t *testing.T, files map[string]string) string {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		header := &zip.FileHeader{Name: strings.TrimSuffix(name, "*"), Method: zip.Deflate, Modified: time.Now()}
		header.SetMode(0o644)
		if strings.HasSuffix(name, "*") {
			header.SetMode(0o755)
		}
		if strings.HasSuffix(name, "/") {
			header.SetMode(fs.ModeDir | 0o755)
			header.Method = zip.Store
		}
		to, err := z.CreateHeader(header)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := to.Write([]byte(files[name])); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func newSite(t *testing.T) *site {
	t.Helper()
	dir := t.TempDir()
	s := &site{
		t: t, dir: dir, app: filepath.Join(dir, "app"), layers: filepath.Join(dir, "layers"), now: time.Now,
		repository: &repositoryServer{files: map[string][]byte{}},
		files:      map[string]string{},
	}
	s.repository.Server = httptest.NewServer(s.repository)
	t.Cleanup(s.repository.Close)
	for _, version := range []string{"3.9.16", "3.8.8"} {
		s.repository.publish("/org/apache/maven/apache-maven/"+version+"/apache-maven-"+version+"-bin.tar.gz", distribution(t, "apache-maven-"+version, "mvn"))
	}
	s.repository.publish("/org/apache/maven/apache-maven/3.9.9/apache-maven-3.9.9-bin.zip", []byte(zipped(t, map[string]string{"apache-maven-3.9.9/bin/mvn*": fakeTool})))
	java := func(release, version string) debiantest.Package {
		home := "/usr/lib/jvm/java-" + release + "-openjdk-amd64"
		return debiantest.Package{
			Name: "openjdk-" + release + "-jdk-headless", Version: version,
			Files: map[string]string{home + "/bin/java*": "#!/bin/sh\n", home + "/bin/jlink*": fakeJlink, home + "/release": version},
		}
	}
	s.archive = debiantest.New(t, java("17", "17.0.19+10-1"), java("21", "21.0.13+9-1"), java("25", "25.0.5+8-1"))
	s.env = map[string]string{"PATH": os.Getenv("PATH"), "MVNW_REPOURL": s.repository.URL}
	for _, d := range []string{s.layers, filepath.Join(dir, "buildpack"), filepath.Join(dir, "platform")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "buildpack", "buildpack.toml"), TOML, 0o644); err != nil {
		t.Fatal(err)
	}
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

// fresh makes the app as its author left it, as every build finds it.
func (s *site) fresh() {
	s.t.Helper()
	if err := os.RemoveAll(s.app); err != nil {
		s.t.Fatal(err)
	}
	if err := os.MkdirAll(s.app, 0o755); err != nil {
		s.t.Fatal(err)
	}
	for name, text := range s.files {
		if err := layer.WriteBeside(filepath.Join(s.app, name), []byte(text), 0o644); err != nil {
			s.t.Fatal(err)
		}
	}
}

// ending is a libcnb.ExitHandler that keeps how a phase ended.
type ending struct{ err error }

func (e *ending) Error(err error) { e.err = err }
func (e *ending) Fail()           {}
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

// build runs the whole of libcnb's build phase on a fresh copy of the app.
func (s *site) build() (string, error) {
	s.t.Helper()
	s.fresh()
	if s.before != nil {
		s.before()
	}
	s.t.Chdir(filepath.Join(s.app, s.member))
	for name, value := range map[string]string{
		"CNB_BUILDPACK_DIR": filepath.Join(s.dir, "buildpack"), "CNB_LAYERS_DIR": s.layers,
		"CNB_PLATFORM_DIR": filepath.Join(s.dir, "platform"), "CNB_BP_PLAN_PATH": filepath.Join(s.dir, "plan.toml"),
		"CNB_TARGET_OS": "linux", "CNB_TARGET_ARCH": "amd64", "CNB_TARGET_DISTRO_NAME": "test",
	} {
		s.t.Setenv(name, value)
	}
	var out output
	var end ending
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	fetcher := download.NewFetcher(&http.Client{})
	fetcher.Tries = 2
	fetcher.Pause = func(int) time.Duration { return time.Millisecond }
	helpers := language.Helpers{Out: &out, Env: s.env, Runner: tool.Local{Grace: time.Second}, Now: s.now, Fetcher: fetcher}
	build := language.Func(ctx, helpers, func(ctx context.Context, common *language.Build) (libcnb.BuildResult, error) {
		known, err := readReleases(TOML)
		if err != nil {
			return libcnb.BuildResult{}, err
		}
		b := &build{Build: common, releases: known}
		b.registries = func() error {
			catalogue, err := runtime.Builtin()
			b.Runtimes = runtime.Resolver{
				Catalogue: catalogue, Certificates: authority(s.t),
				Debian: &runtime.Debian{Repository: s.archive.Repository(s.t), Suites: s.archive.Suites(), Distribution: "debian-13"},
			}
			return err
		}
		return b.run(ctx)
	})
	libcnb.Build(build, libcnb.NewConfig(libcnb.WithArguments([]string{"build"}), libcnb.WithExitHandler(&end)))
	return out.text.String(), end.err
}

func (s *site) mustBuild() string {
	s.t.Helper()
	out, err := s.build()
	if err != nil {
		s.t.Fatalf("%v\n%s", err, out)
	}
	return out
}

// requests are what was asked of both archives since the last call.
func (s *site) requests() []string {
	s.repository.mu.Lock()
	defer s.repository.mu.Unlock()
	all := append(s.archive.Requests(), s.repository.requests...)
	s.repository.requests = nil
	return all
}

// web is the command of the process web.
func (s *site) web() string {
	s.t.Helper()
	var launch libcnb.LaunchTOML
	if _, err := toml.DecodeFile(filepath.Join(s.layers, "launch.toml"), &launch); err != nil {
		s.t.Fatal(err)
	}
	if len(launch.Processes) != 1 || launch.Processes[0].Type != "web" || !launch.Processes[0].Default {
		s.t.Fatalf("got %+v", launch.Processes)
	}
	return strings.ReplaceAll(launch.Processes[0].Command[2], s.layers, "LAYERS")
}

// listing lists the files below a directory of the site.
func (s *site) listing(name string) []string {
	s.t.Helper()
	var names []string
	root := filepath.Join(s.dir, name)
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if entry.Type()&fs.ModeSymlink != 0 {
			link, err := os.Readlink(path)
			names = append(names, rel+" -> "+link)
			return err
		}
		names = append(names, rel)
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return names
}

// stamps are the times of change in a directory of the site, which tell whether
// anything in it was touched.
func (s *site) stamps(name string) map[string]string {
	s.t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(filepath.Join(s.dir, name), func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		all[path] = fmt.Sprint(info.ModTime().UnixNano(), " ", layer.ChangeTime(info))
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return all
}

// sums are checksums of the files below a directory of the site.
func (s *site) sums(name string) map[string]string {
	s.t.Helper()
	all := map[string]string{}
	for _, file := range s.listing(name) {
		file, _, _ = strings.Cut(file, " -> ")
		data, err := os.ReadFile(filepath.Join(s.dir, name, file))
		if err != nil {
			data = []byte(err.Error())
		}
		sum := sha256.Sum256(data)
		all[file] = hex.EncodeToString(sum[:])
	}
	return all
}

// entries are the names in a jar, with the text of those that are short.
func (s *site) entries(name string) map[string]string {
	s.t.Helper()
	j, err := openJar(filepath.Join(s.dir, name))
	if err != nil {
		s.t.Fatal(err)
	}
	defer j.Close()
	all := map[string]string{}
	for _, entry := range j.File {
		data, err := readEntry(entry, 1<<20)
		if err != nil {
			s.t.Fatal(err)
		}
		all[entry.Name] = string(data)
	}
	return all
}

// holds checks that a text has others in it.
func holds(t *testing.T, text string, wanted ...string) {
	t.Helper()
	for _, want := range wanted {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

var oneAuthority = sync.OnceValue(func() []byte {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IsCA: true, NotAfter: time.Now().AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
})

// authority is a certificate in PEM form.
func authority(t *testing.T) []byte {
	t.Helper()
	text := oneAuthority()
	if text == nil {
		t.Fatal("no certificate could be made")
	}
	return text
}

func sha256Of(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
