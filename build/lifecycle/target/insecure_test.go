package target_test

import (
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"

	"github.com/slugc/slugc/build/lifecycle/target"
	"github.com/slugc/slugc/build/oci"
)

// lanAddress is an address of this machine that is not on loopback, where registries
// are reached without TLS by themselves.
func lanAddress(t *testing.T) string {
	t.Helper()
	found, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range found {
		if ip, ok := a.(*net.IPNet); ok && !ip.IP.IsLoopback() && ip.IP.To4() != nil {
			return ip.IP.String()
		}
	}
	t.Skip("this machine has no address but on loopback")
	return ""
}

func TestInsecure(t *testing.T) {
	if target.Insecure(nil) != nil || target.Insecure([]string{""}) != nil {
		t.Error("there is a transport for no registries")
	}
	for name, serve := range map[string]func(http.Handler, net.Listener) *httptest.Server{
		"plain": func(h http.Handler, l net.Listener) *httptest.Server {
			s := httptest.NewUnstartedServer(h)
			s.Listener = l
			s.Start()
			return s
		},
		"a certificate of its own": func(h http.Handler, l net.Listener) *httptest.Server {
			s := httptest.NewUnstartedServer(h)
			s.Listener = l
			s.Config.ErrorLog = log.New(io.Discard, "", 0)
			s.StartTLS()
			return s
		},
	} {
		t.Run(name, func(t *testing.T) {
			listener, err := net.Listen("tcp", net.JoinHostPort(lanAddress(t), "0"))
			if err != nil {
				t.Skip(err)
			}
			// Registries say where an upload goes on with the whole address.
			inner := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
			handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				inner.ServeHTTP(&absolute{w, r}, r)
			})
			server := serve(handler, listener)
			t.Cleanup(server.Close)
			host := listener.Addr().String()
			image, err := random.Image(100, 2)
			if err != nil {
				t.Fatal(err)
			}
			r := target.Registry{Transport: target.Insecure([]string{"other.example", host + "/team"})}
			if err := r.Access(t.Context(), nil, []string{host + "/app"}); err != nil {
				t.Error(err)
			}
			saved, err := r.Export(t.Context(), oci.Image{Image: image}, []string{host + "/app"})
			if err != nil || saved.Names[0].Err != nil {
				t.Errorf("%v, %+v", err, saved)
			}
			if !r.Reach(t.Context(), host+"/app") {
				t.Error("it is not there")
			}
		})
	}
}

// absolute answers with whole addresses.
type absolute struct {
	http.ResponseWriter
	r *http.Request
}

func (a *absolute) WriteHeader(code int) {
	scheme := "http"
	if a.r.TLS != nil {
		scheme = "https"
	}
	if at := a.Header().Get("Location"); strings.HasPrefix(at, "/") {
		a.Header().Set("Location", scheme+"://"+a.r.Host+at)
	}
	a.ResponseWriter.WriteHeader(code)
}
