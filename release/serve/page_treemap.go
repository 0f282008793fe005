package serve

import (
	"cmp"
	"path"
	"strconv"
	"strings"

	"github.com/slugc/slugc/release"
)

// treemap is the content of the page of the areas of a release's slug.
func (v view) treemap(r release.Release, areas []Area) part {
	const ratio = 2.6
	boxes := Boxes(areas, ratio)
	var total int64
	for _, a := range areas {
		total += a.Size
	}
	return group(
		el("h1.alone", text("The slug of "), link(appPath(r.App), r.App)),
		el("div#treemap.panel",
			el("p.note", text(r.Version()+": "+size(total)+" unpacked, "+size(r.Artifact.Size)+" packed")),
			el("svg.map", attr("width", "100%"), attr("height", "320"), attr("role", "img"),
				attr("aria-label", "The biggest directories, as areas. The list below has the same."),
				each(boxes, drawn)),
			el("details.fold", el("summary", text("As a list")),
				el("table",
					el("thead", el("tr", el("th", text("Directory")), el("th.n", text("Size")))),
					el("tbody", each(boxes, listed))))))
}

func drawn(b Box) part {
	title := cmp.Or(b.Path, "the top")
	if b.Rest {
		title += ", the rest of it"
	}
	return el("svg", attr("x", percent(b.X)), attr("y", percent(b.Y)), attr("width", percent(b.W)), attr("height", percent(b.H)), class(room(b)...),
		el("title", text(title+": "+size(b.Size))),
		el("rect", class("h"+strconv.Itoa(hue(b.Path))), attr("x", "1"), attr("y", "1"), attr("width", "100%"), attr("height", "100%"), attr("rx", "4")),
		el("text", attr("x", "10"), attr("y", "21"), text(label(b.Area))),
		el("text.n", attr("x", "10"), attr("y", "39"), text(size(b.Size))))
}

// room are the classes of an area that has little room for words.
func room(b Box) []string {
	const tiny, small, flat = 6, 20, 9
	var classes []string
	switch {
	case b.W < tiny:
		classes = append(classes, "tiny")
	case b.W < small:
		classes = append(classes, "small")
	}
	if b.H < flat {
		classes = append(classes, "flat")
	}
	return classes
}

func listed(b Box) part {
	return el("tr",
		el("td", spaced(el("code", text(cmp.Or(b.Path, "/"))), given(b.Rest, note("the rest of it")))),
		el("td.n", text(size(b.Size))))
}

// label is an area in few words: its name, and that of the directory around it unless that
// is around everything.
func label(a Area) string {
	parent, name := path.Split(a.Path)
	text := name
	switch around := path.Base(parent); around {
	case ".", "/", "layers", "node_modules", "site-packages", "vendor":
	default:
		if !strings.HasPrefix(around, "slugc_") {
			text = around + "/" + name
		}
	}
	if text == "" {
		text = "/"
	}
	if a.Rest {
		text += " (rest)"
	}
	return text
}

// hues is how many colours the page has for areas.
const hues = 6

// hue is the colour of an area: those of one layer, or of one directory of the app,
// have the same.
func hue(dir string) int {
	parts := strings.Split(dir, "/")
	key := parts[0]
	if key == ".slugc" && len(parts) > 3 {
		key = strings.Join(parts[:4], "/")
	}
	n := 0
	for _, b := range sum([]byte(key))[:4] {
		n += int(b)
	}
	return n % hues
}
