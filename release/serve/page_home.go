package serve

import (
	"maps"
	"slices"

	"github.com/slugc/slugc/release/formation/control"
	"github.com/slugc/slugc/release/queue"
)

// home is the content of the first page.
func (v view) home(apps []appView, builds []queue.Build) part {
	return group(
		el("h1", text("Apps")),
		el("div#apps", renewed(), v.cards(apps)),
		el("section#recent", renewed(), attr("aria-label", "Last builds"), given(len(builds) > 0,
			el("div.line", el("h2#recent-head", text("Last builds")), link("/builds", "All builds")),
			v.rows(builds))))
}

func (v view) cards(apps []appView) part {
	if len(apps) == 0 {
		return firstSteps()
	}
	return el("ul.cards", each(apps, func(app appView) part {
		return el("li", el("a.card.app", attr("href", appPath(app.Name)),
			v.cardHead(app),
			el("span.foot", running(app.Formation), lastBuild(app.Build))))
	}))
}

func (v view) cardHead(app appView) part {
	name := el("b", text(app.Name))
	if app.Release == nil {
		return group(el("span.head", name), note("no release yet"))
	}
	return group(
		el("span.head", name, el("span.tag", text(app.Release.Version()))),
		note(app.Release.Description+" · "+v.ago(app.Release.Created)))
}

func running(f *control.Status) part {
	switch {
	case f == nil:
		return note("not started")
	case len(f.Wanted) == 0:
		return el("span.runs", el("span", text("nothing runs")))
	}
	return el("span.runs", each(slices.Sorted(maps.Keys(f.Wanted)), func(name string) part {
		n := f.Wanted[name]
		return given(n > 0, el("span", text(name+" "), el("b", textf("%d", n))))
	}))
}

func lastBuild(b *queue.Build) part {
	if b == nil {
		return nil
	}
	return el("span", spaced(note("last build"), status(b.Status)))
}

func firstSteps() part {
	return el("div.empty",
		el("p", text("No app yet. The first build of one makes it. In the directory of its source:")),
		el("pre.type", text(`tar -cz . | curl --data-binary @- \
  -H "Authorization: Bearer $(cat $SLUGC_HOME/serve-token)" \
  {this address}/apps/shop/builds`)),
		el("p", text("Or let each push to a repository build it: "), el("code", text("slugc hooks add shop --help"))))
}
