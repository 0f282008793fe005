package serve

import (
	"net/url"

	"github.com/slugc/slugc/release/queue"
)

// builds is the content of a page of builds, of one app or of all; next is the address of
// the builds before them.
func (v view) builds(app string, builds []queue.Build, next string) part {
	title := text("Builds")
	if app != "" {
		title = group(text("Builds of "), link(appPath(app), app))
	}
	list := el("p.empty", text("No builds."))
	if len(builds) > 0 {
		list = v.rows(builds)
	}
	return group(
		el("h1", title),
		el("div#list", renewed(), list),
		given(next != "", el("p", el("a.button", attr("href", next), text("Older builds")))))
}

// buildsPath is the address of the builds of an app.
func buildsPath(app string) string { return "/builds?" + url.Values{"app": {app}}.Encode() }
