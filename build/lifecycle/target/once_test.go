package target_test

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/slugc/slugc/build/lifecycle/target"
)

func TestOnce(t *testing.T) {
	var asked, lost atomic.Int64
	inner := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.Method == http.MethodHead && strings.Contains(r.URL.Path, "/blobs/") && lost.Load() > 0 {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		inner.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	host := server.Listener.Addr().String()
	image, err := random.Image(100, 3)
	if err != nil {
		t.Fatal(err)
	}
	tag, err := name.NewTag(host + "/app")
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(tag, image); err != nil {
		t.Fatal(err)
	}
	once := &target.Once{Target: target.Registry{Backoff: time.Millisecond}}
	if err := once.Access(t.Context(), []string{host + "/app", "", host + "/none"}, nil); err != nil {
		t.Fatal(err)
	}
	before := asked.Load()
	for _, image := range []string{host + "/app", host + "/none", host + "/app"} {
		found, err := once.Find(t.Context(), image)
		if err != nil || found.There != strings.HasSuffix(image, "app") {
			t.Fatalf("%+v, %v", found, err)
		}
		if found.There {
			if again, err := once.Find(t.Context(), found.ID); err != nil || again.ID != found.ID {
				t.Errorf("by its id it is %+v, %v", again, err)
			}
		}
	}
	if now := asked.Load(); now != before {
		t.Errorf("the registry was asked %d times again", now-before)
	}
	found, err := once.Find(t.Context(), host+"/app")
	if err != nil {
		t.Fatal(err)
	}
	if err := once.Check(t.Context(), found); err != nil {
		t.Error(err)
	}
	lost.Store(1)
	if err := once.Check(t.Context(), found); err == nil {
		t.Error("an image without its layers is whole")
	}
	err = once.Access(t.Context(), []string{"127.0.0.1:1/closed"}, nil)
	if err == nil || !strings.Contains(err.Error(), "validating registry read access: failed to ensure registry read access to 127.0.0.1:1/closed") {
		t.Errorf("closed: %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("enough"))
	if err := once.Access(ctx, []string{host + "/later"}, nil); err == nil {
		t.Error("a context that ended ends nothing")
	}
}
