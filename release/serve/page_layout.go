package serve

import "time"

// view is what every page has.
type view struct {
	title string
	// name is who is signed in; signed is whether somebody is.
	name   string
	signed bool
	// word is the session's, for forms.
	word string
	// here is the part of the page that is marked in the head.
	here string
	// live is whether the page looks for news by itself.
	live bool
	now  time.Time
}

// page is all around the content of a page.
func (v view) page(content part) part {
	return el("html", attr("lang", "en"),
		el("head",
			el("meta", attr("charset", "utf-8")),
			el("meta", attr("name", "viewport"), attr("content", "width=device-width, initial-scale=1")),
			el("meta", attr("name", "color-scheme"), attr("content", "light dark")),
			el("title", text(v.title+" · slugc")),
			el("link", attr("rel", "icon"), attr("href", "/assets/icon.svg"), attr("type", "image/svg+xml")),
			el("link", attr("rel", "stylesheet"), attr("href", "/assets/page.css")),
			el("script", attr("src", "/assets/page.js"), flag("defer"))),
		el("body", given(v.live, flag("data-live")), given(v.word != "", attr("data-word", v.word)),
			el("a.skip", attr("href", "#main"), text("Skip to the content")),
			el("header.top", el("div.wide", mark(), given(v.signed, v.nav(), v.signOut()))),
			el("main#main.wide", content)))
}

// mark is the sign of slugc.
func mark() part {
	beam := func(y, width string) part {
		return el("rect", attr("x", "2"), attr("y", y), attr("width", width), attr("height", "5"), attr("rx", "2.5"))
	}
	return el("a.mark", attr("href", "/"),
		el("svg", attr("viewBox", "0 0 24 24"), unheard(), beam("3", "20"), beam("9.5", "14"), beam("16", "8")),
		text("slugc"))
}

func (v view) nav() part {
	link := func(to, here, says string) part {
		return el("a", attr("href", to), given(v.here == here, attr("aria-current", "page")), text(says))
	}
	return el("nav", attr("aria-label", "Main"), link("/", "apps", "Apps"), link("/builds", "builds", "Builds"))
}

func (v view) signOut() part {
	return post("form.out", "/sign-out",
		given(v.name != "", el("span.who", text(v.name))),
		hidden(wordField, v.word),
		el("button.quiet", text("Sign out")))
}
