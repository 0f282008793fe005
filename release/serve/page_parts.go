package serve

import (
	"fmt"
	"strings"
	"time"

	"github.com/slugc/slugc/release/queue"
)

// renewed is on what page.js puts in place of itself when there is news. It has an id.
func renewed() part { return flag("data-part") }

// named is on what has a heading with an id.
func named(id string) part { return attr("aria-labelledby", id) }

// unheard is on what says nothing to who listens to the page.
func unheard() part { return attr("aria-hidden", "true") }

func note(says string) part { return el("span.note", text(says)) }

func link(to, says string) part { return el("a", attr("href", to), text(says)) }

// post is a form that is sent.
func post(selector, to string, parts ...part) part {
	return el(selector, attr("method", "post"), attr("action", to), group(parts...))
}

func hidden(name, value string) part {
	return el("input", attr("type", "hidden"), attr("name", name), attr("value", value))
}

// form is one that changes something, with the session's word.
func (v view) form(selector, to string, parts ...part) part {
	return post(selector, to, hidden(wordField, v.word), group(parts...))
}

// state is how something stands, with a light of the colour of that of builds.
func state(colour queue.Status, says string) part {
	return el("span", class("status", string(colour)), el("i", unheard()), text(says))
}

func status(s queue.Status) part { return state(s, string(s)) }

// when is a time, as how long ago it is.
func (v view) when(t time.Time) part {
	return el("time", attr("datetime", stamp(t)), attr("title", stamp(t)), text(v.ago(t)))
}

func (v view) ago(t time.Time) string { return ago(v.now.Sub(t)) }

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func percent(f float64) string { return fmt.Sprintf("%.3f%%", f) }

// rows is a list of builds.
func (v view) rows(builds []queue.Build) part {
	return el("ul.rows", each(builds, func(b queue.Build) part {
		return el("li", el("a.row.build", attr("href", buildPath(b.ID)), spaced(
			status(b.Status),
			el("span.id", textf("#%d", b.ID)),
			el("span.main", spaced(el("b", text(b.App)), note(subject(b.Source)))),
			el("span.side", spaced(given(b.Release > 0, el("span.tag", textf("v%d", b.Release))), text(took(b, v.now)))),
			el("span.side.when", v.when(b.Ordered)))))
	}))
}

// subject is what a build is about: the message of its commit, else its source.
func subject(s queue.Source) string {
	if s.Message != "" {
		return Plain(s.Message)
	}
	return sourceText(s)
}

// sourceText is what was built, in few words.
func sourceText(s queue.Source) string {
	words := []string{}
	if s.Branch != "" {
		words = append(words, s.Branch)
	}
	if s.Commit != "" {
		words = append(words, short(s.Commit))
	}
	if s.Kind == queue.Archive {
		words = append(words, "archive")
	}
	if s.Directory != "" {
		words = append(words, s.Directory)
	}
	return Plain(strings.Join(words, " · "))
}

// short is the start of a commit or a digest.
func short(id string) string {
	const length = 7
	id = strings.TrimPrefix(id, "sha256:")
	return id[:min(len(id), length)]
}

// took is how long a build took, or takes until now; empty for one that never ran.
func took(b queue.Build, now time.Time) string {
	switch {
	case b.Started.IsZero():
		return ""
	case b.Finished.IsZero():
		return duration(now.Sub(b.Started).Truncate(time.Second))
	}
	return duration(b.Finished.Sub(b.Started))
}

// ago is how long something is past, for people.
func ago(d time.Duration) string {
	const day = 24 * time.Hour
	count := func(n int, unit string) string {
		if n == 1 {
			return "1 " + unit + " ago"
		}
		return fmt.Sprintf("%d %ss ago", n, unit)
	}
	switch {
	case d < 10*time.Second:
		return "just now"
	case d < time.Minute:
		return count(int(d.Seconds()), "second")
	case d < time.Hour:
		return count(int(d.Minutes()), "minute")
	case d < 2*day:
		return count(int(d.Hours()), "hour")
	}
	return count(int(d/day), "day")
}
