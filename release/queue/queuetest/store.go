package queuetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/release/queue"
)

// Open opens the same store once more, as another process would have it. What it opens is
// closed with the test.
type Open func() queue.Store

// Run has a new store pass. fresh makes it for each test.
func Run(t *testing.T, fresh func(t *testing.T) Open) {
	spec.Run(t, "Store", func(t *testing.T, when spec.G, it spec.S) {
		s := suite{t: t}
		it.Before(func() {
			s.open = fresh(t)
			s.Store = s.open()
		})
		s.orders(when, it)
		s.claims(when, it)
		s.cancels(when, it)
		s.repeats(when, it)
		s.properties(it)
	})
}

// suite is a store under test.
type suite struct {
	queue.Store
	t    *testing.T
	open Open
}

func (s *suite) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// order orders a build of a branch of an app, "shop/main", with what else is to be said of it.
func (s *suite) order(what string, more ...func(*queue.Order)) queue.Build {
	s.t.Helper()
	app, branch, _ := strings.Cut(what, "/")
	o := queue.Order{App: app, Source: queue.Source{Kind: queue.Repository, Location: "/srv/" + app, Branch: branch}, Trigger: "push", By: "ada"}
	for _, say := range more {
		say(&o)
	}
	b, _, err := s.Order(s.t.Context(), o)
	s.must(err)
	return b
}

func mine(o *queue.Order) { o.Mine = true }

func key(k string) func(*queue.Order) { return func(o *queue.Order) { o.Key = k } }

// claim takes a build; nil when there is none to be had.
func (s *suite) claim(id int64, most int) queue.Claim {
	s.t.Helper()
	c, taken, err := s.Claim(s.t.Context(), id, most)
	s.must(err)
	if !taken {
		return nil
	}
	return c
}

// takes makes sure which build is the next.
func (s *suite) takes(want queue.Build) queue.Claim {
	s.t.Helper()
	c := s.claim(0, 0)
	if c == nil {
		s.t.Fatalf("nothing is to be had, want build %d", want.ID)
	}
	if got := c.Build(); got.ID != want.ID || got.Status != queue.Running || got.Owner == "" || got.Started.IsZero() {
		s.t.Fatalf("got %+v, want build %d", got, want.ID)
	}
	return c
}

func (s *suite) end(c queue.Claim, status queue.Status) queue.Build {
	s.t.Helper()
	s.must(c.Log().Close())
	b, err := c.End(s.t.Context(), status, queue.Result{})
	s.must(err)
	return b
}

// all are the builds in words, the oldest first.
func (s *suite) all() string {
	s.t.Helper()
	found, err := s.Builds(s.t.Context(), queue.Filter{})
	s.must(err)
	words := make([]string, len(found))
	for i, b := range found {
		words[len(found)-1-i] = fmt.Sprintf("%d %s/%s %s", b.ID-found[len(found)-1].ID+1, b.App, b.Source.Branch, b.Status)
	}
	return strings.Join(words, "; ")
}

func (s *suite) are(want string) {
	s.t.Helper()
	if diff := cmp.Diff(strings.Split(want, "; "), strings.Split(s.all(), "; ")); diff != "" {
		s.t.Error(diff)
	}
}

func (s *suite) orders(when spec.G, it spec.S) {
	when("a build is ordered", func() {
		it("waits, and is what was ordered", func() {
			want := queue.Order{
				App: "shop", Source: queue.Source{Kind: queue.Repository, Location: "/srv/shop.git", Branch: "main", Commit: "c0ffee", Message: "Say \"hello\" — now", Author: "Ada", Directory: "web"},
				Trigger: "push", By: "ada", Key: "delivery", Flags: []string{"--stack", "slugc-13"}, Limit: time.Minute,
			}
			b, made, err := s.Order(s.t.Context(), want)
			s.must(err)
			if diff := cmp.Diff(want, b.Order); diff != "" || !made || b.Status != queue.Waiting || b.ID <= 0 || b.Ordered.IsZero() {
				s.t.Errorf("got %+v, %v: %s", b, made, diff)
			}
			again, err := s.open().Build(s.t.Context(), b.ID)
			s.must(err)
			if diff := cmp.Diff(b, again); diff != "" {
				s.t.Error(diff)
			}
			log, err := s.Log(s.t.Context(), b.ID)
			s.must(err)
			if text, err := io.ReadAll(log); err != nil || len(text) > 0 {
				s.t.Errorf("it printed %q, %v", text, err)
			}
			s.must(log.Close())
		})
		it("supersedes what waits for the same app and branch", func() {
			s.order("shop/main")
			s.order("shop/next")
			s.order("cafe/main")
			last := s.order("shop/main")
			s.are("1 shop/main superseded; 2 shop/next waiting; 3 cafe/main waiting; 4 shop/main waiting")
			old, err := s.Build(s.t.Context(), last.ID-3)
			s.must(err)
			if want := fmt.Sprintf("build %d was ordered after it", last.ID); old.Reason != want || old.Finished.IsZero() {
				s.t.Errorf("got %+v", old)
			}
		})
		it("supersedes none that runs", func() {
			c := s.takes(s.order("shop/main"))
			s.order("shop/main")
			s.are("1 shop/main running; 2 shop/main waiting")
			s.end(c, queue.Succeeded)
		})
		it("is ordered once, however often one asks", func() {
			first := s.order("shop/main", key("a"))
			s.end(s.takes(first), queue.Failed)
			b, made, err := s.open().Order(s.t.Context(), queue.Order{App: "shop", Source: queue.Source{Branch: "main"}, Key: "a"})
			s.must(err)
			if made || b.ID != first.ID || b.Status != queue.Failed {
				s.t.Errorf("got %+v, %v", b, made)
			}
			s.order("shop/main", key("b"))
			s.are("1 shop/main failed; 2 shop/main waiting")
		})
		it("is refused for what is no app", func() {
			if _, _, err := s.Order(s.t.Context(), queue.Order{App: "../shop"}); err == nil {
				s.t.Error("it is taken")
			}
			s.are("")
		})
	})
	when("builds are looked for", func() {
		it("finds those that a filter picks", func() {
			var all []queue.Build
			for i := range 6 {
				all = append(all, s.order([]string{"shop", "cafe"}[i%2]+fmt.Sprintf("/b%d", i)))
			}
			s.end(s.takes(all[0]), queue.Succeeded)
			for _, c := range []struct {
				f    queue.Filter
				want string
			}{
				{queue.Filter{App: "shop"}, "5 3 1"},
				{queue.Filter{App: "shop", Limit: 2}, "5 3"},
				{queue.Filter{App: "shop", Before: all[2].ID}, "1"},
				{queue.Filter{Statuses: []queue.Status{queue.Succeeded, queue.Failed}}, "1"},
				{queue.Filter{Statuses: []queue.Status{queue.Waiting}, Limit: 3}, "6 5 4"},
				{queue.Filter{App: "none"}, ""},
			} {
				found, err := s.Builds(s.t.Context(), c.f)
				s.must(err)
				var ids []string
				for _, b := range found {
					ids = append(ids, fmt.Sprint(b.ID-all[0].ID+1))
				}
				if got := strings.Join(ids, " "); got != c.want {
					s.t.Errorf("%+v finds %q, want %q", c.f, got, c.want)
				}
			}
		})
		it("says that there is none", func() {
			_, err := s.Build(s.t.Context(), 7)
			_, logErr := s.Log(s.t.Context(), 7)
			_, cancelErr := s.Cancel(s.t.Context(), 7)
			for _, err := range []error{err, logErr, cancelErr} {
				if unknown, is := errors.AsType[*queue.UnknownError](err); !is || unknown.ID != 7 {
					s.t.Errorf("got %v", err)
				}
			}
		})
	})
}

func (s *suite) claims(when spec.G, it spec.S) {
	when("builds are claimed", func() {
		it("runs one of an app, in the order of the orders", func() {
			first, second := s.order("shop/a"), s.order("shop/b")
			c := s.takes(first)
			if got := s.claim(0, 0); got != nil {
				s.t.Errorf("%d runs beside it", got.Build().ID)
			}
			if got := s.claim(second.ID, 0); got != nil {
				s.t.Error("the second runs beside it")
			}
			s.end(c, queue.Failed)
			s.end(s.takes(second), queue.Succeeded)
			if got := s.claim(0, 0); got != nil {
				s.t.Errorf("%d runs again", got.Build().ID)
			}
		})
		it("has apps take turns", func() {
			a1, a2, a3 := s.order("a/1"), s.order("a/2"), s.order("a/3")
			b1, b2 := s.order("b/1"), s.order("b/2")
			c1 := s.order("c/1")
			for _, want := range []queue.Build{a1, b1, c1, a2, b2, a3} {
				s.end(s.takes(want), queue.Succeeded)
			}
		})
		it("runs no more than may run", func() {
			a, b := s.order("a/1"), s.order("b/1")
			c := s.claim(0, 1)
			if c == nil || c.Build().ID != a.ID {
				s.t.Fatalf("got %v", c)
			}
			if s.claim(0, 1) != nil || s.claim(b.ID, 1) != nil {
				s.t.Error("two run where one may")
			}
			other := s.claim(0, 2)
			if other == nil || other.Build().ID != b.ID {
				s.t.Fatalf("got %v", other)
			}
			third := s.order("c/1")
			if s.claim(0, 2) != nil {
				s.t.Error("three run where two may")
			}
			// Who allows one has a turn beside who allows two.
			s.end(c, queue.Succeeded)
			if c = s.claim(third.ID, 1); c == nil {
				s.t.Fatal("it has no turn")
			}
			s.end(c, queue.Succeeded)
			s.end(other, queue.Succeeded)
		})
		it("leaves to others what is their own", func() {
			own := s.order("a/1", mine)
			s.order("a/2")
			b := s.order("b/1")
			s.end(s.takes(b), queue.Succeeded)
			if s.claim(0, 0) != nil {
				s.t.Error("somebody took what is another's, or what comes after that")
			}
			if _, taken, err := s.open().Claim(s.t.Context(), own.ID, 0); err != nil || taken {
				s.t.Errorf("somebody took it by its id: %v, %v", taken, err)
			}
			c := s.claim(own.ID, 0)
			if c == nil {
				s.t.Fatal("who ordered it cannot have it")
			}
			s.end(c, queue.Succeeded)
			s.are("1 a/1 succeeded; 2 a/2 waiting; 3 b/1 succeeded")
		})
		it("keeps a place for who is first", func() {
			own := s.order("a/1", mine)
			b := s.order("b/1")
			if s.claim(0, 1) != nil {
				s.t.Error("somebody took the place of what is another's own")
			}
			c := s.claim(0, 2)
			if c == nil || c.Build().ID != b.ID {
				s.t.Fatalf("got %v", c)
			}
			first := s.claim(own.ID, 2)
			if first == nil {
				s.t.Fatal("its place is taken")
			}
			s.end(c, queue.Succeeded)
			s.end(first, queue.Succeeded)
		})
		it("keeps how it went", func() {
			c := s.takes(s.order("shop/main"))
			_, err := io.WriteString(c.Log(), "-----> Building\n       done\n")
			s.must(err)
			log, err := s.open().Log(s.t.Context(), c.Build().ID)
			s.must(err)
			head := make([]byte, 7)
			_, err = io.ReadFull(log, head)
			s.must(err)
			_, err = io.WriteString(c.Log(), "more\n")
			s.must(err)
			s.must(c.Log().Close())
			result := queue.Result{
				Code: 51, Reason: "npm ci failed", Release: 3, Steps: []queue.Step{{Name: "Packing", Duration: time.Second}},
				Reuse: []queue.Reuse{{Name: "app", Reused: true}, {Name: "slugc/nodejs:modules", Reason: "the lock changed"}},
			}
			b, err := c.End(s.t.Context(), queue.Failed, result)
			s.must(err)
			if diff := cmp.Diff(result, b.Result); diff != "" || b.Status != queue.Failed || b.Finished.Before(b.Started) || b.Owner != "" {
				s.t.Errorf("got %+v: %s", b, diff)
			}
			kept, err := s.open().Build(s.t.Context(), b.ID)
			s.must(err)
			if diff := cmp.Diff(b, kept); diff != "" {
				s.t.Error(diff)
			}
			rest, err := io.ReadAll(log)
			s.must(err)
			if got := string(head) + string(rest); got != "-----> Building\n       done\nmore\n" {
				s.t.Errorf("the log is %q", got)
			}
			s.must(log.Close())
			if _, err := c.End(s.t.Context(), queue.Succeeded, queue.Result{}); err == nil {
				s.t.Error("it ended twice")
			}
			s.are("1 shop/main failed")
		})
		it("has many who want the same", func() {
			const apps, each = 4, 5
			for i := range apps * each {
				s.order(fmt.Sprintf("app%d/b%d", i%apps, i))
			}
			done := make(chan []int64)
			for range 3 {
				other := &suite{Store: s.open(), t: s.t}
				go func() {
					var got []int64
					for {
						c, taken, err := other.Claim(context.Background(), 0, 0)
						if err != nil || !taken {
							break
						}
						got = append(got, c.Build().ID)
						if _, err := c.End(context.Background(), queue.Succeeded, queue.Result{}); err != nil {
							break
						}
					}
					done <- got
				}()
			}
			seen := map[int64]int{}
			for range 3 {
				for _, id := range <-done {
					seen[id]++
				}
			}
			for rest := s.claim(0, 0); rest != nil; rest = s.claim(0, 0) {
				seen[rest.Build().ID]++
				s.end(rest, queue.Succeeded)
			}
			if len(seen) != apps*each {
				s.t.Errorf("%d of %d ran", len(seen), apps*each)
			}
			for id, n := range seen {
				if n != 1 {
					s.t.Errorf("build %d ran %d times", id, n)
				}
			}
		})
	})
}

// patience is how long a test waits for what takes a tenth of a second, on a machine that has
// much else to do.
const patience = 5 * time.Second

// within waits for a channel to be closed.
func (s *suite) within(c <-chan struct{}, what string) {
	s.t.Helper()
	select {
	case <-c:
	case <-time.After(patience):
		s.t.Errorf("within %s %s", patience, what)
	}
}

func (s *suite) cancels(when spec.G, it spec.S) {
	when("a build is cancelled", func() {
		it("does not begin", func() {
			b, err := s.open().Cancel(s.t.Context(), s.order("shop/main").ID)
			s.must(err)
			if b.Status != queue.Cancelled || b.Reason == "" || s.claim(0, 0) != nil {
				s.t.Errorf("got %+v", b)
			}
		})
		it("tells who runs it", func() {
			c := s.takes(s.order("shop/main"))
			b, err := s.open().Cancel(s.t.Context(), c.Build().ID)
			s.must(err)
			if b.Status != queue.Running || !b.Cancelling {
				s.t.Errorf("got %+v", b)
			}
			s.within(c.Cancelled(), "it does not know")
			if b := s.end(c, queue.Cancelled); b.Cancelling {
				s.t.Errorf("got %+v", b)
			}
		})
		it("stays as it ended", func() {
			want := s.end(s.takes(s.order("shop/main")), queue.Succeeded)
			got, err := s.Cancel(s.t.Context(), want.ID)
			s.must(err)
			if diff := cmp.Diff(want, got); diff != "" {
				s.t.Error(diff)
			}
		})
	})
	when("something changes", func() {
		it("is seen by all who wait for it", func() {
			other := s.open()
			mark, err := other.Changed(s.t.Context(), 0)
			s.must(err)
			short, cancel := context.WithTimeout(s.t.Context(), 300*time.Millisecond)
			defer cancel()
			if _, err := other.Changed(short, mark); !errors.Is(err, context.DeadlineExceeded) {
				s.t.Errorf("something changed: %v", err)
			}
			var seen []chan struct{}
			for range 3 {
				c := make(chan struct{})
				seen = append(seen, c)
				go func() {
					if _, err := other.Changed(context.WithoutCancel(s.t.Context()), mark); err == nil {
						close(c)
					}
				}()
			}
			s.order("shop/main")
			for _, c := range seen {
				s.within(c, "an order is not seen")
			}
		})
	})
}

func (s *suite) repeats(when spec.G, it spec.S) {
	// give has the next build abandoned.
	give := func() queue.Build { return s.end(s.claim(0, 0), queue.Abandoned) }
	repeat := func() []queue.Build {
		s.t.Helper()
		again, err := s.Repeat(s.t.Context())
		s.must(err)
		return again
	}
	when("builds are abandoned", func() {
		it("orders them again, once", func() {
			s.order("shop/main", key("a"))
			old := give()
			again := repeat()
			if len(again) != 1 || again[0].Again != old.ID || again[0].Status != queue.Waiting || again[0].Source != old.Source {
				s.t.Fatalf("got %+v", again)
			}
			if more := repeat(); len(more) > 0 {
				s.t.Errorf("got %+v", more)
			}
			s.end(s.takes(again[0]), queue.Succeeded)
			if more := repeat(); len(more) > 0 {
				s.t.Errorf("got %+v", more)
			}
		})
		it("leaves those that a later order is for", func() {
			s.order("shop/main")
			s.order("shop/next")
			give()
			give()
			s.order("shop/main")
			if again := repeat(); len(again) != 1 || again[0].Source.Branch != "next" {
				s.t.Errorf("got %+v", again)
			}
		})
		it("tries three times", func() {
			s.order("shop/main")
			for range 2 {
				give()
				if again := repeat(); len(again) != 1 {
					s.t.Fatalf("got %+v", again)
				}
			}
			give()
			if again := repeat(); len(again) != 0 {
				s.t.Errorf("got %+v", again)
			}
		})
		it("leaves those that were somebody's own", func() {
			s.end(s.claim(s.order("shop/main", mine).ID, 0), queue.Abandoned)
			if again := repeat(); len(again) != 0 {
				s.t.Errorf("got %+v", again)
			}
		})
	})
	when("a log is not kept", func() {
		it("says so", func() {
			c := s.takes(s.order("shop/main"))
			s.end(c, queue.Succeeded)
			log, err := s.Log(s.t.Context(), c.Build().ID)
			if err == nil {
				s.must(log.Close())
			} else if !errors.Is(err, fs.ErrNotExist) {
				s.t.Error(err)
			}
		})
	})
}
