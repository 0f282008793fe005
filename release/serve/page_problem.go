package serve

// trouble is the content of the page of a problem.
func trouble(title string, p *Problem) part {
	return el("div.panel.trouble",
		el("h1", text(title)),
		el("p.reason", text(p.Message)),
		given(len(p.Next) > 0, el("p", text("What to do:"))),
		each(p.Next, func(next string) part { return el("pre.type", text(next)) }),
		el("p", link("/", "Back to the apps")))
}
