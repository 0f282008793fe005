package serve

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/slugc/slugc/release/queue"
)

// buildDetails is all there is to see of a build.
type buildDetails struct {
	queue.Build
	// repeatable is whether it can be built again.
	repeatable bool
	// lines are the end of its log, from a place in it, in bytes.
	lines []line
	from  int64
}

// build is the content of the page of a build.
func (v view) build(d buildDetails) part {
	return group(
		v.buildTitle(d.Build),
		el("div.columns.uneven",
			el("div",
				el("section#about", renewed(), attr("aria-label", "About the build"),
					v.about(d.Build),
					v.buildActions(d)),
				el("section#phases", renewed(), named("phases-head"),
					el("h2#phases-head", text("Phases")),
					phases(d.Build)),
				el("section#reuse", renewed(), attr("aria-label", "What was reused"), reuse(d.Reuse))),
			logEnd(d)))
}

func (v view) buildTitle(b queue.Build) part {
	return el("div#head.title.build-head", renewed(),
		el("h1", link(appPath(b.App), b.App), text(" "), note("build"), textf(" #%d", b.ID)),
		el("p.facts", spaced(
			status(b.Status),
			given(!b.Started.IsZero(), v.lasts(b)),
			given(b.Release > 0, el("span", text("released as "), el("a.tag", attr("href", appPath(b.App)), textf("v%d", b.Release)))),
			given(b.Status.Ended() && b.Code != 0, el("span", textf("exit code %d", b.Code))))),
		given(b.Reason != "", el("p.reason", text(Plain(b.Reason)))))
}

// lasts is how long a build took; that of one which goes on is moved by page.js.
func (v view) lasts(b queue.Build) part {
	if b.Status.Ended() {
		return el("span", text("took "+took(b, v.now)))
	}
	return el("span", el("span", attr("data-since", stamp(b.Started)), text(took(b, v.now))))
}

func (v view) about(b queue.Build) part {
	return el("dl.panel",
		given(b.Source.Message != "", el("dt", text("Change")), el("dd", text(Plain(b.Source.Message)))),
		el("dt", text("Source")),
		el("dd", spaced(text(sourceText(b.Source)), given(b.Source.Author != "", note("by "+Plain(b.Source.Author))))),
		el("dt", text("Ordered")),
		el("dd", spaced(v.when(b.Ordered), text("by "+Plain(b.By)), trigger(b))))
}

func trigger(b queue.Build) part {
	why := text(b.Trigger)
	if b.Again > 0 {
		why = group(why, text(" of "), link(buildPath(b.Again), fmt.Sprintf("#%d", b.Again)))
	}
	return el("span.note", text("("), why, text(")"))
}

func (v view) buildActions(d buildDetails) part {
	return el("div.actions", spaced(
		given(!d.Status.Ended(), v.form("form", buildPath(d.ID)+"/cancel", el("button.danger", text("Cancel")))),
		given(d.repeatable, v.form("form", buildPath(d.ID)+"/again", el("button", text("Build again"))))))
}

func phases(b queue.Build) part {
	if len(b.Steps) > 0 {
		return el("ol.panel.phases", each(bars(b.Steps), phase))
	}
	if b.Status.Ended() {
		return el("p.panel.note", text("It had none."))
	}
	return el("p.panel.note", text("How long each took is here at the end."))
}

func phase(b bar) part {
	height, round := attr("height", "8"), attr("rx", "4")
	return el("li",
		el("span.name", text(Plain(b.Name))),
		el("span.n", text(duration(b.Duration))),
		el("svg", attr("width", "100%"), height, unheard(),
			el("rect.track", attr("width", "100%"), height, round),
			el("rect", attr("x", percent(b.at)), attr("width", percent(b.share)), height, round)))
}

// bar is a phase of a build, in percent of all of it.
type bar struct {
	queue.Step
	at, share float64
}

// doneStep begins the line by which slugc build says that it is done. What comes after it
// is part of the next step.
const doneStep = "Done in "

func bars(steps []queue.Step) []bar {
	var all []bar
	var total, before time.Duration
	for _, step := range steps {
		total += step.Duration
		if strings.HasPrefix(step.Name, doneStep) {
			before += step.Duration
			continue
		}
		step.Duration += before
		before = 0
		all = append(all, bar{Step: step})
	}
	const whole, least = 100.0, 0.6
	share := func(d time.Duration) float64 { return whole * float64(d) / float64(max(total, 1)) }
	at := time.Duration(0)
	for i, b := range all {
		all[i].at, all[i].share = min(share(at), whole-least), max(share(b.Duration), least)
		at += b.Duration
	}
	return all
}

func reuse(all []queue.Reuse) part {
	if len(all) == 0 {
		return nil
	}
	return group(
		el("h2", text("Reused")),
		el("details.panel.fold", el("summary", text(reused(all))),
			el("ul.plain.reuse", each(all, func(r queue.Reuse) part {
				sign, says := el("span.no", unheard(), text("+")), "made anew"
				if r.Reused {
					sign, says = el("span.yes", unheard(), text("✓")), "reused"
				}
				if r.Reason != "" {
					says += ": " + Plain(r.Reason)
				}
				return el("li", spaced(sign, el("b", text(Plain(r.Name))), note(says)))
			}))))
}

// reused says how much was reused.
func reused(all []queue.Reuse) string {
	n := 0
	for _, one := range all {
		if one.Reused {
			n++
		}
	}
	return strconv.Itoa(n) + " of " + strconv.Itoa(len(all)) + " parts"
}

// logEnd is the end of the log; that of a build which goes on comes as events to page.js.
func logEnd(d buildDetails) part {
	all := buildPath(d.ID) + "/log"
	return el("section.log", named("log-head"),
		el("div.line", el("h2#log-head", text("Log")), el("span#log-state.note", attr("role", "status")), link(all, "As text")),
		given(d.from > 0, el("p.note", text("The beginning is left out: "), link(all, "all of it"))),
		el("pre#log", attr("tabindex", "0"), attr("role", "log"), named("log-head"),
			given(!d.Status.Ended(), attr("data-events", buildPath(d.ID)+"/events")),
			each(d.lines, logLine)))
}

func logLine(l line) part {
	says := text(l.Text)
	if len(l.Spans) > 0 {
		says = each(l.Spans, func(s Span) part {
			if s.Class == "" {
				return text(s.Text)
			}
			return el("span", class(s.Class), text(s.Text))
		})
	}
	return el("span.l", says, text("\n"))
}
