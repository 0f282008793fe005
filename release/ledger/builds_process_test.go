package ledger_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/slugc/slugc/release/ledger"
	"github.com/slugc/slugc/release/queue"
)

const (
	// buildsChild has a child order and run builds.
	buildsChild = "builds"
	// most is how many builds the children run at once.
	most = 2
	// keepAll keeps the logs of all builds.
	keepAll = 1 << 20
	// journal is a file in the home in which children write when a build is theirs.
	journal = "journal"
)

// workBuilds orders builds and runs them: "builds COUNT SEED APPS". It says each order and each
// end when it was made.
func workBuilds(ctx context.Context, home string, args []string) (err error) {
	var numbers [3]int
	for i, arg := range args[1:4] {
		if numbers[i], err = strconv.Atoi(arg); err != nil {
			return err
		}
	}
	count, seed, apps := numbers[0], numbers[1], numbers[2]
	l, err := ledger.Open(ctx, settings(home))
	if err != nil {
		return err
	}
	q, err := l.Queue(keepAll)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, q.Close(), l.Close()) }()
	notes, err := os.OpenFile(filepath.Join(home, journal), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, notes.Close()) }()
	random := rand.New(rand.NewSource(int64(seed)))
	for i := range count {
		o := queue.Order{
			App: fmt.Sprintf("app%d", random.Intn(apps)), Key: fmt.Sprintf("%d/%d", seed, i),
			Source: queue.Source{Kind: queue.Repository, Branch: fmt.Sprintf("%d-%d", seed, i/2*2)},
		}
		for range 1 + random.Intn(2) {
			b, _, err := q.Order(ctx, o)
			if err != nil {
				return err
			}
			fmt.Printf("ordered %d %s\n", b.ID, o.Key)
		}
		for random.Intn(3) > 0 {
			c, taken, err := q.Claim(ctx, 0, most)
			if err != nil {
				return err
			}
			if !taken {
				break
			}
			if err := runNoted(ctx, c, notes, random); err != nil {
				return err
			}
		}
	}
	return nil
}

// runNoted runs a build, which does nothing but note that it runs.
func runNoted(ctx context.Context, c queue.Claim, notes *os.File, random *rand.Rand) error {
	b := c.Build()
	_, err := fmt.Fprintf(c.Log(), "runs\n")
	if err == nil {
		_, err = fmt.Fprintf(notes, "begin %d %s\n", b.ID, b.App)
	}
	if err != nil {
		return err
	}
	time.Sleep(time.Duration(random.Intn(2000)) * time.Microsecond)
	_, err = fmt.Fprintf(notes, "end %d %s\n", b.ID, b.App)
	if err = errors.Join(err, c.Log().Close()); err != nil {
		return err
	}
	if _, err := c.End(ctx, queue.Succeeded, queue.Result{}); err != nil {
		return err
	}
	fmt.Printf("ended %d\n", b.ID)
	return nil
}

// builder is a process that orders and runs builds.
func builder(t *testing.T, home string, count, seed, apps int) *exec.Cmd {
	t.Helper()
	c := exec.CommandContext(t.Context(), os.Args[0], buildsChild, strconv.Itoa(count), strconv.Itoa(seed), strconv.Itoa(apps))
	c.Env = append(os.Environ(), childVariable+"="+home)
	return c
}

// checkBuilds makes sure that what children were told is so: what was ordered is there
// once, what ended has ended, and nothing ran twice.
func checkBuilds(t *testing.T, home string, told *bytes.Buffer) (all []queue.Build) {
	t.Helper()
	q := openQueue(t, home, keepAll)
	all, err := q.Builds(t.Context(), queue.Filter{})
	must(t, err)
	byKey, byID := map[string]queue.Build{}, map[int64]queue.Build{}
	for _, b := range all {
		if _, twice := byKey[b.Key]; twice {
			t.Fatalf("%s was ordered twice", b.Key)
		}
		if b.Status == queue.Running {
			t.Fatalf("build %d runs, and nobody runs it", b.ID)
		}
		byKey[b.Key], byID[b.ID] = b, b
		log, err := q.Log(t.Context(), b.ID)
		must(t, err)
		text, err := io.ReadAll(log)
		must(t, errors.Join(err, log.Close()))
		if ran := strings.Count(string(text), "runs\n"); ran > 1 || ran == 0 && b.Status == queue.Succeeded {
			t.Fatalf("build %d, which is %s, ran %d times", b.ID, b.Status, ran)
		}
	}
	for _, line := range wholeLines(told.String()) {
		words := strings.Fields(line)
		id, err := strconv.ParseInt(words[1], 10, 64)
		must(t, err)
		b := byID[id]
		if words[0] == "ordered" && b.Key != words[2] {
			t.Fatalf("order %s, build %d, is lost: %+v", words[2], id, b)
		}
		if words[0] == "ended" && b.Status != queue.Succeeded {
			t.Fatalf("the end of build %d is lost: %+v", id, b)
		}
	}
	return all
}

// wholeLines are the lines of a text, without one that was cut off.
func wholeLines(text string) []string {
	lines := strings.SplitAfter(text, "\n")
	return slices.DeleteFunc(lines, func(line string) bool { return !strings.HasSuffix(line, "\n") })
}

// TestBuildKills kills who orders and runs builds, at any moment.
func TestBuildKills(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	random := rand.New(rand.NewSource(3))
	var told bytes.Buffer
	for i := range kills {
		c := builder(t, home, 1000, i, 4)
		out, err := c.StdoutPipe()
		must(t, err)
		var errOut bytes.Buffer
		c.Stderr = &errOut
		must(t, c.Start())
		var said bytes.Buffer
		lines := bufio.NewReader(io.TeeReader(out, &said))
		for range 1 + i%5 {
			if _, err := lines.ReadString('\n'); err != nil {
				t.Fatalf("%v: %s", err, &errOut)
			}
		}
		time.Sleep(time.Duration(random.Intn(8000)) * time.Microsecond)
		must(t, c.Process.Kill())
		_, err = io.Copy(io.Discard, lines)
		must(t, err)
		if err := c.Wait(); err == nil || c.ProcessState.ExitCode() != -1 {
			t.Fatalf("it ended by itself: %v: %s", err, &errOut)
		}
		for _, line := range wholeLines(said.String()) {
			told.WriteString(line)
		}
	}
	all := checkBuilds(t, home, &told)
	count := map[queue.Status]int{}
	for _, b := range all {
		count[b.Status]++
	}
	locks, err := filepath.Glob(filepath.Join(home, "builds", "*.lock"))
	must(t, err)
	t.Logf("%d kills: %d builds, %v; %d lock files are left", kills, len(all), count, len(locks))
}

// TestTurns has several processes order and run the builds of many apps. An app has one at a time, in
// the order of the orders; and no more run at once than may.
func TestTurns(t *testing.T) {
	home := t.TempDir()
	var told bytes.Buffer
	type running struct {
		*exec.Cmd
		out, errOut bytes.Buffer
	}
	children := make([]*running, 4)
	for i := range children {
		children[i] = &running{Cmd: builder(t, home, 25, i, 6)}
		children[i].Stdout, children[i].Stderr = &children[i].out, &children[i].errOut
		must(t, children[i].Start())
	}
	for _, c := range children {
		if err := c.Wait(); err != nil {
			t.Fatalf("%v: %s", err, &c.errOut)
		}
		told.Write(c.out.Bytes())
	}
	all := checkBuilds(t, home, &told)
	notes, err := os.ReadFile(filepath.Join(home, journal))
	must(t, err)
	now, last := map[string]int64{}, map[string]int64{}
	ran, together := 0, 0
	for _, line := range wholeLines(string(notes)) {
		words := strings.Fields(line)
		id, err := strconv.ParseInt(words[1], 10, 64)
		must(t, err)
		app := words[2]
		if words[0] == "end" {
			delete(now, app)
			continue
		}
		if now[app] != 0 || last[app] >= id {
			t.Errorf("build %d of %s begins while %d runs, after %d", id, app, now[app], last[app])
		}
		now[app], last[app] = id, id
		ran++
		if together = max(together, len(now)); len(now) > most {
			t.Errorf("%d builds run at once", len(now))
		}
	}
	t.Logf("%d builds, %d ran, up to %d at once", len(all), ran, together)
	if ran == 0 {
		t.Error("nothing ran")
	}
}
