package serve

import (
	"strings"
	"testing"
)

func TestMarkup(t *testing.T) {
	for name, c := range map[string]struct {
		part part
		want string
	}{
		"an element":              {el("p"), `<p></p>`},
		"its id and classes":      {el("div#a.b.c", text("d")), `<div id="a" class="b c">d</div>`},
		"one that has no end":     {el("input", flag("required")), `<input required=""/>`},
		"foreign text":            {el("b", text(`</b><script>alert("1")</script>&amp;`)), `<b>&lt;/b&gt;&lt;script&gt;alert(&#34;1&#34;)&lt;/script&gt;&amp;amp;</b>`},
		"a foreign value":         {el("a", attr("title", `" onclick='x'>`)), `<a title="&#34; onclick=&#39;x&#39;&gt;"></a>`},
		"an address":              {el("a", attr("href", `/builds?app=a&before=1"`)), `<a href="/builds?app=a&amp;before=1&#34;"></a>`},
		"an address of a script":  {el("form", attr("action", "javascript:alert(1)")), `<form action="#"></form>`},
		"one that page.js loads":  {el("div", attr("data-load", "//example.com/x")), `<div data-load="#"></div>`},
		"classes, some of none":   {el("i", class("a", "", " b ")), `<i class="a b"></i>`},
		"groups with none":        {el("p", group(nil, text("a"), nil), given(false, text("b")), given(true, text("c"), nil)), `<p>ac</p>`},
		"spaces between":          {el("p", spaced(nil, text("a"), nil, text("b"))), `<p>a b</p>`},
		"one for each":            {el("p", each([]string{"a", "", "b"}, func(s string) part { return given(s != "", el("i", text(s))) })), `<p><i>a</i><i>b</i></p>`},
		"a line break at a start": {el("pre", text("\na")), "<pre>\n\na</pre>"},
	} {
		var b strings.Builder
		if err := writeDocument(&b, c.part); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := strings.TrimPrefix(b.String(), "<!DOCTYPE html>"); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestAddress(t *testing.T) {
	for _, safe := range []string{"/", "/apps/a%2Fb", "/builds?app=x", "#main", "http://127.0.0.1:8080", "HTTPS://example.com/x?y#z"} {
		if got := address(safe); got != safe {
			t.Errorf("%q became %q", safe, got)
		}
	}
	for _, bad := range []string{
		"", "javascript:alert(1)", "JavaScript:alert(1)", " javascript:alert(1)", "java\tscript:alert(1)", "\x01javascript:alert(1)", "data:text/html,x", "vbscript:x",
		"//example.com", "/\\example.com", "\\\\example.com", "/\t/example.com", "http:\\\\example.com", "x", "mailto:ada@example.com", "file:///etc/passwd", "%zz",
	} {
		if got := address(bad); got != nowhere {
			t.Errorf("%q became %q", bad, got)
		}
	}
}

// FuzzAddress: what a browser makes of an address that is let through is no script, and no
// other host that does not say so.
func FuzzAddress(f *testing.F) {
	for _, seed := range []string{"/", "//x", "java\nscript:x", "/\\x", "https://x", "#x", "\u00a0javascript:x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		// The URL standard of browsers: no control characters and spaces around, no tabs and
		// line breaks within, a backslash is a slash.
		seen := strings.TrimFunc(address(text), func(r rune) bool { return r <= ' ' })
		seen = strings.ToLower(strings.NewReplacer("\t", "", "\n", "", "\r", "", `\`, "/").Replace(seen))
		web := strings.HasPrefix(seen, "http:") || strings.HasPrefix(seen, "https:")
		here := strings.HasPrefix(seen, "/") && !strings.HasPrefix(seen, "//") || strings.HasPrefix(seen, "#")
		if !web && !here {
			t.Errorf("%q became %q", text, seen)
		}
	})
}
