package receive_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sclevine/spec"

	"github.com/slugc/slugc/release/hook"
	"github.com/slugc/slugc/release/hook/receive"
	"github.com/slugc/slugc/release/queue"
)

func TestApps(t *testing.T) {
	apps, err := receive.Apps("/srv/shop.git", map[string][]string{
		"core.bare": {"true"}, "slugc.site.branch": {"main"},
		"slugc.shop.branch": {"main", "live"}, "slugc.shop.path": {"web"}, "slugc.shop.directory": {"old", "web"}, "slugc.shop.others": {"refuse"},
		"slugc.shop.start": {"no"}, "slugc.shop.port": {"8080"}, "slugc.shop.listen": {"0.0.0.0"}, "slugc.shop.flag": {"--stack", "slugc-13"},
	})
	if err != nil || len(apps) != 2 || apps[0].App != "shop" || apps[1].App != "site" {
		t.Fatalf("%+v, %v", apps, err)
	}
	a := apps[0]
	if a.Forge != hook.Git || a.Repository != "/srv/shop.git" || !slices.Equal(a.Branches, []string{"main", "live"}) || !slices.Equal(a.Paths, []string{"web"}) || a.Directory != "web" ||
		!a.Refuse || !a.Stay || a.Port != "8080" || a.Listen != "0.0.0.0" || !slices.Equal(a.Flags, []string{"--stack", "slugc-13"}) {
		t.Errorf("%+v", a)
	}
	if b := apps[1]; b.Refuse || b.Stay || b.Port != "" {
		t.Errorf("%+v", b)
	}
	for name, settings := range map[string]map[string][]string{
		"no branch":           {"slugc.shop.path": {"web"}},
		"a name of no app":    {"slugc.Shop.branch": {"main"}},
		"an unknown variable": {"slugc.shop.branch": {"main"}, "slugc.shop.brunch": {"main"}},
		"no boolean":          {"slugc.shop.branch": {"main"}, "slugc.shop.start": {"maybe\x1b[31m"}},
		"others":              {"slugc.shop.branch": {"main"}, "slugc.shop.others": {"deny"}},
		"a path":              {"slugc.shop.branch": {"main"}, "slugc.shop.path": {"../x"}},
	} {
		_, err := receive.Apps("/srv/shop.git", settings)
		var wrong *receive.SettingError
		if !errors.As(err, &wrong) || !strings.Contains(err.Error(), "git -C /srv/shop.git config --edit") || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// bare is a directory as git init --bare leaves it, with a config.
func bare(t *testing.T, config string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "shop.git")
	err := errors.Join(os.MkdirAll(filepath.Join(dir, "objects"), 0o755), os.MkdirAll(filepath.Join(dir, "refs"), 0o755),
		os.WriteFile(filepath.Join(dir, "HEAD"), []byte("ref: refs/heads/main\n"), 0o644), os.WriteFile(filepath.Join(dir, "config"), []byte(config), 0o640))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestInstall(t *testing.T) {
	const before = "[core]\n\tbare = true\n[slugc \"other\"]\n\tbranch = main\n"
	dir := bare(t, before)
	config := filepath.Join(dir, "config")
	a := receive.App{Rule: hook.Rule{App: "shop", Forge: hook.Git, Branches: []string{"main", "a\"b"}, Directory: "web", Flags: []string{`C:\x`}}, Refuse: true, Stay: true}
	h := receive.Hook{Name: receive.Pre, Program: "/opt/it's/slugc", Env: []string{"SLUGC_HOME=/var/lib/my slugc"}}
	file, err := receive.Install(dir, a, h, false)
	if err != nil || file != filepath.Join(dir, "hooks", "pre-receive") {
		t.Fatalf("%s, %v", file, err)
	}
	if got := read(t, file); !strings.HasPrefix(got, "#!/bin/sh\n") || !strings.HasSuffix(got, "\nexport SLUGC_HOME='/var/lib/my slugc'\nexec '/opt/it'\\''s/slugc' receive\n") {
		t.Errorf("the hook is\n%s", got)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("%v, %v", info, err)
	}
	const section = "[slugc \"shop\"]\n\tbranch = \"main\"\n\tbranch = \"a\\\"b\"\n\tdirectory = \"web\"\n\tothers = \"refuse\"\n\tstart = \"false\"\n\tflag = \"C:\\\\x\"\n"
	if got := read(t, config); got != before+section+"[receive]\n\tkeepAlive = 2\n" {
		t.Errorf("the config is\n%s", got)
	}
	// Once more, it has the section once.
	a.Branches = []string{"live"}
	if _, err := receive.Install(dir, a, h, false); err != nil {
		t.Fatal(err)
	}
	if got := read(t, config); strings.Count(got, "shop") != 1 || strings.Count(got, "keepAlive") != 1 || !strings.Contains(got, "\tbranch = \"live\"\n") {
		t.Errorf("the config is\n%s", got)
	}
	if info, err := os.Stat(config); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("%v, %v", info, err)
	}
	if gone, err := receive.Remove(dir, "shop"); err != nil || len(gone) != 0 {
		t.Errorf("%q, %v", gone, err)
	}
	if _, err := receive.Remove(dir, "shop"); err == nil {
		t.Error("it was removed twice")
	}
	if gone, err := receive.Remove(dir, "other"); err != nil || !slices.Equal(gone, []string{file}) {
		t.Errorf("%q, %v", gone, err)
	}
}

func TestInstallRefuses(t *testing.T) {
	a := receive.App{Rule: hook.Rule{App: "shop", Forge: hook.Git, Branches: []string{"main"}}}
	h := receive.Hook{Name: receive.Pre, Program: "/opt/slugc"}
	dir := bare(t, "")
	file := filepath.Join(dir, "hooks", "pre-receive")
	if err := errors.Join(os.Mkdir(filepath.Join(dir, "hooks"), 0o755), os.WriteFile(file, []byte("#!/bin/sh\ntrue\n"), 0o755)); err != nil {
		t.Fatal(err)
	}
	var foreign *receive.ForeignError
	if _, err := receive.Install(dir, a, h, false); !errors.As(err, &foreign) || read(t, file) != "#!/bin/sh\ntrue\n" || read(t, filepath.Join(dir, "config")) != "" {
		t.Errorf("got %v", err)
	}
	if _, err := receive.Install(dir, a, h, true); err != nil || read(t, file) != "#!/bin/sh\ntrue\n" || read(t, filepath.Join(dir, "config")) == "" {
		t.Errorf("got %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "config.lock"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := receive.Install(dir, a, h, true); err == nil || !strings.Contains(err.Error(), "config.lock") {
		t.Errorf("got %v", err)
	}
	work := t.TempDir()
	if err := os.Rename(bare(t, ""), filepath.Join(work, ".git")); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{t.TempDir(), filepath.Join(work, "none"), work, filepath.Join(work, ".git")} {
		var wrong *receive.RepositoryError
		if _, err := receive.Open(dir); !errors.As(err, &wrong) {
			t.Errorf("%s: got %v", dir, err)
		}
	}
}

const (
	one = "1111111111111111111111111111111111111111"
	two = "2222222222222222222222222222222222222222"
)

// history is a repository of two commits, two after one.
type history struct{ changed []string }

func (history) Describe(_ context.Context, id string) (string, string, error) {
	return "Commit " + id[:1] + "\x1b[31m", "Ada", nil
}
func (history) Contains(_ context.Context, later, earlier string) (bool, error) {
	return later >= earlier, nil
}
func (h history) Changed(context.Context, string, string) ([]string, error) { return h.changed, nil }

// builds are orders, and how they end by the app.
type builds struct {
	orders []queue.Order
	ends   map[string]queue.Build
}

func (b *builds) Order(_ context.Context, o queue.Order) (queue.Build, bool, error) {
	b.orders = append(b.orders, o)
	return queue.Build{ID: int64(len(b.orders)), Order: o, Status: queue.Waiting}, true, nil
}

func (b *builds) RunOne(_ context.Context, id int64, out io.Writer) (queue.Build, error) {
	o := b.orders[id-1]
	fmt.Fprintf(out, "building %s\n", o.App)
	end := b.ends[o.App]
	end.ID, end.Order = id, o
	return end, nil
}

func TestReceive(t *testing.T) { spec.Run(t, "receive", testReceive) }

func testReceive(t *testing.T, _ spec.G, it spec.S) {
	var (
		b    *builds
		out  *bytes.Buffer
		live []string
		r    receive.Receiver
		apps []receive.App
	)
	it.Before(func() {
		b = &builds{ends: map[string]queue.Build{
			"shop": {Status: queue.Succeeded, Result: queue.Result{Release: 3}},
			"site": {Status: queue.Failed, Result: queue.Result{Code: 51, Reason: "npm fails"}},
		}}
		out, live = &bytes.Buffer{}, nil
		r = receive.Receiver{
			Repository: history{}, Orders: b, Builder: func(string) (receive.Builder, error) { return b, nil }, Out: out, Pusher: "ada", Pre: true,
			Live: func(_ context.Context, a receive.App, release int) error {
				live = append(live, fmt.Sprintf("%s %d", a.App, release))
				return nil
			},
		}
		apps = []receive.App{{Rule: hook.Rule{App: "shop", Forge: hook.Git, Repository: "/srv/shop.git", Branches: []string{"main"}, Flags: []string{"--stack", "slugc-13"}}}}
	})
	push := func(updates ...hook.Update) error { return r.Receive(t.Context(), apps, updates) }

	it("builds a push and has it run", func() {
		if err := push(hook.Update{Before: one, After: two, Ref: "refs/heads/main"}); err != nil {
			t.Fatal(err)
		}
		if got := out.String(); got != "-----> Build 1 of shop: main at 2222222, Commit 2[31m\nbuilding shop\n" {
			t.Errorf("the pusher sees %q", got)
		}
		o := b.orders[0]
		if !o.Mine || o.Trigger != "push" || o.By != "ada" || o.Source.Commit != two || o.Source.Author != "Ada" || o.Source.Location != "/srv/shop.git" || !slices.Equal(o.Flags, []string{"--stack", "slugc-13"}) {
			t.Errorf("the order is %+v", o)
		}
		if !slices.Equal(live, []string{"shop 3"}) {
			t.Errorf("live: %q", live)
		}
	})

	it("rejects a push that does not build, and says what is released all the same", func() {
		apps = append(apps, receive.App{Rule: hook.Rule{App: "site", Forge: hook.Git, Branches: []string{"main"}}})
		err := push(hook.Update{After: two, Ref: "refs/heads/main"})
		var rejected *receive.RejectedError
		if !errors.As(err, &rejected) || err.Error() != "Push rejected: site: npm fails\nshop v3 is released and stays so" || !slices.Equal(rejected.Next(), []string{"slugc builds logs 2"}) {
			t.Errorf("got %v", err)
		}
	})

	it("says of a push that was taken why it does not run", func() {
		r.Pre = false
		b.ends["shop"] = queue.Build{Status: queue.Superseded}
		if err := push(hook.Update{After: two, Ref: "refs/heads/main"}); err == nil || err.Error() != "shop: a newer push took its place while it waited" {
			t.Errorf("got %v", err)
		}
	})

	it("refuses other branches before it builds one", func() {
		apps[0].Refuse = true
		err := push(hook.Update{After: two, Ref: "refs/heads/main"}, hook.Update{After: two, Ref: "refs/heads/\u202efix"})
		if err == nil || err.Error() != "Push rejected: branches that are not built are refused here: shop is built from main, not from fix" || len(b.orders) != 0 {
			t.Errorf("got %v, %d orders", err, len(b.orders))
		}
		// One may be deleted.
		if err := push(hook.Update{Before: one, Ref: "refs/heads/fix"}); err != nil {
			t.Error(err)
		}
	})

	it("does not build what git will refuse", func() {
		r.Fixed = true
		if err := push(hook.Update{Before: two, After: one, Ref: "refs/heads/main"}); err != nil || len(b.orders) != 0 || !strings.Contains(out.String(), "receive.denyNonFastForwards") {
			t.Errorf("got %v\n%s", err, out)
		}
		r.Fixed = false
		if err := push(hook.Update{Before: two, After: one, Ref: "refs/heads/main"}); err != nil || len(b.orders) != 1 || !strings.Contains(out.String(), "-----> shop: the history of main was rewritten\n") {
			t.Errorf("got %v\n%s", err, out)
		}
	})

	it("looks at the paths that changed", func() {
		r.Repository = history{changed: []string{"docs/a"}}
		apps[0].Paths = []string{"web"}
		if err := push(hook.Update{Before: one, After: two, Ref: "refs/heads/main"}); err != nil || len(b.orders) != 0 {
			t.Errorf("got %v, %d orders", err, len(b.orders))
		}
		r.Repository = history{changed: []string{"web/a"}}
		if err := push(hook.Update{Before: one, After: two, Ref: "refs/heads/main"}); err != nil || len(b.orders) != 1 {
			t.Errorf("got %v, %d orders", err, len(b.orders))
		}
	})
}

// TestTurn waits for no process that is gone, and takes only branches that have not moved.
func TestTurn(t *testing.T) {
	tip := one
	turn := receive.Turn{File: filepath.Join(t.TempDir(), "run", "push"), Tip: func(string) (string, error) { return tip, nil }}
	for _, last := range []string{"", "1234567 1", "nonsense", fmt.Sprintf("%d 1", os.Getpid())} {
		if last != "" {
			if err := os.WriteFile(turn.File, []byte(last), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := turn.Take(t.Context(), "main", one); err != nil {
			t.Errorf("%q: %v", last, err)
		}
	}
	tip = two
	if err := turn.Take(t.Context(), "main", one); err == nil || !strings.Contains(err.Error(), "git pull") {
		t.Errorf("got %v", err)
	}
}

// TestGone closes the end of a pipe that is read.
func TestGone(t *testing.T) {
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan bool)
	go func() { gone <- receive.Gone(ctx, writer) }()
	if err := reader.Close(); err != nil {
		t.Fatal(err)
	}
	if !<-gone {
		t.Error("somebody reads it")
	}
	go func() { gone <- receive.Gone(ctx, os.Stdin) }()
	cancel()
	if <-gone {
		t.Error("nobody is there, it says")
	}
}
