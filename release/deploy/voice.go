package deploy

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/slugc/slugc/build"
	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/buildpacks/classic"
	"github.com/slugc/slugc/buildpacks/runtime/report"
	"github.com/slugc/slugc/detect"
)

// Voice is told what happens, for the person who watches.
type Voice interface {
	// Stepf begins a step, Detailf says more about it, Warningf what the person
	// should know although all goes on.
	Stepf(format string, args ...any)
	Detailf(format string, args ...any)
	Warningf(format string, args ...any)
}

// Progress begins a long step of our own and returns how to tell how far it
// is, in bytes, and how to end it.
type Progress func(label string) (tell func(done, total int64), end func())

// Output receives what buildpacks print.
type Output = io.WriteCloser

// sayBuildpack names the buildpack that is about to build, and what it takes the
// app for.
func (d Deploy) sayBuildpack(by detect.Choice) {
	d.Voice.Stepf("Using buildpack: %s", by.Descriptor)
	if by.Found != "" {
		d.Voice.Stepf("%s app detected", by.Found)
	}
}

// bigCache is the size in bytes above which a CACHE_DIR is most likely one that
// nobody ever cleans.
const bigCache = 2 << 30

// sayBigCache warns of what classic buildpacks let grow.
func (d Deploy) sayBigCache(found build.Walked) {
	cache := buildpacks.Layer{Buildpack: classic.CacheOwner, Name: classic.CacheLayer}
	index := found.Layers[cache.ID()]
	if index.Size() <= bigCache {
		return
	}
	var dirs []string
	for _, dir := range index.Biggest(3) {
		dirs = append(dirs, fmt.Sprintf("%s (%s)", dir.Path, report.Size(dir.Size)))
	}
	d.Voice.Warningf("The classic buildpacks of this app keep %s in CACHE_DIR: %s. Begin anew with --clear-cache", report.Size(index.Size()), strings.Join(dirs, ", "))
}

// sayProcesses lists the process types, as Heroku does.
func (d Deploy) sayProcesses(tree artifact.Tree) {
	d.Voice.Stepf("Discovering process types")
	var types []string
	for _, p := range tree.Metadata.Processes {
		types = append(types, p.Type)
	}
	if len(types) == 0 {
		d.Voice.Detailf("none")
		d.Voice.Warningf("Nothing says how to start this app. Add a Procfile, for example: web: COMMAND")
		return
	}
	d.Voice.Detailf("%s", strings.Join(types, ", "))
}

// sayReuse tells what was packed and what was there already.
func (d Deploy) sayReuse(segments [][]artifact.Segment) {
	var made []string
	total, reused := 0, 0
	for _, shapes := range segments {
		for _, s := range shapes {
			total++
			d.tellReuse(s.Name, s.Reused, "")
			switch {
			case s.Reused:
				reused++
			case !slices.Contains(made, s.Name):
				made = append(made, s.Name)
			}
		}
	}
	switch reused {
	case total:
		d.Voice.Detailf("All %d segments reused", total)
	case 0:
		d.Voice.Detailf("%d segments", total)
	default:
		d.Voice.Detailf("Packed again: %s; %d of %d segments reused", strings.Join(made, ", "), reused, total)
	}
}

// tellReuse tells programs what was there already.
func (d Deploy) tellReuse(name string, reused bool, why string) {
	if d.Reused != nil {
		d.Reused(name, reused, why)
	}
}
