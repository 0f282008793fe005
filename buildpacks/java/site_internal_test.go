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
	"github.com/slugc/slugc/buildpacks/language/languagetest"
	"github.com/slugc/slugc/stack/debian/debiantest"
	"github.com/slugc/slugc/stack/download/downloadtest"
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

// site is the place of a build, with the archives that Java and Maven come from.
type site struct {
	*languagetest.Site
	// before, when set, changes the app before it is built.
	before     func()
	files      map[string]string
	archive    *debiantest.Archive
	repository *repositoryServer
}

// repositoryServer is a Maven repository.
type repositoryServer struct {
	*httptest.Server
	downloadtest.Gate
	files map[string][]byte
}

func (s *repositoryServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.Admit(w, r) {
		return
	}
	if data := s.files[r.URL.Path]; data != nil {
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
		return
	}
	http.NotFound(w, r)
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
	s := &site{Site: languagetest.New(t, TOML), repository: &repositoryServer{files: map[string][]byte{}}, files: map[string]string{}}
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
	s.Env["MVNW_REPOURL"] = s.repository.URL
	s.Fetcher.Tries = 2
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

// build runs the whole of libcnb's build phase on a fresh copy of the app.
func (s *site) build() (string, error) {
	s.T.Helper()
	s.Remake(s.files)
	if s.before != nil {
		s.before()
	}
	return s.BuildBy(s.run)
}

// run is Build but for where Java comes from.
func (s *site) run(ctx context.Context, common *language.Build) (libcnb.BuildResult, error) {
	known, err := readReleases(TOML)
	if err != nil {
		return libcnb.BuildResult{}, err
	}
	b := &build{Build: common, releases: known}
	b.registries = func() error {
		err := languagetest.DebianAlone(s.T, s.archive, common)
		b.Runtimes.Certificates = authority(s.T)
		return err
	}
	return b.run(ctx)
}

func (s *site) mustBuild() string {
	s.T.Helper()
	return s.Must(s.build())
}

// requests are what was asked of both archives since the last call.
func (s *site) requests() []string {
	defer s.repository.Forget()
	return append(s.archive.Requests(), s.repository.Requests()...)
}

// web is the command of the process web.
func (s *site) web() string {
	s.T.Helper()
	var launch libcnb.LaunchTOML
	if _, err := toml.DecodeFile(filepath.Join(s.Layers, "launch.toml"), &launch); err != nil {
		s.T.Fatal(err)
	}
	if len(launch.Processes) != 1 || launch.Processes[0].Type != "web" || !launch.Processes[0].Default {
		s.T.Fatalf("got %+v", launch.Processes)
	}
	return strings.ReplaceAll(launch.Processes[0].Command[2], s.Layers, "LAYERS")
}

// sums are checksums of the files below a directory of the site.
func (s *site) sums(name string) map[string]string {
	s.T.Helper()
	all := map[string]string{}
	for _, file := range s.Files(name) {
		file, _, _ = strings.Cut(file, " -> ")
		data, err := os.ReadFile(filepath.Join(s.Dir, name, file))
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
	s.T.Helper()
	j, err := openJar(filepath.Join(s.Dir, name))
	if err != nil {
		s.T.Fatal(err)
	}
	defer j.Close()
	all := map[string]string{}
	for _, entry := range j.File {
		data, err := readEntry(entry, 1<<20)
		if err != nil {
			s.T.Fatal(err)
		}
		all[entry.Name] = string(data)
	}
	return all
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
