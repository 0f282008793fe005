package ledger_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slugc/slugc/release"
	"github.com/slugc/slugc/release/ledger"
	"github.com/slugc/slugc/release/queue"
	"github.com/slugc/slugc/release/queue/queuetest"
)

// openQueue opens the builds of a home.
func openQueue(t *testing.T, home string, keep int) queue.Store {
	t.Helper()
	q, err := open(t, home).Queue(keep)
	must(t, err)
	t.Cleanup(func() { must(t, q.Close()) })
	return q
}

func TestQueue(t *testing.T) {
	queuetest.Run(t, func(t *testing.T) queuetest.Open {
		home := t.TempDir()
		return func() queue.Store { return openQueue(t, home, 0) }
	})
}

// TestBuildRetention: of each app the logs of the last builds stay, and the records of
// ten times as many. What has not ended stays.
func TestBuildRetention(t *testing.T) {
	home := t.TempDir()
	q := openQueue(t, home, 2)
	order := func(app, branch string) queue.Build {
		t.Helper()
		b, _, err := q.Order(t.Context(), queue.Order{App: app, Source: queue.Source{Branch: branch}})
		must(t, err)
		return b
	}
	run := func(app string) queue.Build {
		t.Helper()
		c, taken, err := q.Claim(t.Context(), order(app, "main").ID, 0)
		must(t, err)
		if !taken {
			t.Fatal("it cannot be had")
		}
		_, err = fmt.Fprintf(c.Log(), "build %d\n", c.Build().ID)
		must(t, errors.Join(err, c.Log().Close()))
		b, err := c.End(t.Context(), queue.Succeeded, queue.Result{})
		must(t, err)
		return b
	}
	other := run("cafe")
	var runs []queue.Build
	for range 23 {
		runs = append(runs, run("shop"))
	}
	for range 3 {
		// What never ran has no log, and does not count for those that are kept.
		_, err := q.Cancel(t.Context(), order("shop", "next").ID)
		must(t, err)
	}
	runs = append(runs, run("shop"))
	waits := order("shop", "main")
	all, err := q.Builds(t.Context(), queue.Filter{App: "shop"})
	must(t, err)
	if len(all) != 21 || all[0].ID != waits.ID {
		t.Errorf("there are %d, the last %d", len(all), all[0].ID)
	}
	if _, err := q.Build(t.Context(), runs[0].ID); err == nil {
		t.Error("the first is there yet")
	}
	logs, err := filepath.Glob(filepath.Join(home, "builds", "*"))
	must(t, err)
	if len(logs) != 3 {
		t.Errorf("there are %s", strings.Join(logs, ", "))
	}
	for _, b := range []queue.Build{other, runs[22], runs[23]} {
		log, err := q.Log(t.Context(), b.ID)
		must(t, err)
		text, err := io.ReadAll(log)
		if must(t, errors.Join(err, log.Close())); string(text) != fmt.Sprintf("build %d\n", b.ID) {
			t.Errorf("the log of %d is %q", b.ID, text)
		}
		info, err := os.Stat(filepath.Join(home, "builds", fmt.Sprintf("%d.log", b.ID)))
		if must(t, err); info.Mode().Perm() != 0o600 {
			t.Errorf("its mode is %s", info.Mode())
		}
	}
	if _, err := q.Log(t.Context(), runs[21].ID); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "is not kept any more") {
		t.Errorf("got %v", err)
	}
}

// TestForget: of the builds of an app that is no more nothing stays, and nothing begins.
func TestForget(t *testing.T) {
	home := t.TempDir()
	l := open(t, home)
	q, err := l.Queue(0)
	must(t, err)
	defer func() { must(t, q.Close()) }()
	for range 2 {
		_, _, err := q.Order(t.Context(), queue.Order{App: "shop"})
		must(t, err)
		c, _, err := q.Claim(t.Context(), 0, 0)
		must(t, err)
		_, err = c.End(t.Context(), queue.Failed, queue.Result{})
		must(t, errors.Join(err, c.Log().Close()))
	}
	for _, app := range []string{"shop", "cafe"} {
		_, _, err := q.Order(t.Context(), queue.Order{App: app})
		must(t, err)
	}
	must(t, q.Forget(t.Context(), "shop"))
	all, err := q.Builds(t.Context(), queue.Filter{})
	must(t, err)
	if len(all) != 1 || all[0].App != "cafe" {
		t.Errorf("there are %+v", all)
	}
	if left, err := os.ReadDir(filepath.Join(home, "builds")); err != nil || len(left) > 0 {
		t.Errorf("there are %v, %v", left, err)
	}
}

// TestLongLog: of a build that prints without end there is a beginning.
func TestLongLog(t *testing.T) {
	q := openQueue(t, t.TempDir(), 0)
	b, _, err := q.Order(t.Context(), queue.Order{App: "shop"})
	must(t, err)
	c, _, err := q.Claim(t.Context(), b.ID, 0)
	must(t, err)
	block := []byte(strings.Repeat("all work and no play\n", 50000))
	for range 70 {
		n, err := c.Log().Write(block)
		if must(t, err); n != len(block) {
			t.Fatalf("wrote %d of %d", n, len(block))
		}
	}
	must(t, c.Log().Close())
	log, err := q.Log(t.Context(), b.ID)
	must(t, err)
	size, err := log.Seek(-100, io.SeekEnd)
	must(t, err)
	end, err := io.ReadAll(log)
	must(t, errors.Join(err, log.Close()))
	if size > 65<<20 || !strings.HasSuffix(string(end), "\n !     What follows is left out: the log of a build has at most 64 MiB\n") {
		t.Errorf("%d bytes, and then %q", size, end)
	}
	_, err = c.End(t.Context(), queue.Succeeded, queue.Result{})
	must(t, err)
}

// TestAbandonedLate: a build that was abandoned long ago is left alone.
func TestAbandonedLate(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	s := settings(t.TempDir())
	s.Now = func() time.Time { return now }
	l, err := ledger.Open(t.Context(), s)
	must(t, err)
	q, err := l.Queue(0)
	must(t, err)
	defer func() { must(t, errors.Join(q.Close(), l.Close())) }()
	_, _, err = q.Order(t.Context(), queue.Order{App: "shop"})
	must(t, err)
	c, _, err := q.Claim(t.Context(), 0, 0)
	must(t, err)
	_, err = c.End(t.Context(), queue.Abandoned, queue.Result{})
	must(t, errors.Join(err, c.Log().Close()))
	now = now.Add(25 * time.Hour)
	if again, err := q.Repeat(t.Context()); err != nil || len(again) > 0 {
		t.Errorf("got %+v, %v", again, err)
	}
	now = now.Add(-2 * time.Hour)
	if again, err := q.Repeat(t.Context()); err != nil || len(again) != 1 {
		t.Errorf("got %+v, %v", again, err)
	}
}

// TestDamagedBuild: a record that is not what was written is not believed.
func TestDamagedBuild(t *testing.T) {
	home := t.TempDir()
	q := openQueue(t, home, 0)
	b, _, err := q.Order(t.Context(), queue.Order{App: "shop", By: "ada"})
	must(t, err)
	_, err = raw(t, home).ExecContext(t.Context(), "UPDATE builds SET record = replace(record, 'ada', 'eve')")
	must(t, err)
	if _, err := q.Build(t.Context(), b.ID); !isDamaged(err) {
		t.Errorf("got %v", err)
	}
}

func isDamaged(err error) bool {
	_, is := errors.AsType[*release.DamagedError](err)
	return is
}

// TestBuildsGoForward: the ledger itself refuses what no build does.
func TestBuildsGoForward(t *testing.T) {
	home := t.TempDir()
	q := openQueue(t, home, 0)
	for range 2 {
		_, _, err := q.Order(t.Context(), queue.Order{App: "shop"})
		must(t, err)
	}
	db := raw(t, home)
	for _, statement := range []string{
		"UPDATE builds SET status = 'waiting', ended_at = NULL WHERE id = 1", "UPDATE builds SET record = '{}' WHERE id = 1", "DELETE FROM builds WHERE id = 2",
		"UPDATE builds SET app = 'cafe' WHERE id = 2", "UPDATE builds SET status = 'failed' WHERE id = 2", "UPDATE builds SET status = 'done' WHERE id = 2",
	} {
		if _, err := db.ExecContext(t.Context(), statement); err == nil {
			t.Errorf("%s was done", statement)
		}
	}
}

// TestUnsought: a build that its process does not want to run yet, because it runs others first,
// keeps nobody from running.
func TestUnsought(t *testing.T) {
	home := t.TempDir()
	q := openQueue(t, home, 0)
	own, _, err := q.Order(t.Context(), queue.Order{App: "shop", Mine: true})
	must(t, err)
	after, _, err := q.Order(t.Context(), queue.Order{App: "cafe", Mine: true})
	must(t, err)
	claim := func(id int64) bool {
		t.Helper()
		c, taken, err := q.Claim(t.Context(), id, 1)
		must(t, err)
		if taken {
			must(t, c.Log().Close())
			_, err := c.End(t.Context(), queue.Succeeded, queue.Result{})
			must(t, err)
		}
		return taken
	}
	if claim(after.ID) {
		t.Error("it had the place of the one before it")
	}
	old := time.Now().Add(-time.Minute)
	must(t, os.Chtimes(filepath.Join(home, "builds", fmt.Sprintf("%d.lock", own.ID)), old, old))
	if !claim(after.ID) {
		t.Error("it waits for one that nobody seeks")
	}
	if !claim(own.ID) {
		t.Error("the first cannot be had any more")
	}
}
