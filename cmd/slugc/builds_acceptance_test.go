//go:build acceptance

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slugc/slugc/release/ledger"
	"github.com/slugc/slugc/release/queue"
	"github.com/slugc/slugc/release/queue/worker"
	"github.com/slugc/slugc/release/queue/workertest"
)

// askedBuild is a classic buildpack that does what the app asks of it.
const askedBuild = `case $(cat "$1/what") in
%s)
  i=0
  while [ $i -lt %d ]; do
    i=$((i + 1)); echo "line $i"
    i=$((i + 1)); echo "line $i" >&2
  done ;;
%s) echo "it broke" >&2; exit 3 ;;
%s)
  echo waiting
  sleep %[5]d ;;
%[6]s)
  trap '' TERM INT HUP
  (trap '' TERM INT HUP; while :; do sleep %[5]d; done) &
  echo waiting
  while :; do sleep %[5]d; done ;;
esac
`

// TestWorkerOfRealBuilds has slugc itself pass what every worker has to.
func TestWorkerOfRealBuilds(t *testing.T) {
	long := 900000000 // a sleep that is known by its length
	workertest.Run(t, func(t *testing.T) workertest.Place {
		s := newSlugc(t)
		long++
		own := fmt.Sprint(long)
		s.program("asked/bin/detect", "echo Asked")
		s.program("asked/bin/compile", fmt.Sprintf(askedBuild, workertest.Prints, workertest.Lines, workertest.Fails, workertest.Waits, long, workertest.Deaf))
		s.program("asked/bin/release", `printf -- '---\ndefault_process_types:\n  web: "true"\n'`)
		env := s.command(t.Context()).Env
		env = append(env, "SLUGC_HOME="+s.path("slugc"), "SLUGC_CACHE="+s.path("cache"), "SLUGC_BUILDPACKS="+s.path("asked"))
		return workertest.Place{
			Worker: worker.Local{
				Program: binary(t), Args: []string{"slugc"}, Env: env, Dir: s.path("work"),
				Checkout: func(_ context.Context, s queue.Source, dir string, _ io.Writer) error {
					return os.WriteFile(filepath.Join(dir, "what"), []byte(path.Base(s.Location)), 0o600)
				},
			},
			Reason: "bin/compile: exit status 3", Unkillable: true,
			Alive: func() int { return alive(t, own) + alive(t, s.path("work")) },
		}
	})
}

// alive is how many processes have a text in their arguments.
func alive(t *testing.T, text string) int {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, file := range files {
		if line, err := os.ReadFile(file); err == nil && strings.Contains(string(line), text) {
			n++
		}
	}
	return n
}

// TestBuildsOfApps has an engine build sample apps, and again.
func TestBuildsOfApps(t *testing.T) {
	t.Parallel()
	s := newSlugc(t)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	l, err := ledger.Open(t.Context(), ledger.Settings{Dir: s.path("slugc"), Keys: ledger.Keys{File: s.path("slugc/key")}})
	must(err)
	q, err := l.Queue(0)
	must(err)
	defer func() { must(errors.Join(q.Close(), l.Close())) }()
	engine := queue.Engine{
		Store: q, Warn: func(err error) { t.Error(err) },
		Worker: worker.Local{
			Program: binary(t), Args: []string{"slugc"}, Dir: s.path("work"),
			Env: append(s.command(t.Context()).Env, "SLUGC_HOME="+s.path("slugc"), "SLUGC_CACHE="+s.path("cache")),
			Checkout: func(_ context.Context, s queue.Source, dir string, _ io.Writer) error {
				return os.CopyFS(dir, os.DirFS(s.Location))
			},
		},
	}
	for _, app := range []string{"static-site", "nodejs-express"} {
		for number := 1; number <= 2; number++ {
			b, _, err := q.Order(t.Context(), queue.Order{App: app, Source: queue.Source{Kind: queue.Repository, Location: example(t, app)}, Mine: true})
			must(err)
			var out strings.Builder
			b, err = engine.RunOne(t.Context(), b.ID, &out)
			must(err)
			if b.Status != queue.Succeeded || b.Release != number || len(b.Steps) < 4 || len(b.Reuse) == 0 {
				t.Fatalf("got %+v: %s", b, &out)
			}
			for _, r := range b.Reuse {
				// The app's own files were written anew; whether they are packed again depends on the
				// buildpacks.
				if number == 2 && !r.Reused && r.Name != "app" {
					t.Errorf("%s of %s is not reused: %s", r.Name, app, r.Reason)
				}
			}
			t.Logf("%s v%d: %s, %d steps, %d reused or not", app, number, b.Finished.Sub(b.Started), len(b.Steps), len(b.Reuse))
		}
	}
}
