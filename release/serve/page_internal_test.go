package serve

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"github.com/slugc/slugc/release"
	"github.com/slugc/slugc/release/formation"
	"github.com/slugc/slugc/release/formation/control"
	"github.com/slugc/slugc/release/queue"
)

// hostile are texts that try to be more than text.
var hostile = []string{
	`"><script>alert(1)</script>`, `'><img src=x onerror=alert(1)>`, `" onmouseover="alert(1)`, ` onclick=alert(1) `, `</title></pre></textarea></svg><style>*{}</style>`,
	`<!--`, `--><iframe srcdoc="x">`, `&lt;b&gt;&#60;`, `]]>`, `javascript:alert(1)`, `//example.com/`, `../../sign-out?`, "`${x}`", "{{.Word}}",
}

// pagesOf are all pages, with what is foreign on them ending in a text.
func pagesOf(foreign string) map[string]part {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	of := func(name string) string { return name + foreign }
	ended := queue.Build{ID: 7, Status: queue.Failed, Ordered: now, Started: now, Finished: now.Add(time.Minute)}
	ended.Order = queue.Order{App: of("shop"), By: of("ada"), Trigger: of("push"), Again: 6, Source: queue.Source{
		Kind: queue.Repository, Location: of("x"), Branch: of("main"), Commit: "c0ffee", Directory: of("api"), Message: of("Sell"), Author: of("Ada"),
	}}
	ended.Result = queue.Result{
		Code: 51, Reason: of("broken"), Release: 3,
		Steps: []queue.Step{{Name: of("Detecting"), Duration: time.Second}},
		Reuse: []queue.Reuse{{Name: of("modules"), Reused: true, Reason: of("the same")}, {Name: of("node"), Reason: of("changed")}},
	}
	runs := ended
	runs.Status, runs.Finished, runs.Source.Message = queue.Running, time.Time{}, ""
	builds := []queue.Build{runs, ended}

	current := release.Release{
		App: of("shop"), Number: 3, Artifact: release.Artifact{Kind: release.SlugKind, Digest: of("sha256:"), ProcessTypes: map[string]string{of("web"): of("./web")}},
		Names: []string{of("KEY")}, Description: of("Deploy"), Author: of("ada"), Created: now, Status: release.Succeeded, Current: true,
	}
	failed, before := current, current
	failed.Current, failed.Status, failed.Reason, before.Current = false, release.Failed, of("broken"), false
	started := &control.Status{
		URL: foreign, Wanted: map[string]int{of("web"): 2},
		Processes: []formation.Process{{Name: of("web.1"), State: formation.State(of("up")), Since: now, Release: of("v3"), Restarts: 1}},
	}
	one := line{Text: of("text"), Spans: []Span{{Class: "b", Text: of("bold")}, {Text: of("plain")}}}

	v := view{title: of("title"), name: of("Ada"), signed: true, word: of("word"), here: of("apps"), live: true, now: now.Add(time.Hour)}
	return map[string]part{
		"home":       v.page(v.home([]appView{{App: release.App{Name: of("shop")}, Release: &current, Formation: started, Build: &ended}, {App: release.App{Name: of("new")}}}, builds)),
		"empty home": v.page(v.home(nil, nil)),
		"app":        v.page(v.app(appDetails{App: of("shop"), Current: &current, Releases: []release.Release{current, failed, before}, Config: current.Names, Formation: started, Builds: builds})),
		"new app":    v.page(v.app(appDetails{App: of("shop")})),
		"builds":     v.page(v.builds(of("shop"), builds, foreign)),
		"no builds":  v.page(v.builds("", nil, "")),
		"build":      v.page(v.build(buildDetails{Build: ended, repeatable: true, lines: []line{one}, from: 9})),
		"live build": v.page(v.build(buildDetails{Build: runs})),
		"treemap":    v.page(v.treemap(current, []Area{{Path: of("node_modules/a"), Size: 9000}, {Path: foreign, Size: 10, Rest: true}})),
		"problem":    v.page(trouble(of("title"), &Problem{Message: of("wrong"), Next: []string{of("slugc")}})),
		"sign in":    v.page(signInForm(of("/"), of("wrong"), of("Ada"))),
	}
}

// markupOf is what a page is made of as a browser sees it: elements and the names of their
// attributes; and all text that it has.
func markupOf(t *testing.T, page part) (shape []string, texts string) {
	t.Helper()
	var b strings.Builder
	if err := writeDocument(&b, page); err != nil {
		t.Fatal(err)
	}
	document, err := html.Parse(strings.NewReader(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	for n := range document.Descendants() {
		switch n.Type {
		case html.ElementNode:
			names := []string{n.Data}
			for _, a := range n.Attr {
				names = append(names, a.Key)
				leads(t, n.Data, a)
			}
			shape = append(shape, strings.Join(names, " "))
			if n.FirstChild != nil && slices.Contains([]string{"script", "style"}, n.Data) {
				t.Errorf("there is text in a %s: %q", n.Data, n.FirstChild.Data)
			}
		case html.TextNode:
			texts += n.Data
		case html.CommentNode:
			t.Errorf("there is a comment: %q", n.Data)
		}
	}
	return shape, texts
}

// leads looks where an attribute leads.
func leads(t *testing.T, element string, a html.Attribute) {
	t.Helper()
	switch a.Key {
	case "href", "src", "action", "data-send", "data-load", "data-events":
		if !strings.HasPrefix(a.Val, "#") && (!strings.HasPrefix(a.Val, "/") || strings.HasPrefix(a.Val, "//") || strings.Contains(a.Val, "/../")) {
			t.Errorf("%s of %s leads to %q", a.Key, element, a.Val)
		}
	}
}

// TestForeignText: names, messages and logs are text, all of it and never more, and lead
// nowhere but to this server.
func TestForeignText(t *testing.T) {
	const harmless = " harmless"
	pages := pagesOf(harmless)
	for _, text := range hostile {
		for name, page := range pagesOf(text) {
			wantShape, wantTexts := markupOf(t, pages[name])
			shape, texts := markupOf(t, page)
			if diff := cmp.Diff(wantShape, shape); diff != "" {
				t.Errorf("%s with %q has other markup:\n%s", name, text, diff)
			}
			want := strings.Count(wantTexts, harmless)
			if name == "treemap" {
				want -= 2 // the labels of its two areas have the last parts of paths
			}
			if got := strings.Count(texts, text); got < want || want < 1 {
				t.Errorf("%s says %q %d times, want %d", name, text, got, want)
			}
		}
	}
}
