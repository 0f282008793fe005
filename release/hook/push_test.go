package hook_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/slugc/slugc/release/hook"
)

func TestPlain(t *testing.T) {
	for in, want := range map[string]string{
		"Fix the shop":                     "Fix the shop",
		"  two\r\n lines\t":                "two lines",
		"\x1b[2J\x1b]0;title\x07red\u009b": "[2J]0;titlered",
		"evil\u202etxt.exe\u2066":          "eviltxt.exe",
		"not \xff UTF-8":                   "not UTF-8",
		"größe 日本 ✓":                       "größe 日本 ✓",
		strings.Repeat("a", 30):            strings.Repeat("a", 20) + "...",
		"":                                 "",
	} {
		if got := hook.Plain(in, 20); got != want {
			t.Errorf("%q: %q, expected %q", in, got, want)
		}
	}
	if got := hook.Subject("\n\nFirst\x1b[31m line\n\nMore"); got != "First[31m line" {
		t.Errorf("the subject is %q", got)
	}
}

func FuzzPlain(f *testing.F) {
	f.Add("a\x1b[31m\u202eb", 3)
	f.Fuzz(func(t *testing.T, text string, most int) {
		most = most & 0xff
		got := hook.Plain(text, most)
		if strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }) || utf8.RuneCountInString(got) > most+len("...") {
			t.Errorf("%q became %q", text, got)
		}
	})
}

func TestCheckBranch(t *testing.T) {
	for _, good := range []string{"main", "feature/cart", "größe", "$(rm)", "a;reboot", "v1.2", "`id`"} {
		if err := hook.CheckBranch(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{
		"", "$(rm -rf /)", "-main", "a..b", "a~1", "a^", "a:b", "a?", "a*", "a[b", `a\b`, "a\x1b[31m", "a\x7f", ".hidden", "a/.b", "a//b", "/a", "a/",
		"a.lock", "a.lock/b", "a.", "@", "HEAD", "a@{1}", "a\xff", strings.Repeat("a", 256),
	} {
		err := hook.CheckBranch(bad)
		if err == nil {
			t.Errorf("%q is a branch", bad)
		} else if strings.ContainsFunc(err.Error(), unicode.IsControl) {
			t.Errorf("the error shows control characters: %q", err)
		}
	}
}

const (
	oldID  = "1111111111111111111111111111111111111111"
	newID  = "2222222222222222222222222222222222222222"
	noID   = "0000000000000000000000000000000000000000"
	longID = "3333333333333333333333333333333333333333333333333333333333333333"
)

func TestParseUpdates(t *testing.T) {
	all, err := hook.ParseUpdates(strings.NewReader(oldID + " " + newID + " refs/heads/main\n" + noID + " " + longID + " refs/tags/v1\n" + oldID + " " + noID + " refs/heads/gone\n" + noID + " " + newID + " refs/notes/x\n"))
	if err != nil || len(all) != 4 {
		t.Fatalf("%v, %v", all, err)
	}
	if u := all[0]; u.Branch() != "main" || u.Tag() != "" || u.Before != oldID || u.After != newID {
		t.Errorf("%+v", u)
	}
	if u := all[1]; u.Branch() != "" || u.Tag() != "v1" || u.Before != "" || u.After != longID {
		t.Errorf("%+v", u)
	}
	if u := all[2]; u.Branch() != "gone" || u.After != "" {
		t.Errorf("%+v", u)
	}
	if u := all[3]; u.Branch() != "" || u.Tag() != "" {
		t.Errorf("%+v", u)
	}
	for _, bad := range []string{
		"main", oldID + " " + newID, "x " + newID + " refs/heads/main", oldID + " " + newID + " main", noID + " " + noID + " refs/heads/main",
		oldID + " " + newID + " refs/heads/" + strings.Repeat("a", 9000),
		strings.Repeat(oldID+" "+newID+" refs/heads/main\n", 10_001),
	} {
		if all, err := hook.ParseUpdates(strings.NewReader(bad)); err == nil {
			t.Errorf("%.100q was read: %v", bad, all)
		}
	}
}

func FuzzParseUpdates(f *testing.F) {
	f.Add(oldID + " " + newID + " refs/heads/main\n")
	f.Add(noID + " " + longID + " refs/tags/$(reboot)\n")
	f.Fuzz(func(t *testing.T, text string) {
		all, err := hook.ParseUpdates(strings.NewReader(text))
		if err != nil {
			return
		}
		for _, u := range all {
			if u.Before == "" && u.After == "" || !strings.HasPrefix(u.Ref, "refs/") || u.Branch() != "" && u.Tag() != "" {
				t.Errorf("%q has %+v", text, u)
			}
		}
	})
}
