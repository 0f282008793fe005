package deploy

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/pack"
	"github.com/slugc/slugc/build/slug"
	"github.com/slugc/slugc/release"
	"github.com/slugc/slugc/stack/launch"
)

// What runners of slugs read at the top of one.
const (
	procfileName = "Procfile"
	profileName  = ".profile"
)

// runnerFiles are what runners read at the top of a slug. Where the app is a
// directory of its source, what the source has there is of another app, or of none.
var runnerFiles = []string{procfileName, releaseName, profileName, path.Dir(profileScript)}

// startDir is where a slug has a script for each process type that starts in a
// directory.
const startDir = ".slugc/start"

// asTop are the jobs of a slug whose app is a directory of its source. Own are
// slugc's files, and types its .release.
//
// Runners stand at the top, and so do the files by which they know the app: those
// of the source make way for slugc's, which lead to the app. Some runners know only
// a Procfile, and herokuish has bash look at a line twice, in which no "cd X && Y"
// survives. So the lines there start a script. A Procfile has no names with dots.
func asTop(tree artifact.Tree, app pack.Index, own []pack.File, types pack.File) ([]pack.Job, error) {
	note, err := slug.AppNote(tree.Subdir)
	if err != nil {
		return nil, err
	}
	own = append(own, note)
	if holds(app, path.Join(tree.Subdir, profileName)) {
		// Some runners look for it in HOME, which is the app by then, others here.
		text := fmt.Sprintf("source \"$(dirname \"${BASH_SOURCE[0]}\")\"/%s\n", release.Quote(path.Join(tree.Subdir, profileName)))
		own = append(own, pack.File{Path: profileName, Mode: 0o644, Content: []byte(text)})
	}
	var lines strings.Builder
	for _, p := range tree.Metadata.Processes {
		own = append(own, startScript(tree, p))
		if !strings.Contains(p.Type, ".") {
			fmt.Fprintf(&lines, "%s: %s\n", p.Type, startLine(p))
		}
	}
	if lines.Len() > 0 {
		own = append(own, pack.File{Path: procfileName, Mode: 0o644, Content: []byte(lines.String())})
	}
	if len(types.Content) > 0 {
		own = append(own, types)
	}
	app = app.Select(func(e pack.Entry) bool {
		return !slices.ContainsFunc(runnerFiles, func(name string) bool { return e.Path == name || strings.HasPrefix(e.Path, name+"/") })
	})
	return slug.Jobs(tree, app, own)
}

// startLine is the line that starts a process by its script, for a bash that stands
// at the top of the slug.
func startLine(p launch.Process) string { return "bash " + path.Join(startDir, p.Type) }

// startScript goes to the directory of a process and becomes it.
func startScript(tree artifact.Tree, p launch.Process) pack.File {
	dir := p.WorkingDirectory
	if !path.IsAbs(dir) {
		dir = path.Join(tree.AppDir().Path, dir)
	}
	if dir = fromHome(dir, tree.App.Path); dir == "" {
		dir = "."
	}
	line := launch.RelocateLine(release.CommandLine(p), tree.App.Path, tree.Subdir, tree.Layers.Path)
	text := fmt.Sprintf("# Starts %s, from the top of the slug.\ncd -- %s || exit\nexec bash -c %s\n", p.Type, release.Quote(dir), release.Quote(line))
	return pack.File{Path: path.Join(startDir, p.Type), Mode: 0o644, Content: []byte(text)}
}
