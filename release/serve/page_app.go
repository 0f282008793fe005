package serve

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/slugc/slugc/release"
	"github.com/slugc/slugc/release/formation"
	"github.com/slugc/slugc/release/queue"
)

// app is the content of the page of an app.
func (v view) app(d appDetails) part {
	return group(
		v.appTitle(d),
		el("div.columns",
			el("div",
				el("section#formation", renewed(), named("formation-head"),
					el("h2#formation-head", text("Processes")),
					v.processes(d)),
				v.appBuilds(d),
				archiveForm(d.App)),
			el("div",
				el("section#releases", renewed(), named("releases-head"),
					el("h2#releases-head", text("Releases")),
					v.releases(d)),
				config(d.Config))),
		slugOf(d))
}

func (v view) appTitle(d appDetails) part {
	name, by := text(d.App), part(nil)
	if r := d.Current; r != nil {
		name = spaced(name, el("span.tag", text(r.Version())))
		by = el("p.note", text(r.Description+" by "+r.Author+", "), v.when(r.Created))
	}
	url := part(nil)
	if d.Formation != nil {
		url = el("a.url", attr("href", d.Formation.URL), attr("rel", "noreferrer"), text(d.Formation.URL))
	}
	return el("div#title.title", renewed(), spaced(el("h1", name), url, by))
}

// processType is a row of a formation.
type processType struct {
	name, command string
	wanted        int
	state         string
}

func processTypes(d appDetails) []processType {
	var types []processType
	for _, name := range d.typesOf() {
		t := processType{name: name}
		if d.Current != nil {
			t.command = d.Current.Artifact.ProcessTypes[name]
		}
		if d.Formation != nil {
			t.wanted = d.Formation.Wanted[name]
			t.state = counts(d.Formation.Processes, name)
		}
		types = append(types, t)
	}
	return types
}

func (v view) processes(d appDetails) part {
	if d.Formation == nil {
		return el("div.empty", el("p", text("Not started. On the server:")), el("pre.type", text("slugc start "+d.App)))
	}
	return group(
		v.form("form.panel", appPath(d.App)+"/scale",
			each(processTypes(d), scaleRow),
			el("div.actions", el("button", text("Scale")))),
		el("details.panel.fold", el("summary", text("Each process")),
			el("ul.plain", each(d.Formation.Processes, v.process)),
			v.form("form", appPath(d.App)+"/restart", el("button.quiet", text("Restart all")))))
}

func scaleRow(t processType) part {
	id := "scale-" + t.name
	return el("div.process",
		el("label", attr("for", id), spaced(el("b", text(t.name)), note(cmp.Or(t.state, "none")))),
		el("input", attr("id", id), attr("name", t.name), attr("type", "number"), attr("min", "0"), attr("max", strconv.Itoa(formation.MaxProcesses)),
			attr("value", strconv.Itoa(t.wanted)), flag("required")),
		el("code", text(t.command)))
}

func (v view) process(p formation.Process) part {
	says := p.Release + " · since " + v.ago(p.Since)
	if p.Restarts > 0 {
		says += fmt.Sprintf(" · restarted %d×", p.Restarts)
	}
	return el("li", spaced(el("b", text(p.Name)), el("span", class("state", string(p.State)), text(string(p.State))), note(says)))
}

// counts says how many processes of a type there are and what they do.
func counts(all []formation.Process, name string) string {
	by := map[formation.State]int{}
	for _, p := range all {
		if kind, _, _ := strings.Cut(p.Name, "."); kind == name {
			by[p.State]++
		}
	}
	var words []string
	for _, state := range []formation.State{formation.Up, formation.Starting, formation.Crashed, formation.Down} {
		if by[state] > 0 {
			words = append(words, fmt.Sprintf("%d %s", by[state], state))
		}
	}
	return strings.Join(words, ", ")
}

func (v view) appBuilds(d appDetails) part {
	all, list := part(nil), el("p.empty", text("No builds by this server."))
	if len(d.Builds) > 0 {
		all, list = link(buildsPath(d.App), "All"), v.rows(d.Builds)
	}
	return el("section#builds", renewed(), named("builds-head"),
		el("div.line", el("h2#builds-head", text("Builds")), all),
		list)
}

// archiveForm is a form that page.js sends.
func archiveForm(app string) part {
	return el("section#send", named("send-head"),
		el("h2#send-head", text("Build a source archive")),
		el("form.panel.send", attr("data-send", appPath(app)+"/builds"),
			el("label", attr("for", "archive"), text("A tar, tar.gz or zip file with the app")),
			el("input#archive", attr("type", "file"), flag("required"), attr("accept", ".tar,.tgz,.gz,.zip")),
			el("div.actions", spaced(el("button", text("Build and release")), el("span.note", attr("role", "status"))))))
}

func (v view) releases(d appDetails) part {
	if len(d.Releases) == 0 {
		return el("p.empty", text("No release yet."))
	}
	return el("ol.rows.releases", each(d.Releases, func(r release.Release) part {
		current := ""
		if r.Current {
			current = "current"
		}
		return el("li", class("row release", current), spaced(
			el("span.tag", text(r.Version())),
			el("span.main", spaced(el("b", text(r.Description)), v.released(r))),
			v.standing(d.App, r)))
	}))
}

// released says by whom and when a release was made, and why it failed.
func (v view) released(r release.Release) part {
	return el("span.note", text(r.Author+", "), v.when(r.Created), given(r.Reason != "", el("br"), text(Plain(r.Reason))))
}

// standing is how a release stands, or what can be done with it.
func (v view) standing(app string, r release.Release) part {
	switch {
	case r.Current:
		return state(queue.Succeeded, "current")
	case r.Status == release.Pending:
		return state(queue.Running, "release phase")
	case r.Status == release.Failed:
		return state(queue.Failed, "failed")
	case r.Artifact.None():
		return nil
	}
	return el("details.ask",
		el("summary", text("Roll back"), el("span.hidden", text(" to "+r.Version()))),
		v.form("form", appPath(app)+"/rollback",
			hidden("version", strconv.Itoa(r.Number)),
			el("p", text("This releases "+r.Version()+" once more, with the config it had. Databases stay as they are.")),
			el("button.danger", text("Roll back to "+r.Version()))))
}

func config(names []string) part {
	list := el("p.note", text("No config vars."))
	if len(names) > 0 {
		list = el("ul.chips", each(names, func(name string) part { return el("li", el("code", text(name))) }))
	}
	return el("section#config", renewed(), named("config-head"),
		el("h2#config-head", text("Config")),
		el("div.panel", list, el("p.note", text("Values are never shown here."))))
}

// slugOf is where page.js puts the treemap of the current slug.
func slugOf(d appDetails) part {
	if d.Current == nil || d.Current.Artifact.Kind != release.SlugKind {
		return nil
	}
	to := appPath(d.App) + "/treemap"
	return el("section", named("slug-head"),
		el("h2#slug-head", text("What is in the slug")),
		el("div", attr("data-load", to), attr("data-key", d.Current.Artifact.Digest),
			el("p.panel", link(to, "Its biggest directories"))))
}
