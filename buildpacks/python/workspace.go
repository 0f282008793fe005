package python

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/language/layer"
	"github.com/slugc/slugc/buildpacks/python/lock"
)

// workspace is one of uv's above an app, whose lock file is that of all members
// (uv, "Using workspaces").
type workspace struct {
	// root is the way from the app to its directory, "../..".
	root string
	// member is the path of the app in it.
	member           string
	members, exclude []string
}

// upward are the ways from the app to itself and to each directory above it that
// reaches the build: "", "..", "../..".
func (a app) upward() []string {
	ways := []string{""}
	for dir := a.dir; dir != a.top && layer.Within(a.top, filepath.Dir(dir)); dir = filepath.Dir(dir) {
		ways = append(ways, path.Join(ways[len(ways)-1], ".."))
	}
	return ways
}

// findWorkspace is the workspace above the app, nil when there is none. As for uv,
// the nearest pyproject.toml above has to be that of one.
func (a app) findWorkspace() (*workspace, error) {
	if len(a.manifest) == 0 || a.at("tool", "uv", "workspace") != nil || a.at("tool", "uv", "managed") == false {
		return nil, nil
	}
	for _, way := range a.upward()[1:] {
		above := app{dir: filepath.Join(a.dir, way)}
		there, err := above.readManifest(path.Join(way, lock.Pyproject))
		if err != nil {
			return nil, err
		}
		if !there {
			continue
		}
		if above.at("tool", "uv", "workspace") == nil {
			return nil, nil
		}
		member, err := filepath.Rel(above.dir, a.dir)
		if err != nil {
			return nil, err
		}
		return &workspace{
			root: way, member: filepath.ToSlash(member),
			members: above.textsAt("tool", "uv", "workspace", "members"), exclude: above.textsAt("tool", "uv", "workspace", "exclude"),
		}, nil
	}
	return nil, nil
}

// file is a file of the workspace, by its path from the app.
func (w workspace) file(name string) string { return path.Join(w.root, name) }

// has tells whether the app is a member.
func (w workspace) has() bool {
	matches := func(pattern string) bool { return globMatches(pattern, w.member) }
	return slices.ContainsFunc(w.members, matches) && !slices.ContainsFunc(w.exclude, matches)
}

// globMatches tells whether a pattern of directories matches a path; ** stands for
// any number of directories.
func globMatches(pattern, name string) bool {
	return segmentsMatch(strings.Split(path.Clean(pattern), "/"), strings.Split(name, "/"))
}

func segmentsMatch(pattern, name []string) bool {
	for len(pattern) > 0 {
		if pattern[0] == "**" {
			return segmentsMatch(pattern[1:], name) || len(name) > 0 && segmentsMatch(pattern, name[1:])
		}
		if len(name) == 0 {
			return false
		}
		if matched, err := path.Match(pattern[0], name[0]); err != nil || !matched {
			return false
		}
		pattern, name = pattern[1:], name[1:]
	}
	return len(name) == 0
}

// manager is uv with the lock file of the workspace. It refuses an app that is no
// member, and a workspace without a lock file.
func (w workspace) manager(a app) (manager, error) {
	manifest, locked := w.file(lock.Pyproject), w.file(lock.UVFile)
	if !w.has() {
		return manager{}, w.notMember(manifest, locked)
	}
	own, err := appfile.Exists(a.dir, lock.UVFile)
	if err != nil {
		return manager{}, err
	}
	there, err := appfile.Exists(a.dir, locked)
	if err != nil {
		return manager{}, err
	}
	switch {
	case own && there:
		return manager{}, appfile.Error("there are two lock files: %s, and %s of the workspace\n"+
			"the app is the member %s, so uv reads the one of the workspace. Keep that:\n  git rm %s", lock.UVFile, locked, w.member, lock.UVFile)
	case !there:
		return manager{}, appfile.Error("there is no %s\n"+
			"the app is the member %s of the workspace in %s, which has one lock file for all members. Make it and commit it:\n"+
			"  %s\n  git add %s\n  git commit -m \"Add %s\"\n"+
			"if it is there on your machine, see whether .gitignore or .slugignore lists it", locked, w.member, manifest, lock.UVLock, locked, lock.UVFile)
	}
	return manager{"uv", locked, lock.UVLock}, nil
}

func (w workspace) notMember(manifest, locked string) error {
	for _, pattern := range w.exclude {
		if globMatches(pattern, w.member) {
			return appfile.Error("%s excludes %s from the workspace: exclude has %q\n"+
				"so the lock file of the workspace is not that of the app. Take the pattern out and lock again, or give the app a lock file of its own:\n  %s\n  git add %s",
				manifest, w.member, pattern, lock.UVLock, lock.UVFile)
		}
	}
	var quoted []string
	for _, pattern := range append(slices.Clone(w.members), w.member) {
		quoted = append(quoted, fmt.Sprintf("%q", pattern))
	}
	return appfile.Error("the app is no member of the workspace in %s: its members do not have %s\n"+
		"so the lock file of the workspace is not that of the app. Add it there, and lock again:\n"+
		"  [tool.uv.workspace]\n  members = [%s]\nthen:\n  %s\n  git add %s %s",
		manifest, w.member, strings.Join(quoted, ", "), lock.UVLock, manifest, locked)
}
