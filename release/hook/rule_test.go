package hook_test

import (
	"strings"
	"testing"

	"github.com/slugc/slugc/release/hook"
)

var shop = hook.Rule{
	App: "shop", Forge: hook.GitHub, Repository: "https://git.example.com/acme/Shop.git", Branches: []string{"main", "live"},
	Paths: []string{"packages/web", "./package.json"}, Directory: "packages/web",
}

func push(change func(*hook.Push)) hook.Push {
	p := hook.Push{
		Forge: hook.GitHub, Repository: "https://git.example.com/acme/shop.git", Branch: "main", Before: oldID, After: newID,
		Message: "Sell\x1b[31m more\n\nof it", Author: "A\u202e. Nother", Pusher: "another", Paths: []string{"packages/web/index.html"},
	}
	if change != nil {
		change(&p)
	}
	return p
}

func TestDecide(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*hook.Push)
		build  bool
		reason string
	}{
		"a change of the app":        {nil, true, ""},
		"another branch of the rule": {func(p *hook.Push) { p.Branch = "live" }, true, ""},
		"another branch":             {func(p *hook.Push) { p.Branch = "\u202efix" }, false, "shop is built from main and live, not from fix"},
		"a deletion":                 {func(p *hook.Push) { p.After = "" }, false, "the branch main was deleted; shop runs on"},
		"a tag":                      {func(p *hook.Push) { p.Branch, p.Tag = "", "v1" }, false, "tags are not built"},
		"another ref":                {func(p *hook.Push) { p.Branch = "" }, false, "only branches are built"},
		"another repository":         {func(p *hook.Push) { p.Repository = "https://git.example.com/acme/shop2" }, false, "it was pushed to another repository than that of shop"},
		"another forge":              {func(p *hook.Push) { p.Forge = hook.Gitea }, false, "it was pushed to another repository than that of shop"},
		"skip deploy":                {func(p *hook.Push) { p.Message = "Docs\n\n[Skip Deploy]" }, false, "the message of the commit says [Skip Deploy]"},
		"deploy skip":                {func(p *hook.Push) { p.Message = "[deploy skip] Docs" }, false, "the message of the commit says [deploy skip]"},
		"other paths":                {func(p *hook.Push) { p.Paths = []string{"packages/website/a", "docs/packages/web"} }, false, "nothing in packages/web and ./package.json changed"},
		"a file by its name":         {func(p *hook.Push) { p.Paths = []string{"package.json"} }, true, ""},
		"paths that climb":           {func(p *hook.Push) { p.Paths = []string{"../packages/web/x"} }, false, "nothing in packages/web and ./package.json changed"},
		"nobody knows the paths":     {func(p *hook.Push) { p.Paths, p.Partial = nil, true }, true, ""},
		"a rewritten history":        {func(p *hook.Push) { p.Forced, p.Partial = true, true }, true, "the history of main was rewritten"},
	} {
		d := shop.Decide(push(c.change))
		if d.Build != c.build || d.Reason != c.reason {
			t.Errorf("%s: %+v", name, d)
		}
	}
}

func TestOrder(t *testing.T) {
	p := push(func(p *hook.Push) { p.Repository = "https://elsewhere.example.com/evil" })
	o := shop.Order(p, "webhook", "ev\x1bil", "key")
	if o.App != "shop" || o.Source.Location != shop.Repository || o.Source.Branch != "main" || o.Source.Commit != newID || o.Source.Directory != "packages/web" {
		t.Errorf("%+v", o)
	}
	if o.Source.Message != "Sell[31m more" || o.Source.Author != "A. Nother" || o.By != "evil" || o.Key != "key" {
		t.Errorf("%+v", o)
	}
}

func TestRuleCheck(t *testing.T) {
	if err := shop.Check(); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*hook.Rule){
		"app":         func(r *hook.Rule) { r.App = "../etc" },
		"no branch":   func(r *hook.Rule) { r.Branches = nil },
		"branch":      func(r *hook.Rule) { r.Branches = []string{"-x"} },
		"path":        func(r *hook.Rule) { r.Paths = []string{"../x"} },
		"absolute":    func(r *hook.Rule) { r.Directory = "/etc" },
		"zero":        func(r *hook.Rule) { r.Directory = "a\x00b" },
		"forge":       func(r *hook.Rule) { r.Forge = "sourceforge" },
		"credentials": func(r *hook.Rule) { r.Repository = "https://me:s3cr3t@git.example.com/shop" },
		"a file":      func(r *hook.Rule) { r.Repository = "/srv/git/shop.git" },
		"an option":   func(r *hook.Rule) { r.Repository = "--upload-pack=reboot" },
		"ext":         func(r *hook.Rule) { r.Repository = "ext::sh -c reboot" },
		"file":        func(r *hook.Rule) { r.Repository = "file:///srv/shop.git" },
		"api":         func(r *hook.Rule) { r.API = "git.example.com" },
	} {
		r := shop
		change(&r)
		err := r.Check()
		if err == nil {
			t.Errorf("%s: it is right", name)
		} else if strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%s: the error shows a secret: %v", name, err)
		}
	}
	for _, address := range []string{"git@git.example.com:acme/shop.git", "ssh://git@git.example.com:2222/acme/shop", "http://localhost:3000/acme/shop.git", "git://git.example.com/shop"} {
		if err := hook.CheckRepository(address); err != nil {
			t.Error(err)
		}
	}
}
