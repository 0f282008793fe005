package serve

import (
	"fmt"
	"io"
	"net/url"
	"strings"

	"golang.org/x/net/html"
)

// part is what an element has: an attribute, a text, an element, or a group of them. It
// adds itself to a node. A nil one is none.
type part func(to *html.Node)

// el is an element. It is named as CSS selects it, "div#title.panel", in words of the page
// alone: what is foreign goes into attributes and texts.
func el(selector string, parts ...part) part {
	name, classes, _ := strings.Cut(selector, ".")
	name, id, _ := strings.Cut(name, "#")
	return func(to *html.Node) {
		n := &html.Node{Type: html.ElementNode, Data: name}
		if id != "" {
			attr("id", id)(n)
		}
		if classes != "" {
			class(strings.Split(classes, ".")...)(n)
		}
		group(parts...)(n)
		to.AppendChild(n)
	}
}

// text is a text, whatever is in it.
func text(s string) part {
	return func(to *html.Node) { to.AppendChild(&html.Node{Type: html.TextNode, Data: s}) }
}

func textf(format string, args ...any) part { return text(fmt.Sprintf(format, args...)) }

// attr is an attribute, whatever is in its value; one that leads somewhere has an address
// that is safe to follow.
func attr(name, value string) part {
	switch name {
	case "href", "src", "action", "data-events", "data-load", "data-send":
		value = address(value)
	}
	return func(to *html.Node) { to.Attr = append(to.Attr, html.Attribute{Key: name, Val: value}) }
}

// flag is an attribute without a value.
func flag(name string) part { return attr(name, "") }

// class is the attribute of classes. Empty ones are left out.
func class(names ...string) part {
	return attr("class", strings.Join(strings.Fields(strings.Join(names, " ")), " "))
}

// nowhere is the address in place of one that is not safe.
const nowhere = "#"

// address is an address on this server or of the web; nowhere for all others, such as those
// that are a script. To a browser a backslash is a slash.
func address(to string) string {
	u, err := url.Parse(to)
	switch {
	case err != nil, strings.Contains(to, `\`):
	case u.Scheme == "http", u.Scheme == "https":
		return to
	case u.Scheme == "" && u.Host == "" && strings.HasPrefix(to, "/") && !strings.HasPrefix(to, "//"):
		return to
	case strings.HasPrefix(to, "#"):
		return to
	}
	return nowhere
}

// group is several parts as one.
func group(parts ...part) part {
	return func(to *html.Node) {
		for _, p := range parts {
			if p != nil {
				p(to)
			}
		}
	}
}

// spaced is several parts with a space between each.
func spaced(parts ...part) part {
	return func(to *html.Node) {
		some := false
		for _, p := range parts {
			if p == nil {
				continue
			}
			if some {
				text(" ")(to)
			}
			some = true
			p(to)
		}
	}
}

// each is a part for each of several things.
func each[T any](things []T, of func(T) part) part {
	return func(to *html.Node) {
		for _, thing := range things {
			if p := of(thing); p != nil {
				p(to)
			}
		}
	}
}

// given is parts that are there on a condition.
func given(is bool, parts ...part) part {
	if !is {
		return nil
	}
	return group(parts...)
}

// writeDocument writes an element as a document.
func writeDocument(w io.Writer, root part) error {
	document := &html.Node{Type: html.DocumentNode}
	document.AppendChild(&html.Node{Type: html.DoctypeNode, Data: "html"})
	root(document)
	return html.Render(w, document)
}
