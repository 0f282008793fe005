package daemon_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"

	"github.com/slugc/slugc/build/daemon"
	"github.com/slugc/slugc/build/daemon/daemontest"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestFromEnv(t *testing.T) {
	for _, c := range []struct {
		env  map[string]string
		want daemon.Config
	}{
		{nil, daemon.Config{}},
		{map[string]string{"DOCKER_HOST": "tcp://a:1", "DOCKER_API_VERSION": "1.41"}, daemon.Config{Host: "tcp://a:1", Version: "1.41"}},
		{map[string]string{"DOCKER_CERT_PATH": "/certs"}, daemon.Config{CertPath: "/certs", Unverified: true}},
		{map[string]string{"DOCKER_CERT_PATH": "/certs", "DOCKER_TLS_VERIFY": "1"}, daemon.Config{CertPath: "/certs"}},
		{map[string]string{"DOCKER_TLS_VERIFY": "1", "HOME": "/home/me"}, daemon.Config{CertPath: "/home/me/.docker"}},
		{map[string]string{"DOCKER_TLS_VERIFY": "1", "HOME": "/home/me", "DOCKER_CONFIG": "/conf"}, daemon.Config{CertPath: "/conf"}},
	} {
		if diff := cmp.Diff(c.want, daemon.FromEnv(func(name string) string { return c.env[name] })); diff != "" {
			t.Errorf("%v: %s", c.env, diff)
		}
	}
}

func TestDial(t *testing.T) {
	// ask is the path that a client asks a daemon of a version with.
	ask := func(theirs, asked string) (string, error) {
		e := &daemontest.Engine{Version: theirs}
		config := e.Start(t)
		config.Version = asked
		client, err := daemon.Dial(t.Context(), config)
		if err != nil {
			return "", err
		}
		defer client.Close()
		if _, found, err := client.Inspect(t.Context(), "some/image:1"); found || err != nil {
			t.Errorf("found %t, %v", found, err)
		}
		return e.Asked[len(e.Asked)-1], nil
	}
	for _, c := range []struct{ theirs, asked, want string }{
		{"1.41", "", "v1.41"}, {"1.44", "", "v1.44"}, {"1.48", "", "v1.48"}, {"1.52", "", "v1.48"}, {"1.52", "1.43", "v1.43"},
		{"1.40", "", "the API 1.40 is too old: expected 1.41 or newer"},
		{"1.44", "1.24", "the API 1.24, asked for by DOCKER_API_VERSION, is too old"},
		{"1.44", "new", `DOCKER_API_VERSION: "new" is no version of the API; expected MAJOR.MINOR`},
		{"1.44", "1.41x", `DOCKER_API_VERSION: "1.41x" is no version`},
		{"", "", "what answers there is no Docker daemon"},
	} {
		got, err := ask(c.theirs, c.asked)
		if err != nil {
			got = err.Error()
		}
		if strings.HasPrefix(c.want, "v") {
			c.want = "GET /" + c.want + "/images/some/image:1/json"
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("%s, asked for %s: got %s, want %s", c.theirs, c.asked, got, c.want)
		}
	}
	for host, want := range map[string]string{
		"unix:///nowhere/docker.sock": "the Docker daemon at unix:///nowhere/docker.sock: dial unix /nowhere/docker.sock: connect: no such file or directory; start it, or name another in DOCKER_HOST",
		"tcp://127.0.0.1:1":           "connection refused",
		"unix://":                     "it names no socket",
		"tcp://":                      "it names no host",
		"ssh://me@there":              "set DOCKER_HOST=unix:///tmp/docker.sock",
		"npipe://x":                   "expected unix://PATH or tcp://HOST:PORT",
		"unix://%zz":                  "it is not an address",
	} {
		_, err := daemon.Dial(t.Context(), daemon.Config{Host: host})
		if failed, ok := errors.AsType[*daemon.ConnectionError](err); !ok || failed.Host != host || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", host, err)
		}
	}
}

// TestTLS has a server that asks for the certificate of the client.
func TestTLS(t *testing.T) {
	e := &daemontest.Engine{Version: "1.41"}
	e.Start(t)
	server := httptest.NewUnstartedServer(e)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert, MinVersion: tls.VersionTLS12}
	server.StartTLS()
	t.Cleanup(server.Close)
	certificate := server.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(certificate.PrivateKey)
	must(t, err)
	write := func(kind string, content []byte) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content})
	}
	dir := t.TempDir()
	for name, content := range map[string][]byte{
		"ca.pem": write("CERTIFICATE", certificate.Certificate[0]), "cert.pem": write("CERTIFICATE", certificate.Certificate[0]),
		"key.pem": write("PRIVATE KEY", key),
	} {
		must(t, os.WriteFile(filepath.Join(dir, name), content, 0o600))
	}
	host := "tcp://" + server.Listener.Addr().String()
	for _, config := range []daemon.Config{{Host: host, CertPath: dir}, {Host: host, CertPath: dir, Unverified: true}} {
		client, err := daemon.Dial(t.Context(), config)
		must(t, err)
		client.Close()
	}
	must(t, os.WriteFile(filepath.Join(dir, "ca.pem"), []byte("nothing"), 0o600))
	for config, want := range map[daemon.Config]string{
		{Host: host}:                              "HTTP request to an HTTPS server",
		{Host: host, CertPath: dir}:               "ca.pem has no certificate",
		{Host: host, CertPath: dir + "/nowhere"}:  "DOCKER_CERT_PATH",
		{Host: "https://" + host[len("tcp://"):]}: "certificate",
	} {
		if _, err := daemon.Dial(t.Context(), config); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: got %v, want %s", config, err, want)
		}
	}
}

func TestLoad(t *testing.T) {
	e := &daemontest.Engine{Version: "1.41"}
	client := e.Dial(t)
	for _, c := range []struct{ answer, want string }{
		{`{"stream": "Loaded image: a\n"}`, ""},
		{``, ""},
		{`{"status": "x"}` + "\r\n" + `{"errorDetail": {"message": "bad tar"}, "error": "bad tar"}` + "\n", "the Docker daemon cannot load the image: bad tar"},
		{`{"error": "worse"}`, "the Docker daemon cannot load the image: worse"},
		{`{"stream": "Error unpacking image a: no blob\n"}`, "the Docker daemon cannot load the image: unpacking a: no blob"},
		{`<html>`, "the Docker daemon at unix://"},
	} {
		e.Broken = func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, c.answer) }
		err := client.Load(t.Context(), strings.NewReader("archive"))
		if c.want == "" && err == nil {
			continue
		}
		if err == nil || !strings.HasPrefix(err.Error(), c.want) || c.want == "" {
			t.Errorf("%s: got %v", c.answer, err)
		}
	}
	e.Broken = func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, "no JSON")
	}
	err := client.Load(t.Context(), strings.NewReader("archive"))
	if answer, ok := errors.AsType[*daemon.Error](err); !ok || answer.Status != http.StatusForbidden || answer.Message != "no JSON" {
		t.Errorf("got %v", err)
	}
}

func TestImage(t *testing.T) {
	e := &daemontest.Engine{Version: "1.41"}
	client := e.Dial(t)
	if _, _, found, err := client.Image(t.Context(), "app"); found || err != nil {
		t.Errorf("found %t, %v", found, err)
	}
	original := on(t, empty.Image, "app", zip(t, "first"), layer("last"))
	saved, err := daemon.Exporter{Client: client}.Export(t.Context(), original, []string{"app"})
	must(t, err)
	image, id, found, err := client.Image(t.Context(), "app")
	must(t, err)
	if !found || id != saved.ID {
		t.Errorf("found %t, %s", found, id)
	}
	config, err := image.ConfigFile()
	must(t, err)
	want, err := original.ConfigFile()
	must(t, err)
	if diff := cmp.Diff(want.RootFS, config.RootFS); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want.Config, config.Config); diff != "" {
		t.Error(diff)
	}
	history := []v1.History{{Created: v1.Time{Time: time.Unix(5, 0).UTC()}, CreatedBy: "first", Comment: "a comment"}, {Created: v1.Time{Time: time.Unix(0, 0).UTC()}, CreatedBy: "last"}}
	if diff := cmp.Diff(history, config.History); diff != "" {
		t.Error(diff)
	}
	layers, err := image.Layers()
	must(t, err)
	for i, l := range layers {
		content, err := l.Uncompressed()
		must(t, err)
		sum, size, err := v1.SHA256(content)
		must(t, errors.Join(err, content.Close()))
		if sum != want.RootFS.DiffIDs[i] {
			t.Errorf("layer %d has %d bytes with the digest %s", i, size, sum)
		}
	}
	e.Remove("app")
	if _, err := layers[0].Uncompressed(); err == nil || !strings.Contains(err.Error(), "No such image") {
		t.Errorf("got %v", err)
	}
}

// TestHold: the connections serve a process that may not open the socket any more.
func TestHold(t *testing.T) {
	const variable = "TEST_HOLD_HOST"
	if host := os.Getenv(variable); host != "" {
		client, err := daemon.Dial(t.Context(), daemon.Config{Host: host})
		must(t, err)
		must(t, client.Hold(t.Context(), 2))
		client.Close()
		must(t, client.Hold(t.Context(), 2))
		must(t, syscall.Setuid(65534))
		for range 3 {
			if _, _, err := client.Inspect(t.Context(), "app"); err != nil {
				t.Error(err)
			}
		}
		if _, err := daemon.Dial(t.Context(), daemon.Config{Host: host}); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("the socket is open to everybody: %v", err)
		}
		return
	}
	if os.Getuid() != 0 {
		t.Skip("only root can stop being root")
	}
	e := &daemontest.Engine{Version: "1.41"}
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestHold$", "-test.v")
	child.Env = append(os.Environ(), variable+"="+e.Start(t).Host)
	if out, err := child.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
