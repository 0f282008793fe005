package ledger_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/slugc/slugc/release/hook"
)

func TestHooks(t *testing.T) {
	home := t.TempDir()
	l := open(t, home)
	rule := hook.Rule{
		App: "shop", Forge: hook.Gitea, Repository: "https://git.example.com/acme/shop.git", Branches: []string{"main"}, Paths: []string{"web"},
		Secret: "the-secret-of-it", Token: "the-token-of-it", Flags: []string{"--stack", "slugc-13"},
	}
	if _, err := l.Rule(t.Context(), "shop"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	must(t, l.KeepRule(t.Context(), rule))
	rule.Branches = []string{"main", "live"}
	must(t, l.KeepRule(t.Context(), rule))
	got, err := l.Rule(t.Context(), "shop")
	if err != nil || !reflect.DeepEqual(got, rule) {
		t.Errorf("%+v, %v", got, err)
	}
	other := rule
	other.App = "another"
	must(t, l.KeepRule(t.Context(), other))
	all, err := l.Rules(t.Context())
	if err != nil || len(all) != 2 || all[0].App != "another" || all[1].App != "shop" || all[0].Secret != "" || all[0].Token != "" {
		t.Errorf("%+v, %v", all, err)
	}
	if wrong := (hook.Rule{App: "x"}); l.KeepRule(t.Context(), wrong) == nil {
		t.Error("a rule that is none was kept")
	}

	// No secret is in the files as it is.
	files, err := filepath.Glob(filepath.Join(home, "ledger.db*"))
	must(t, err)
	for _, file := range files {
		content, err := os.ReadFile(file)
		must(t, err)
		if bytes.Contains(content, []byte(rule.Secret)) || bytes.Contains(content, []byte(rule.Token)) {
			t.Errorf("%s has a secret", file)
		}
	}

	must(t, l.RemoveRule(t.Context(), "another"))
	if err := l.RemoveRule(t.Context(), "another"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}

	// What is sealed with a key that is gone is not sealed with a new one.
	must(t, os.Remove(filepath.Join(home, "key")))
	if _, err := l.Rule(t.Context(), "shop"); err == nil {
		t.Error("it was read without the key")
	}
	if _, err := os.Stat(filepath.Join(home, "key")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("there is a new key: %v", err)
	}
}

func TestHookEndsWithItsApp(t *testing.T) {
	l := open(t, t.TempDir())
	_, err := l.CreateApp(t.Context(), "shop")
	must(t, err)
	must(t, l.KeepRule(t.Context(), hook.Rule{App: "shop", Forge: hook.GitHub, Repository: "https://git.example.com/acme/shop", Branches: []string{"main"}}))
	must(t, l.DestroyApp(t.Context(), "shop", nil))
	if _, err := l.Rule(t.Context(), "shop"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}
