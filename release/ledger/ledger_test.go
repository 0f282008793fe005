package ledger_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/release"
	"github.com/slugc/slugc/release/ledger"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func settings(home string) ledger.Settings {
	return ledger.Settings{Dir: home, Keys: ledger.Keys{File: filepath.Join(home, "key")}}
}

func open(t testing.TB, home string) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(t.Context(), settings(home))
	must(t, err)
	t.Cleanup(func() { must(t, l.Close()) })
	return l
}

// silent is a voice that nobody hears.
type silent struct{}

func (silent) Stepf(string, ...any)    {}
func (silent) Detailf(string, ...any)  {}
func (silent) Warningf(string, ...any) {}

// anySlug has every slug.
type anySlug struct{}

func (anySlug) Path(_ context.Context, digest string) (string, error) { return digest, nil }

// phase is a release phase in this process.
type phase func(ctx context.Context, r release.Release, config release.Config, out io.Writer) error

func (p phase) Run(ctx context.Context, r release.Release, _ string, config release.Config, out io.Writer) error {
	return p(ctx, r, config, out)
}

func (phase) Output([]string) io.WriteCloser { return nopCloser{io.Discard} }

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

func maker(l *ledger.Ledger, run phase) release.Maker {
	return release.Maker{Book: l, Slugs: anySlug{}, Phase: run, Author: "ada", Voice: silent{}}
}

func artifact(name string, phased bool) release.Artifact {
	a := release.Artifact{Kind: release.SlugKind, Digest: "sha256:" + name, ProcessTypes: map[string]string{"web": "serve"}}
	if phased {
		a.ProcessTypes[release.PhaseType] = "migrate"
	}
	return a
}

func set(words ...string) release.Change {
	c := release.Change{Set: release.Config{}}
	for _, word := range words {
		name, value, _ := strings.Cut(word, "=")
		c.Set[name] = value
	}
	return c
}

// summary is a release in one line.
func summary(r release.Release) string {
	current := ""
	if r.Current {
		current = " current"
	}
	return fmt.Sprintf("%s %s %s by %s: %s%s", r.Version(), r.Description, strings.TrimPrefix(r.Artifact.Digest, "sha256:"), r.Author, r.Status, current)
}

func summaries(t testing.TB, l *ledger.Ledger, app string) []string {
	t.Helper()
	all, err := l.Releases(t.Context(), app)
	must(t, err)
	lines := []string{}
	for _, r := range all {
		lines = append(lines, summary(r))
	}
	return lines
}

func TestStory(t *testing.T) {
	home := t.TempDir()
	l := open(t, home)
	fails := errors.New("exit status 1")
	m := maker(l, func(_ context.Context, r release.Release, config release.Config, out io.Writer) error {
		fmt.Fprintf(out, "migrating %s with %s\n", r.Version(), config["DATABASE_URL"])
		if config["BREAK"] != "" {
			return fails
		}
		return nil
	})
	ctx := t.Context()
	_, err := m.Deploy(ctx, "shop", release.Offer{Artifact: artifact("one", false)})
	must(t, err)
	_, made, err := m.Configure(ctx, "shop", set("DATABASE_URL=pg://sesame", "LOG=info"))
	must(t, err)
	if !made {
		t.Error("nothing was made")
	}
	if same, made, err := m.Configure(ctx, "shop", set("LOG=info")); err != nil || made || same.Number != 2 {
		t.Errorf("what changes nothing made %v: %v, %v", same, made, err)
	}
	_, err = m.Deploy(ctx, "shop", release.Offer{Artifact: artifact("two", true), Description: "Second"})
	must(t, err)
	failed, _, err := m.Configure(ctx, "shop", set("BREAK=1"))
	phaseError, is := errors.AsType[*release.PhaseError](err)
	if !is || phaseError.Current != 3 || !errors.Is(err, fails) {
		t.Errorf("got %v", err)
	}
	_, err = m.Rollback(ctx, "shop", 0)
	must(t, err)
	want := []string{
		"v5 Rollback to v2 one by ada: succeeded current",
		"v4 Set BREAK config vars two by ada: failed",
		"v3 Second two by ada: succeeded",
		"v2 Set DATABASE_URL, LOG config vars one by ada: succeeded",
		"v1 Deploy one one by ada: succeeded",
	}
	if diff := cmp.Diff(want, summaries(t, l, "shop")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}

	// Another process reads the same.
	other := open(t, home)
	if diff := cmp.Diff(want, summaries(t, other, "shop")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	current, err := other.Current(ctx, "shop")
	must(t, err)
	config, err := other.Config(ctx, current)
	must(t, err)
	if diff := cmp.Diff(release.Config{"DATABASE_URL": "pg://sesame", "LOG": "info"}, config); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	failed, err = other.Release(ctx, "shop", failed.Number)
	must(t, err)
	if failed.Reason != "exit status 1" || !cmp.Equal(failed.Names, []string{"BREAK", "DATABASE_URL", "LOG"}) {
		t.Errorf("got %+v", failed)
	}
	if output, err := other.Output(ctx, failed); err != nil || string(output) != "migrating v4 with pg://sesame\n" {
		t.Errorf("it printed %q (%v)", output, err)
	}

	// No value is anywhere, and nobody else may read.
	must(t, filepath.WalkDir(home, func(name string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(name)
		if bytes.Contains(text, []byte("sesame")) {
			t.Errorf("%s has a value", name)
		}
		info, _ := d.Info()
		if info.Mode()&0o077 != 0 && info.Size() > 0 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
		return err
	}))
}

func TestRollback(t *testing.T) {
	l := open(t, t.TempDir())
	m := maker(l, nil)
	ctx := t.Context()
	_, _, err := m.Configure(ctx, "shop", set("A=1")) // v1 has nothing to run
	must(t, err)
	for _, name := range []string{"one", "two"} { // v2, v3
		_, err := m.Deploy(ctx, "shop", release.Offer{Artifact: artifact(name, false)})
		must(t, err)
	}
	for to, says := range map[int]string{
		1: "v1 has nothing to run", 3: "v3 is the current release already", 9: "shop has no release v9",
	} {
		if _, err := m.Rollback(ctx, "shop", to); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("to v%d: %v, want %q", to, err, says)
		}
	}
	r, err := m.Rollback(ctx, "shop", 2)
	must(t, err)
	if r.Number != 4 || r.Artifact.Digest != "sha256:one" || r.Description != "Rollback to v2" {
		t.Errorf("got %+v", r)
	}
	if _, err := m.Rollback(ctx, "none", 0); err == nil || !strings.Contains(err.Error(), "there is no app none; there are shop") {
		t.Errorf("got %v", err)
	}
	if _, err := l.Release(ctx, "none", 1); err == nil {
		t.Error("an app that is not there has a release")
	}
}

// missing has nothing.
type missing struct{}

var errMissing = errors.New("it is not there")

func (missing) Path(context.Context, string) (string, error) { return "", errMissing }

func TestImageWithReleasePhase(t *testing.T) {
	l := open(t, t.TempDir())
	a := artifact("image", true)
	a.Kind = release.ImageKind
	var ran []release.Artifact
	m := maker(l, func(_ context.Context, r release.Release, _ release.Config, _ io.Writer) error {
		ran = append(ran, r.Artifact)
		return nil
	})
	m.Images = missing{}
	if _, err := m.Deploy(t.Context(), "shop", release.Offer{Artifact: a}); !errors.Is(err, errMissing) {
		t.Errorf("got %v", err)
	}
	if apps, err := l.Apps(t.Context()); err != nil || len(apps) != 0 {
		t.Errorf("what was not released left %v (%v)", apps, err)
	}
	m.Images = m.Slugs
	r, err := m.Deploy(t.Context(), "shop", release.Offer{Artifact: a})
	if err != nil || !r.Current || len(ran) != 1 || ran[0].Kind != release.ImageKind {
		t.Errorf("got %+v, %v, and %v ran", r, err, ran)
	}
}

func TestPhaseLimit(t *testing.T) {
	l := open(t, t.TempDir())
	m := maker(l, func(ctx context.Context, _ release.Release, _ release.Config, _ io.Writer) error {
		<-ctx.Done()
		return ctx.Err()
	})
	m.Limit = time.Millisecond
	r, err := m.Deploy(t.Context(), "shop", release.Offer{Artifact: artifact("one", true)})
	if err == nil || !strings.Contains(err.Error(), "it ran for longer than 1ms") || r.Status != release.Failed {
		t.Errorf("got %v, %+v", err, r)
	}
	// Who interrupts it leaves a release that failed.
	ctx, cancel := context.WithCancel(t.Context())
	m = maker(l, func(ctx context.Context, _ release.Release, _ release.Config, _ io.Writer) error {
		cancel()
		return ctx.Err()
	})
	if _, err := m.Deploy(ctx, "shop", release.Offer{Artifact: artifact("one", true)}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	want := []string{"v2 Deploy one one by ada: failed", "v1 Deploy one one by ada: failed"}
	if diff := cmp.Diff(want, summaries(t, l, "shop")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestLongOutputKeepsItsEnd(t *testing.T) {
	l := open(t, t.TempDir())
	m := maker(l, func(_ context.Context, _ release.Release, _ release.Config, out io.Writer) error {
		for range 100 {
			if _, err := out.Write(bytes.Repeat([]byte("x"), 50<<10)); err != nil {
				return err
			}
		}
		_, err := io.WriteString(out, "the end\n")
		return err
	})
	r, err := m.Deploy(t.Context(), "shop", release.Offer{Artifact: artifact("one", true)})
	must(t, err)
	output, err := l.Output(t.Context(), r)
	must(t, err)
	if len(output) > 1<<20+100 || !bytes.HasSuffix(output, []byte("xthe end\n")) || !bytes.HasPrefix(output, []byte("[...]\nx")) {
		t.Errorf("kept %d bytes, %q", len(output), output[max(0, len(output)-20):])
	}
}

func TestDestroy(t *testing.T) {
	home := t.TempDir()
	l := open(t, home)
	m := maker(l, nil)
	ctx := t.Context()
	_, _, err := m.Configure(ctx, "shop", set("A=1"))
	must(t, err)
	old, err := l.Current(ctx, "shop")
	must(t, err)
	must(t, l.DestroyApp(ctx, "shop", nil))
	if _, err := l.Current(ctx, "shop"); err == nil {
		t.Error("the app is still there")
	}
	if _, err := l.Config(ctx, old); err == nil {
		t.Error("its config is still there")
	}
	if err := l.DestroyApp(ctx, "shop", nil); err == nil {
		t.Error("an app was destroyed twice")
	}
	// The next one of the name begins anew, with nothing of the old one.
	_, err = m.Deploy(ctx, "shop", release.Offer{Artifact: artifact("one", false)})
	must(t, err)
	if diff := cmp.Diff([]string{"v1 Deploy one one by ada: succeeded current"}, summaries(t, l, "shop")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if made, err := l.CreateApp(ctx, "shop"); err != nil || made {
		t.Errorf("made %v, %v", made, err)
	}
	if made, err := l.CreateApp(ctx, "other"); err != nil || !made {
		t.Errorf("made %v, %v", made, err)
	}
}

func TestDigests(t *testing.T) {
	l := open(t, t.TempDir())
	m := maker(l, func(_ context.Context, _ release.Release, _ release.Config, _ io.Writer) error {
		return errors.New("it fails")
	})
	ctx := t.Context()
	for _, name := range []string{"one", "two", "three"} {
		_, err := m.Deploy(ctx, "shop", release.Offer{Artifact: artifact(name, false)})
		must(t, err)
	}
	_, err := m.Deploy(ctx, "other", release.Offer{Artifact: artifact("two", false)})
	must(t, err)
	if _, err := m.Deploy(ctx, "shop", release.Offer{Artifact: artifact("bad", true)}); err == nil {
		t.Error("it did not fail")
	}
	for keep, want := range map[int]string{0: "one two three bad", 1: "three two", 2: "three two", 3: "one two three"} {
		got, err := l.Digests(ctx, "shop", keep)
		must(t, err)
		for name := range map[string]bool{"one": true, "two": true, "three": true, "bad": true} {
			if got["sha256:"+name] != strings.Contains(want, name) {
				t.Errorf("keep %d: %s is used: %v", keep, name, got["sha256:"+name])
			}
		}
	}
}

func TestWatch(t *testing.T) {
	home := t.TempDir()
	l, other := open(t, home), open(t, home)
	_, err := maker(l, nil).Deploy(t.Context(), "shop", release.Offer{Artifact: artifact("one", false)})
	must(t, err)
	if r, err := l.Watch(t.Context(), "shop", 0); err != nil || r.Number != 1 {
		t.Errorf("got %+v, %v", r, err)
	}
	seen := make(chan error, 1)
	go func() {
		r, err := l.Watch(t.Context(), "shop", 1)
		if err == nil && r.Number != 2 {
			err = fmt.Errorf("got %s", r.Version())
		}
		seen <- err
	}()
	_, err = maker(other, nil).Deploy(t.Context(), "shop", release.Offer{Artifact: artifact("two", false)})
	must(t, errors.Join(err, <-seen))
	go func() {
		_, err := l.Watch(t.Context(), "shop", 2)
		seen <- err
	}()
	must(t, other.DestroyApp(t.Context(), "shop", func() {}))
	if err := <-seen; err == nil || err.Error() != "there is no app shop, nor any other; slugc release create shop --slug FILE makes it" {
		t.Errorf("of an app that is destroyed: %v", err)
	}
	_, err = maker(other, nil).Deploy(t.Context(), "shop", release.Offer{Artifact: artifact("three", false)})
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Watch(ctx, "shop", 1); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// raw opens the file as any program could.
func raw(t *testing.T, home string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(home, "ledger.db"))
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	return db
}

func TestReleasesNeverChange(t *testing.T) {
	home := t.TempDir()
	l := open(t, home)
	_, _, err := maker(l, nil).Configure(t.Context(), "shop", set("A=1"))
	must(t, err)
	db := raw(t, home)
	for _, statement := range []string{
		"UPDATE releases SET description = 'x'", "UPDATE releases SET status = 'failed'", "UPDATE releases SET number = 2",
		"DELETE FROM releases", "DELETE FROM apps", "DELETE FROM snapshots", "UPDATE snapshots SET sealed = x'00'", "UPDATE snapshots SET sealed = NULL",
		"UPDATE apps SET name = 'x'",
		"INSERT INTO releases SELECT app, 3, artifact, digest, snapshot, description, author, created_at, status, reason, output, checksum FROM releases",
		"INSERT INTO releases SELECT app, 1, artifact, digest, snapshot, description, author, created_at, status, reason, output, checksum FROM releases",
		"INSERT INTO apps (name, created_at) VALUES ('shop', '')",
	} {
		if _, err := db.ExecContext(t.Context(), statement); err == nil {
			t.Errorf("nothing kept anybody from: %s", statement)
		}
	}
}

func TestNewerLedger(t *testing.T) {
	home := t.TempDir()
	must(t, open(t, home).Close())
	_, err := raw(t, home).ExecContext(t.Context(), "PRAGMA user_version = 99")
	must(t, err)
	_, err = ledger.Open(t.Context(), settings(home))
	newer, is := errors.AsType[*release.NewerError](err)
	if !is || newer.Has != 99 {
		t.Errorf("got %v", err)
	}
}

// filled is a home with an app of some releases, and what they are.
func filled(t *testing.T) (home string, want []string, config release.Config) {
	t.Helper()
	home = t.TempDir()
	l, err := ledger.Open(t.Context(), settings(home))
	must(t, err)
	m := maker(l, nil)
	// So many that most of the file is what they say, and not pages of tables without rows.
	for i := range 40 {
		_, err := m.Deploy(t.Context(), "shop", release.Offer{Artifact: artifact(fmt.Sprint("slug-", i), false)})
		must(t, err)
		_, _, err = m.Configure(t.Context(), "shop", set(fmt.Sprintf("A=%d", i), "B="+strings.Repeat("b", 500)))
		must(t, err)
	}
	want = summaries(t, l, "shop")
	current, err := l.Current(t.Context(), "shop")
	must(t, err)
	config, err = l.Config(t.Context(), current)
	must(t, errors.Join(err, l.Close()))
	return home, want, config
}

func TestDamagedLedger(t *testing.T) {
	home, _, _ := filled(t)
	file := filepath.Join(home, "ledger.db")
	whole, err := os.ReadFile(file)
	must(t, err)
	// After a crash there is a write-ahead log too.
	for name, text := range map[string][]byte{
		"empty":     {},
		"short":     whole[:50],
		"half":      whole[:len(whole)/2],
		"no SQLite": bytes.Repeat([]byte("no database\n"), 1000),
		"zeroes":    make([]byte, len(whole)),
	} {
		must(t, os.WriteFile(file, text, 0o600))
		_, err := ledger.Open(t.Context(), settings(home))
		damaged, is := errors.AsType[*release.DamagedError](err)
		if !is || !strings.Contains(damaged.Error(), "Restore the backup: rm -f") {
			t.Errorf("%s: %v", name, err)
		}
		if now, err := os.ReadFile(file); err != nil || !bytes.Equal(now, text) {
			t.Errorf("%s: the file was changed (%v)", name, err)
		}
	}
	// What it says brings a ledger back.
	backups, err := filepath.Glob(filepath.Join(home, "backups", "ledger-*.db"))
	must(t, err)
	if len(backups) != 1 {
		t.Fatalf("backups: %v", backups)
	}
	must(t, os.Remove(file))
	if _, err := ledger.Open(t.Context(), settings(home)); err == nil || !strings.Contains(err.Error(), "it is gone. Restore the backup") {
		t.Errorf("got %v", err)
	}
	copied, err := os.ReadFile(backups[0])
	must(t, err)
	must(t, os.WriteFile(file, copied, 0o600))
	l := open(t, home)
	if got := summaries(t, l, "shop"); len(got) == 0 {
		t.Error("the backup has no release")
	}
	_, err = maker(l, nil).Deploy(t.Context(), "shop", release.Offer{Artifact: artifact("more", false)})
	must(t, err)
}

// TestFlippedBytes: a flipped bit is found, or changes nothing that anybody reads.
func TestFlippedBytes(t *testing.T) {
	t.Parallel()
	home, want, config := filled(t)
	file := filepath.Join(home, "ledger.db")
	whole, err := os.ReadFile(file)
	must(t, err)
	random := rand.New(rand.NewSource(1))
	found := 0
	for range kills {
		flipped := bytes.Clone(whole)
		at, bit := random.Intn(len(whole)), byte(1)<<random.Intn(8)
		flipped[at] ^= bit
		must(t, os.WriteFile(file, flipped, 0o600))
		switch got, gotConfig, err := readAll(t.Context(), home); {
		case err != nil:
			found++
		case !cmp.Equal(want, got) || !cmp.Equal(config, gotConfig):
			t.Errorf("bit %08b of byte %d flipped: %s", bit, at, cmp.Diff(want, got))
		}
		for _, name := range []string{"-wal", "-shm"} {
			if err := os.Remove(file + name); err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Fatal(err)
			}
		}
	}
	// A good part of the file is free pages and reserves.
	if found < kills/4 {
		t.Errorf("only %d of %d were found", found, kills)
	}
	t.Logf("%d of %d flipped bits were found, the others meant nothing", found, kills)
}

func readAll(ctx context.Context, home string) (lines []string, config release.Config, err error) {
	l, err := ledger.Open(ctx, settings(home))
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	all, err := l.Releases(ctx, "shop")
	if err != nil {
		return nil, nil, err
	}
	for _, r := range all {
		lines = append(lines, summary(r))
		if config, err = l.Config(ctx, r); err != nil {
			return nil, nil, err
		}
	}
	current, err := l.Current(ctx, "shop")
	if err != nil {
		return nil, nil, err
	}
	config, err = l.Config(ctx, current)
	return lines, config, err
}

func TestKeys(t *testing.T) {
	home := t.TempDir()
	made := ""
	s := settings(home)
	s.Keys.Made = func(file string) { made = file }
	l, err := ledger.Open(t.Context(), s)
	must(t, err)
	_, _, err = maker(l, nil).Configure(t.Context(), "shop", set("A=1"))
	must(t, errors.Join(err, l.Close()))
	key := filepath.Join(home, "key")
	if info, err := os.Stat(key); err != nil || info.Mode().Perm() != 0o600 || made != key {
		t.Errorf("the key: %v, %v, said %q", info, err, made)
	}
	text, err := os.ReadFile(key)
	must(t, err)
	secret := strings.TrimSpace(string(text[bytes.Index(text, []byte("AGE-")):]))

	config := func(k ledger.Keys) (release.Config, error) {
		l, err := ledger.Open(t.Context(), ledger.Settings{Dir: home, Keys: k})
		must(t, err)
		defer func() { must(t, l.Close()) }()
		r, err := l.Current(t.Context(), "shop")
		must(t, err)
		return l.Config(t.Context(), r)
	}
	if c, err := config(ledger.Keys{Text: secret}); err != nil || c["A"] != "1" {
		t.Errorf("got %v, %v", c, err)
	}
	wrong := filepath.Join(t.TempDir(), "key")
	otherHome := t.TempDir()
	other, err := ledger.Open(t.Context(), ledger.Settings{Dir: otherHome, Keys: ledger.Keys{File: wrong}})
	must(t, err)
	_, _, err = maker(other, nil).Configure(t.Context(), "shop", set("A=1"))
	must(t, errors.Join(err, other.Close()))
	for name, k := range map[string]struct {
		keys ledger.Keys
		says string
	}{
		"another":     {ledger.Keys{File: wrong}, "sealed for the key of age1"},
		"none":        {ledger.Keys{File: filepath.Join(home, "none")}, "that configs were sealed with is gone"},
		"no key":      {ledger.Keys{Text: "hunter2"}, "SLUGC_KEY is no key"},
		"two of them": {ledger.Keys{Text: secret + "\n" + secret}, "SLUGC_KEY is no key"},
		"a file":      {ledger.Keys{File: filepath.Join(home, "ledger.db")}, "is no key"},
		"a directory": {ledger.Keys{File: home}, "reading the key"},
	} {
		_, err := config(k.keys)
		if _, is := errors.AsType[*release.KeyError](err); !is || !strings.Contains(err.Error(), k.says) {
			t.Errorf("%s: %v, want %q", name, err, k.says)
		}
		if err != nil && (strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "hunter2")) {
			t.Errorf("%s: the error shows a key: %v", name, err)
		}
	}
	if _, err := os.Stat(filepath.Join(home, "none")); err == nil {
		t.Error("a key was made for configs that it cannot open")
	}
}

// TestConfigOfAnother: what is sealed of one app does not pass for another's.
func TestConfigOfAnother(t *testing.T) {
	home := t.TempDir()
	l := open(t, home)
	for _, app := range []string{"one", "two"} {
		_, _, err := maker(l, nil).Configure(t.Context(), app, set("A="+app))
		must(t, err)
	}
	db := raw(t, home)
	for _, statement := range []string{
		"DROP TRIGGER snapshots_end_with_the_app",
		"UPDATE snapshots SET sealed = (SELECT sealed FROM snapshots WHERE id = 1) WHERE id = 2",
	} {
		_, err := db.ExecContext(t.Context(), statement)
		must(t, err)
	}
	r, err := l.Current(t.Context(), "two")
	must(t, err)
	if _, err := l.Config(t.Context(), r); err == nil || !strings.Contains(err.Error(), "is another's") {
		t.Errorf("got %v", err)
	}
}
