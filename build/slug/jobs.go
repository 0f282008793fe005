package slug

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/pack"
	"github.com/slugc/slugc/buildpacks"
)

const (
	// appPath is where processes see the app.
	appPath = "/app"
	// archiveRoot is where a slug holds it.
	archiveRoot = "./app"
)

// A top-level directory of the app with more files or bytes than these is a
// segment of its own.
const (
	pieceFiles = 200
	pieceBytes = 1 << 20
)

// Names of the segments that are neither app nor layer.
const (
	headName    = "head"
	tailName    = "tail"
	trailerName = "trailer"
	appName     = "app"
)

// Jobs returns what to pack for a slug of tree, in the order in which the
// segments follow one another. The paths of extra, slugc's own files, are
// relative to the app directory; they take the place of what the app has
// there.
//
// App is the index of the app directory without the layers. The segments keep
// its order; in the order of the app layer of an image that is packed together
// with the slug, both share the compressed bodies. The app must have been
// built at /app and the launch layers below it.
func Jobs(tree artifact.Tree, app pack.Index, extra []pack.File) ([]pack.Job, error) {
	if tree.App.Path != appPath {
		return nil, fmt.Errorf("the app was built at %s; a slug can only hold what was built at %s", tree.App.Path, appPath)
	}
	sbom, err := pack.ReadFiles(tree.LaunchSBOM().Host)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading the SBOM: %w", err)
	}
	head, err := headOf(tree, len(sbom) > 0)
	if err != nil {
		return nil, err
	}
	app, tail, err := settle(tree.App, app, head, extra)
	if err != nil {
		return nil, err
	}

	top := shape("")
	top.Root = true
	jobs := []pack.Job{job(pack.Part{Name: headName, Files: head}, top)}
	for _, layer := range tree.LaunchLayers {
		rel, _ := below(layer.Dir.Path)
		s := shape(rel)
		s.Root = true
		jobs = append(jobs, job(pack.Part{Name: layer.ID(), Dir: layer.Dir.Host}, s))
	}
	if len(sbom) > 0 {
		rel, _ := below(tree.LaunchSBOM().Path)
		s := shape(rel)
		s.Root = true
		jobs = append(jobs, job(pack.Part{Name: artifact.SBOMPart, Files: sbom}, s))
	}
	for _, piece := range pieces(app) {
		jobs = append(jobs, job(pack.Part{Name: piece.name, Dir: tree.App.Host, Index: piece.index}, shape("")))
	}
	if len(tail) > 0 {
		jobs = append(jobs, job(pack.Part{Name: tailName, Files: tail}, shape("")))
	}
	end := shape("")
	end.Trailer = true
	return append(jobs, job(pack.Part{Name: trailerName}, end)), nil
}

func job(part pack.Part, s pack.Shape) pack.Job {
	return pack.Job{Part: part, Shapes: []pack.Shape{s}}
}

// shape is that of entries below a path of the app directory.
func shape(rel string) pack.Shape {
	prefix := archiveRoot
	if rel != "" {
		prefix += "/" + rel
	}
	return pack.Shape{Name: "slug", Prefix: prefix, ModTime: pack.Epoch(), Slash: true, NoSetID: true}
}

// below returns the path relative to the app directory of a path that
// processes see there.
func below(seen string) (string, bool) {
	rel, ok := strings.CutPrefix(path.Clean(seen), appPath+"/")
	return rel, ok
}

// headOf returns the app directory and the directories that lead to the
// launch layers and to the SBOM, if there is one, each once.
func headOf(tree artifact.Tree, sbom bool) ([]pack.File, error) {
	head := []pack.File{directory("")}
	lead := func(rel string) {
		for _, dir := range parents(rel) {
			if !slices.ContainsFunc(head, func(f pack.File) bool { return f.Path == dir }) {
				head = append(head, directory(dir))
			}
		}
	}
	for _, layer := range tree.LaunchLayers {
		rel, ok := below(layer.Dir.Path)
		if !ok {
			return nil, fmt.Errorf("layer %s was built at %s; a slug can only hold layers below %s", layer.ID(), layer.Dir.Path, appPath)
		}
		lead(rel)
	}
	if sbom {
		rel, ok := below(tree.LaunchSBOM().Path)
		if !ok {
			return nil, fmt.Errorf("the SBOM was gathered at %s; a slug can only hold what lies below %s", tree.LaunchSBOM().Path, appPath)
		}
		lead(rel)
	}
	return head, nil
}

func directory(rel string) pack.File { return pack.File{Path: rel, Mode: fs.ModeDir | 0o755} }

// parents are the directories above rel, the outermost first, without the
// app directory itself.
func parents(rel string) []string {
	var dirs []string
	for i, c := range rel {
		if c == '/' {
			dirs = append(dirs, rel[:i])
		}
	}
	return dirs
}

// settle takes out of the index of the app what the head and the extra files
// hold, and returns the extra files with the directories that lead to them and
// that nothing else holds.
func settle(app buildpacks.Dir, index pack.Index, head, extra []pack.File) (pack.Index, []pack.File, error) {
	had := map[string]fs.FileMode{}
	for _, e := range index {
		had[e.Path] = e.Mode
	}
	taken := map[string]bool{}
	for _, f := range head {
		if mode, ok := had[f.Path]; ok && !mode.IsDir() {
			return nil, nil, inTheWay(app, f.Path)
		}
		taken[f.Path] = true
	}
	var tail []pack.File
	for _, f := range extra {
		if !fs.ValidPath(f.Path) || f.Path == "." {
			return nil, nil, fmt.Errorf("%q cannot be added to a slug: expected a path relative to the app", f.Path)
		}
		for _, dir := range parents(f.Path) {
			if mode, ok := had[dir]; ok && !mode.IsDir() {
				return nil, nil, inTheWay(app, dir)
			} else if !ok && !taken[dir] {
				tail = append(tail, directory(dir))
				taken[dir] = true
			}
		}
		if mode, ok := had[f.Path]; ok && mode.IsDir() {
			return nil, nil, fmt.Errorf("%s/%s is a directory in the app, and slugc puts a file there: rename it", app.Host, f.Path)
		}
		taken[f.Path] = true
		tail = append(tail, f)
	}
	return index.Select(func(e pack.Entry) bool { return !taken[e.Path] }), tail, nil
}

func inTheWay(app buildpacks.Dir, rel string) error {
	return fmt.Errorf("%s/%s is not a directory in the app, and slugc puts files below it: rename it", app.Host, rel)
}

// piece is a part of the app.
type piece struct {
	name  string
	index pack.Index
}

// pieces splits the app: every big top-level directory is one, and all the
// rest together is the first.
func pieces(index pack.Index) []piece {
	sizes := map[string]*struct{ files, bytes int64 }{}
	for i := range index {
		name, _, inside := strings.Cut(index[i].Path, "/")
		if !inside {
			continue
		}
		if sizes[name] == nil {
			sizes[name] = &struct{ files, bytes int64 }{}
		}
		sizes[name].files++
		sizes[name].bytes += index[i].Size
	}
	var big []string
	for name, size := range sizes {
		if size.files > pieceFiles || size.bytes > pieceBytes {
			big = append(big, name)
		}
	}
	slices.Sort(big)
	split := make([]piece, 1+len(big))
	split[0].name = appName
	place := map[string]int{}
	for i, name := range big {
		split[i+1].name = appName + "/" + name
		place[name] = i + 1
	}
	for _, e := range index {
		name, _, _ := strings.Cut(e.Path, "/")
		p := &split[place[name]]
		p.index = append(p.index, e)
	}
	return slices.DeleteFunc(split, func(p piece) bool { return len(p.index) == 0 })
}
