package main

import (
	"archive/tar"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/slugc/slugc/build/lifecycle/platform"
	"github.com/slugc/slugc/stack/processtest"
)

// asProgram is set in a process of the test that is the program.
const asProgram = "LIFECYCLE_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	os.Exit(m.Run())
}

// builderID is the user and group that builds where root runs the test.
const builderID = 65534

// owner is the user that builds.
func owner() (uid, gid int) {
	if os.Getuid() == 0 {
		return builderID, builderID
	}
	return os.Getuid(), os.Getgid()
}

// command is the program in a process of its own, by the name of a phase, and as
// the user whom platforms start that phase as.
func (b builder) command(api, phase string, args ...string) *exec.Cmd {
	c := exec.CommandContext(b.t.Context(), "/proc/self/exe", args...)
	c.Args[0] = "/cnb/lifecycle/" + phase
	uid, gid := owner()
	c.Env = []string{
		asProgram + "=yes", "CNB_PLATFORM_API=" + api, "CNB_NO_COLOR=true", "PATH=" + os.Getenv("PATH"), "HOME=" + b.dir, "TMPDIR=" + b.at("tmp"),
		fmt.Sprintf("CNB_USER_ID=%d", uid), fmt.Sprintf("CNB_GROUP_ID=%d", gid),
	}
	if os.Getuid() == 0 && (phase == "detector" || phase == "builder") {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: builderID, Gid: builderID}}
	}
	return c
}

// arguments are what a platform says to a phase.
func (b builder) arguments(phase, image string) []string {
	layers := []string{"-layers", b.at("layers")}
	place := []string{"-app", b.at("app"), "-platform", b.at("platform"), "-buildpacks", b.at("buildpacks")}
	cache := []string{"-cache-dir", b.at("cache")}
	export := []string{"-launcher", b.at("launcher")}
	run, order := []string{"-run-image", b.host + "/run"}, []string{"-order", b.at("order.toml")}
	return map[string][]string{
		"analyzer": slices.Concat(layers, run, []string{image}),
		"detector": slices.Concat(layers, place, order),
		"restorer": slices.Concat(layers, cache),
		"builder":  slices.Concat(layers, place),
		"exporter": slices.Concat(layers, place[:2], cache, export, []string{image}),
		"creator":  slices.Concat(layers, place, order, cache, export, run, []string{image}),
	}[phase]
}

// fresh makes directories anew, and gives them to the user that builds.
func (b builder) fresh(dirs ...string) {
	b.t.Helper()
	uid, gid := owner()
	for _, dir := range dirs {
		must(b.t, os.RemoveAll(b.at(dir)))
		must(b.t, os.MkdirAll(b.at(dir), 0o755))
		must(b.t, os.Chown(b.at(dir), uid, gid))
	}
}

func (b builder) digest(image string) string {
	b.t.Helper()
	found, err := remote.Head(b.tag(image))
	if err != nil {
		b.t.Fatal(err)
	}
	return found.Digest.String()
}

// phases runs phases one after the other, on new layers.
func (b builder) phases(api, image string, phases ...string) (out string) {
	b.t.Helper()
	b.fresh("layers", "tmp")
	var said bytes.Buffer
	for _, phase := range phases {
		c := b.command(api, phase, b.arguments(phase, b.host+"/"+image)...)
		c.Stdout, c.Stderr = &said, &said
		if err := c.Run(); err != nil {
			b.t.Fatalf("%s %s of %s: %v\n%s", phase, api, image, err, &said)
		}
	}
	left, err := os.ReadDir(b.at("tmp"))
	if err != nil || len(left) > 0 {
		b.t.Errorf("left in the directory for temporary files: %v, %v", left, err)
	}
	return said.String()
}

// five are the phases of a platform that does not trust a builder.
var five = []string{"analyzer", "detector", "restorer", "builder", "exporter"}

// TestPhases builds by five phases what the creator builds, at first and again.
func TestPhases(t *testing.T) {
	apis := platform.APIs()
	if !thorough {
		apis = []string{apis[0], apis[len(apis)-1]}
	}
	for _, api := range apis {
		t.Run(api, func(t *testing.T) {
			b := newBuilder(t)
			digests := map[string][]string{}
			for _, c := range []struct {
				image  string
				phases []string
			}{{"created", []string{"creator"}}, {"phased", five}} {
				b.fresh("cache")
				for round, want := range []string{"Making the greeter", "Reusing the greeter"} {
					out := b.phases(api, c.image, c.phases...)
					if count := fmt.Sprintf("Build number %d\n", round+1); !strings.Contains(out, want) || !strings.Contains(out, count) {
						t.Errorf("%s says no %q or no %q:\n%s", c.image, want, count, out)
					}
					digests[c.image] = append(digests[c.image], b.digest(c.image))
				}
			}
			if !slices.Equal(digests["created"], digests["phased"]) || digests["phased"][0] != digests["phased"][1] {
				t.Errorf("digests: %v", digests)
			}
		})
	}
}

// TestPhasesDrop shows whose the files of root's phases are, and that buildpacks
// see no credentials of theirs.
func TestPhasesDrop(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root has privileges to drop")
	}
	b := newBuilder(t)
	b.write("buildpacks/test_hello/1.0.0/bin/build", `#!/bin/bash
set -u
env
id
for i in 1 $PPID; do tr '\0' '\n' <"/proc/$i/environ"; done
exit 0
`)
	must(t, os.Chmod(b.at("buildpacks/test_hello/1.0.0/bin/build"), 0o755))
	b.fresh("layers", "tmp", "cache")
	var said bytes.Buffer
	for _, phase := range append(slices.Clone(five), "creator") {
		// The directories that such a phase takes over.
		dirs := map[string][]string{"analyzer": {"layers", "cache"}, "restorer": {"layers", "cache"}, "exporter": {"cache"}, "creator": {"layers", "cache"}}
		for _, dir := range dirs[phase] {
			must(t, os.Chown(b.at(dir), 0, 0))
		}
		c := b.command("0.15", phase, b.arguments(phase, b.host+"/app")...)
		c.Env = append(c.Env, `CNB_REGISTRY_AUTH={"registry.example": "Bearer sesame"}`)
		c.Stdout, c.Stderr = &said, &said
		if err := c.Run(); err != nil {
			t.Fatalf("%s: %v\n%s", phase, err, &said)
		}
	}
	if strings.Contains(said.String(), "sesame") || !strings.Contains(said.String(), "uid=65534") || !strings.Contains(said.String(), "Permission denied") {
		t.Errorf("a buildpack saw\n%s", &said)
	}
	err := filepath.WalkDir(b.at("layers"), func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Lstat(path)
		if stat, ok := info.Sys().(*syscall.Stat_t); err == nil && (!ok || stat.Uid != builderID) {
			t.Errorf("%s belongs to %d", path, stat.Uid)
		}
		return err
	})
	must(t, err)
}

func TestPhasesRefuseRoot(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root is root")
	}
	b := newBuilder(t)
	for phase, verb := range map[string]string{"detector": "detect", "builder": "build"} {
		var out bytes.Buffer
		code := run(t.Context(), append([]string{phase}, b.arguments(phase, "")...), []string{"CNB_PLATFORM_API=0.15", "CNB_NO_COLOR=true"}, &out)
		if want := "ERROR: failed to " + verb + ": refusing to run as root\n"; code != 1 || out.String() != want {
			t.Errorf("%s: code %d, %q", phase, code, out.String())
		}
	}
}

// slow is a registry where requests of a kind have no end.
type slow struct {
	registry http.Handler
	mu       sync.Mutex
	kind     func(*http.Request) bool
	// asked is closed once there is such a request, and done when it may end.
	asked, done chan struct{}
}

func (s *slow) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	hang := s.kind != nil && s.kind(r)
	if hang {
		s.kind = nil
		close(s.asked)
	}
	s.mu.Unlock()
	if hang {
		<-s.done
		return
	}
	s.registry.ServeHTTP(w, r)
}

func (s *slow) hang(kind func(*http.Request) bool) (asked chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kind, s.asked = kind, make(chan struct{})
	return s.asked
}

// hangingBuilder is a builder with a registry that can be made to hang.
func hangingBuilder(t *testing.T) (builder, *slow) {
	t.Helper()
	b := newBuilder(t)
	hanging := &slow{registry: registry.New(registry.Logger(log.New(io.Discard, "", 0))), done: make(chan struct{})}
	server := httptest.NewServer(hanging)
	t.Cleanup(func() {
		close(hanging.done)
		server.Close()
	})
	image, err := remote.Image(b.tag("run"))
	must(t, err)
	b.host = server.Listener.Addr().String()
	must(t, remote.Write(b.tag("run"), image))
	return b, hanging
}

// await waits for the request that hangs.
func await(t *testing.T, asked <-chan struct{}) {
	t.Helper()
	select {
	case <-asked:
	case <-time.After(20 * time.Second):
		t.Error("the registry was not asked")
	}
}

// TestPhasesStop ends phases in the middle of what they do: nothing that others
// would take for finished is there then, and nothing is left over.
func TestPhasesStop(t *testing.T) {
	registryOf := func(r *http.Request, method, part string) bool {
		return r.Method == method && strings.Contains(r.URL.Path, part)
	}
	for _, c := range []struct {
		phase string
		code  int
		// before are the phases that ran.
		before []string
		// request is one to the registry that has no answer; without one a buildpack
		// sleeps in the program of the phase.
		request func(*http.Request) bool
		// program is of a buildpack.
		program string
		// files are not there afterwards.
		files []string
	}{
		{phase: "analyzer", code: 32, request: func(r *http.Request) bool { return registryOf(r, "GET", "/run/manifests/") }, files: []string{"layers/analyzed.toml"}},
		{phase: "detector", code: 22, before: five[:1], program: "detect", files: []string{"layers/group.toml", "layers/plan.toml"}},
		{phase: "restorer", code: 1, before: five[:2], request: func(r *http.Request) bool { return registryOf(r, "GET", "/build/manifests/") }},
		{phase: "builder", code: 52, before: five[:3], program: "build", files: []string{"layers/config/metadata.toml"}},
		{
			phase: "exporter", code: 62, before: five[:4], request: func(r *http.Request) bool { return registryOf(r, "PATCH", "/app/blobs/uploads/") },
			files: []string{"layers/report.toml"},
		},
		{phase: "creator", code: 52, program: "build", files: []string{"layers/config/metadata.toml", "layers/report.toml"}},
	} {
		t.Run(c.phase, func(t *testing.T) {
			b, hanging := hangingBuilder(t)
			b.fresh("cache")
			b.phases("0.15", "app", c.before...)
			asked := hanging.hang(c.request)
			args := b.arguments(c.phase, b.host+"/app")
			if c.phase == "restorer" {
				args = append([]string{"-build-image", b.host + "/build"}, args...)
			}
			started := b.at("tmp/started")
			if c.request == nil {
				program := b.at("buildpacks/test_hello/1.0.0/bin/" + c.program)
				must(t, os.WriteFile(program, []byte("#!/bin/bash\nsleep 1000 &\necho $! >\""+started+"\"\nwait\n"), 0o755))
				b.fresh("layers")
				b.phases("0.15", "app", c.before...)
			}
			before, _ := os.ReadFile(b.at("layers/analyzed.toml"))
			command := b.command("0.15", c.phase, args...)
			var said bytes.Buffer
			command.Stdout, command.Stderr = &said, &said
			must(t, command.Start())
			pid := 0
			if c.request != nil {
				await(t, asked)
			} else {
				pid = processtest.Noted(t, started)
			}
			must(t, command.Process.Signal(syscall.SIGTERM))
			err := command.Wait()
			if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != c.code {
				t.Errorf("it ended with %v, expected %d\n%s", err, c.code, &said)
			}
			for _, file := range c.files {
				if _, err := os.Lstat(b.at(file)); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("there is a %s", file)
				}
			}
			if after, _ := os.ReadFile(b.at("layers/analyzed.toml")); c.phase != "creator" && !bytes.Equal(before, after) {
				t.Errorf("analyzed.toml is\n%s", after)
			}
			if pid != 0 {
				processtest.Gone(t, pid)
				must(t, os.Remove(started))
			}
			left, err := os.ReadDir(b.at("tmp"))
			if err != nil || len(left) > 0 {
				t.Errorf("left over: %v, %v", left, err)
			}
			if _, err := remote.Head(b.tag("app")); err == nil {
				t.Error("there is an image")
			}
			if kept, err := filepath.Glob(b.at("cache/committed/*")); err != nil || len(kept) > 0 {
				t.Errorf("the cache has %v", kept)
			}
		})
	}
}

// TestPhasesCredentials builds at a registry that lets nobody in without a password,
// which only root can read, or only a variable has.
func TestPhasesCredentials(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root has secrets before others")
	}
	b := newBuilder(t)
	image, err := remote.Image(b.tag("run"))
	must(t, err)
	inner := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if name, password, _ := r.BasicAuth(); name != "me" || password != "sesame" {
			w.Header().Set("WWW-Authenticate", "Basic realm=registry")
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		inner.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	b.host = server.Listener.Addr().String()
	must(t, remote.Write(b.tag("run"), image, remote.WithAuth(&authn.Basic{Username: "me", Password: "sesame"})))
	header := base64.StdEncoding.EncodeToString([]byte("me:sesame"))
	must(t, os.Mkdir(b.at("docker"), 0o700))
	b.write("docker/config.json", fmt.Sprintf(`{"auths": {%q: {"auth": %q}}}`, b.host, header))
	for _, env := range []string{"DOCKER_CONFIG=" + b.at("docker"), fmt.Sprintf(`CNB_REGISTRY_AUTH={"http://%s/v2/": "basic %s"}`, b.host, header), ""} {
		b.fresh("layers", "tmp", "cache")
		var said bytes.Buffer
		for _, phase := range five {
			c := b.command("0.15", phase, b.arguments(phase, b.host+"/app")...)
			c.Env = append(c.Env, env)
			c.Stdout, c.Stderr = &said, &said
			err = c.Run()
			if env == "" {
				break
			}
			if err != nil {
				t.Errorf("%s with %s: %v\n%s", phase, env, err, &said)
				break
			}
		}
		if env == "" && (err == nil || !strings.Contains(said.String(), "failed to ensure registry read")) {
			t.Errorf("without credentials: %v\n%s", err, &said)
		}
	}
}

// TestPhasesInsecure builds at a registry without TLS that is not on loopback.
func TestPhasesInsecure(t *testing.T) {
	b := newBuilder(t)
	image, err := remote.Image(b.tag("run"))
	must(t, err)
	addresses, err := net.InterfaceAddrs()
	must(t, err)
	at := slices.IndexFunc(addresses, func(a net.Addr) bool {
		ip, is := a.(*net.IPNet)
		return is && ip.IP.To4() != nil && !ip.IP.IsLoopback() && !ip.IP.IsPrivate()
	})
	if at < 0 {
		t.Skip("all addresses of this machine are taken to be without TLS")
	}
	ip, _, err := net.ParseCIDR(addresses[at].String())
	must(t, err)
	server := httptest.NewUnstartedServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	must(t, server.Listener.Close())
	server.Listener, err = net.Listen("tcp", net.JoinHostPort(ip.String(), "0"))
	must(t, err)
	server.Start()
	t.Cleanup(server.Close)
	b.host = server.Listener.Addr().String()
	tag, err := name.NewTag(b.host+"/run", name.Insecure)
	must(t, err)
	must(t, remote.Write(tag, image))
	for _, env := range []string{"CNB_INSECURE_REGISTRIES=other.example," + b.host, ""} {
		b.fresh("layers", "tmp", "cache")
		var said bytes.Buffer
		var err error
		for _, phase := range five {
			c := b.command("0.15", phase, b.arguments(phase, b.host+"/app")...)
			c.Env = append(c.Env, env)
			c.Stdout, c.Stderr = &said, &said
			if err = c.Run(); err != nil {
				break
			}
		}
		if (err == nil) != (env != "") {
			t.Errorf("with %s: %v\n%s", env, err, &said)
		}
	}
}

// TestPhasesStopRestore ends the restorer in the middle of a layer: there is no part
// of it then.
func TestPhasesStopRestore(t *testing.T) {
	b := newBuilder(t)
	b.fresh("cache", "layers", "tmp")
	// A cache as if it had that layer, which is read for a while before its end.
	diffID := "sha256:" + strings.Repeat("0", 64)
	header := tar.Header{Name: b.at("layers/test_hello/big/hole"), Size: 512 << 20, Mode: 0o644}
	var start bytes.Buffer
	must(t, tar.NewWriter(&start).WriteHeader(&header))
	b.write("cache/committed/"+diffID+".tar", start.String())
	must(t, os.Truncate(b.at("cache/committed/"+diffID+".tar"), int64(start.Len())+512<<20+1024))
	b.write("cache/committed/io.buildpacks.lifecycle.cache.metadata",
		`{"buildpacks":[{"key":"test/hello","version":"1.0.0","layers":{"big":{"sha":"`+diffID+`","cache":true}}}]}`)
	uid, gid := owner()
	must(t, os.Chown(b.at("cache/committed"), uid, gid))
	b.phases("0.15", "app", "analyzer", "detector")
	c := b.command("0.15", "restorer", b.arguments("restorer", "")...)
	var said bytes.Buffer
	c.Stdout, c.Stderr = &said, &said
	must(t, c.Start())
	begun := false
	for range 1000 {
		entries, err := os.ReadDir(b.at("layers/test_hello"))
		if begun = err == nil && len(entries) > 1; begun {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	must(t, c.Process.Signal(syscall.SIGTERM))
	err := c.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 42 || !begun {
		t.Errorf("it ended with %v, begun %v\n%s", err, begun, &said)
	}
	entries, err := os.ReadDir(b.at("layers/test_hello"))
	must(t, err)
	for _, entry := range entries {
		if entry.IsDir() {
			t.Errorf("there is a %s", entry.Name())
		}
	}
}
