package ledger_test

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
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

	"github.com/slugc/slugc/release"
	"github.com/slugc/slugc/release/ledger"
	"github.com/slugc/slugc/release/slugs"
)

// childVariable has the test binary make releases in the home that it names.
const childVariable = "LEDGER_TEST_CHILD"

func TestMain(m *testing.M) {
	if home := os.Getenv(childVariable); home != "" {
		do := work
		if os.Args[1] == buildsChild {
			do = workBuilds
		}
		if err := do(context.Background(), home, os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// work makes as many releases as its first argument says, of the app that the second
// names, with what the third seeds, and says each number when it was made.
func work(ctx context.Context, home string, args []string) (err error) {
	count, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	app := args[1]
	seed, err := strconv.ParseInt(args[2], 10, 64)
	if err != nil {
		return err
	}
	random := rand.New(rand.NewSource(seed))
	l, err := ledger.Open(ctx, settings(home))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	store := slugs.Store{Dir: filepath.Join(home, "slugs")}
	m := maker(l, func(_ context.Context, _ release.Release, _ release.Config, out io.Writer) error {
		time.Sleep(time.Duration(random.Intn(3)) * time.Millisecond)
		_, err := io.WriteString(out, "migrated\n")
		return err
	})
	m.Slugs = store
	for range count {
		r, err := one(ctx, m, store, l, app, home, random)
		if _, none := errors.AsType[*release.RollbackError](err); none {
			continue
		}
		if gone, is := errors.AsType[*release.SlugError](err); is && strings.Contains(gone.Problem, "any more") {
			continue // rolled back to what is not kept any more
		}
		if err != nil {
			return err
		}
		fmt.Printf("%d\n", r.Number)
	}
	return nil
}

// one makes one release: of a slug, of a config, or of an earlier one.
func one(ctx context.Context, m release.Maker, store slugs.Store, l *ledger.Ledger, app, home string, random *rand.Rand) (r release.Release, err error) {
	switch random.Intn(3) {
	case 0:
		r, _, err = m.Configure(ctx, app, set(fmt.Sprintf("A=%d", random.Int63())))
		return r, err
	case 1:
		if r, err = m.Rollback(ctx, app, 0); !isUnknown(err) {
			return r, err
		}
	}
	file, err := randomSlug(home, random)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, os.Remove(file)) }()
	hold, err := store.Hold()
	if err != nil {
		return r, err
	}
	kept, err := store.Put(ctx, file)
	if err == nil {
		a := artifact("", random.Intn(2) == 0)
		a.Digest = kept.Digest
		r, err = m.Deploy(ctx, app, release.Offer{Artifact: a})
	}
	if err = errors.Join(err, hold.Close()); err != nil {
		return r, err
	}
	_, err = store.Prune(func() (map[string]bool, error) { return l.Digests(ctx, app, 3) })
	return r, err
}

func isUnknown(err error) bool {
	_, is := errors.AsType[*release.UnknownError](err)
	return is
}

func randomSlug(dir string, random *rand.Rand) (string, error) {
	var packed bytes.Buffer
	gz := gzip.NewWriter(&packed)
	archive := tar.NewWriter(gz)
	text := make([]byte, 20<<10)
	random.Read(text)
	err := archive.WriteHeader(&tar.Header{Name: "./app/file", Mode: 0o644, Size: int64(len(text))})
	if err == nil {
		_, err = archive.Write(text)
	}
	if err = errors.Join(err, archive.Close(), gz.Close()); err != nil {
		return "", err
	}
	f, err := os.CreateTemp(dir, "slug-")
	if err != nil {
		return "", err
	}
	_, err = f.Write(packed.Bytes())
	return f.Name(), errors.Join(err, f.Close())
}

// childOf is a process that makes releases.
func childOf(t *testing.T, home string, count int, app string, seed int64) *exec.Cmd {
	t.Helper()
	c := exec.CommandContext(t.Context(), os.Args[0], strconv.Itoa(count), app, strconv.FormatInt(seed, 10))
	c.Env = append(os.Environ(), childVariable+"="+home)
	return c
}

// numbersOf are the releases that a child said it had made.
func numbersOf(t *testing.T, out *bytes.Buffer) []int {
	t.Helper()
	var numbers []int
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		n, err := strconv.Atoi(lines.Text())
		must(t, err)
		numbers = append(numbers, n)
	}
	return numbers
}

// checkWhole makes sure that an app's releases have no gap, none twice and none half
// made, that those that were told of are there, and that the current one could run.
func checkWhole(t *testing.T, home, app string, told []int) {
	t.Helper()
	l, err := ledger.Open(t.Context(), settings(home))
	must(t, err)
	defer func() { must(t, l.Close()) }()
	all, err := l.Releases(t.Context(), app)
	if isUnknown(err) && len(told) == 0 {
		return
	}
	must(t, err)
	for i, r := range all {
		if r.Number != len(all)-i || r.Status == release.Pending {
			t.Fatalf("at %d of %d there is %s, which is %s", i, len(all), r.Version(), r.Status)
		}
		if i > 20 {
			continue // looked at after an earlier kill
		}
		if _, err := l.Config(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range told {
		if n > len(all) || all[len(all)-n].Status != release.Succeeded {
			t.Fatalf("v%d was made and is lost: %v", n, summaries(t, l, app))
		}
	}
	current, err := l.Current(t.Context(), app)
	if isUnknown(err) {
		return
	}
	must(t, err)
	if current.Artifact.None() {
		return
	}
	if _, err := (slugs.Store{Dir: filepath.Join(home, "slugs")}).Path(t.Context(), current.Artifact.Digest); err != nil {
		t.Fatal(err)
	}
}

// TestTwoAtOnce has several processes make releases of one app, from the first
// moment on, when there is neither ledger nor key.
func TestTwoAtOnce(t *testing.T) {
	home := t.TempDir()
	type running struct {
		*exec.Cmd
		out, errOut *bytes.Buffer
	}
	var all []running
	for i := range 3 {
		app := "shop"
		if i == 2 {
			app = "other"
		}
		r := running{childOf(t, home, 8, app, int64(i)), &bytes.Buffer{}, &bytes.Buffer{}}
		r.Stdout, r.Stderr = r.out, r.errOut
		must(t, r.Start())
		all = append(all, r)
	}
	told := map[string][]int{}
	for _, r := range all {
		if err := r.Wait(); err != nil {
			t.Fatalf("%v: %s", err, r.errOut)
		}
		told[r.Args[2]] = append(told[r.Args[2]], numbersOf(t, r.out)...)
	}
	for app, numbers := range told {
		slices.Sort(numbers)
		if twice := slices.Compact(slices.Clone(numbers)); len(twice) != len(numbers) || len(numbers) < 4 {
			t.Errorf("%s: two have one number: %v", app, numbers)
		}
		checkWhole(t, home, app, numbers)
	}
}

// TestKills kills who makes releases at any moment: after some releases, or before
// the first.
func TestKills(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	random := rand.New(rand.NewSource(2))
	made := 0
	for i := range kills {
		c := childOf(t, home, 1000, "shop", int64(i))
		out, err := c.StdoutPipe()
		must(t, err)
		var errOut bytes.Buffer
		c.Stderr = &errOut
		must(t, c.Start())
		var told bytes.Buffer
		lines := bufio.NewReader(io.TeeReader(out, &told))
		for range i % 4 {
			if _, err := lines.ReadString('\n'); err != nil {
				t.Fatalf("%v: %s", err, &errOut)
			}
		}
		moment := 10_000
		if i%4 == 0 {
			moment = 80_000 // it has to start first
		}
		time.Sleep(time.Duration(random.Intn(moment)) * time.Microsecond)
		must(t, c.Process.Kill())
		_, err = io.Copy(io.Discard, lines)
		must(t, err)
		if err := c.Wait(); err == nil || c.ProcessState.ExitCode() != -1 {
			t.Fatalf("it ended by itself: %v: %s", err, &errOut)
		}
		numbers := numbersOf(t, &told)
		made += len(numbers)
		checkWhole(t, home, "shop", numbers)
	}
	l := open(t, home)
	all, err := l.Releases(t.Context(), "shop")
	must(t, err)
	died := 0
	for _, r := range all {
		if r.Status == release.Failed {
			died++
		}
	}
	t.Logf("%d kills: %d releases, %d of them told of, %d ended by a kill in their release phase", kills, len(all), made, died)
	entries, err := os.ReadDir(filepath.Join(home, "slugs"))
	must(t, err)
	t.Logf("%d files in slugs/", len(entries))
}
