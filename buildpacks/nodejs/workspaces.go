package nodejs

import (
	"encoding/json"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slugc/slugc/buildpacks/language/appfile"
)

// workspaceGlobs are the patterns of "workspaces" in a package.json: a list, or
// an object with the list "packages".
func workspaceGlobs(raw json.RawMessage) []string {
	var list []string
	if json.Unmarshal(raw, &list) == nil {
		return list
	}
	var object struct {
		Packages []string `json:"packages"`
	}
	if json.Unmarshal(raw, &object) != nil {
		return nil
	}
	return object.Packages
}

// findWorkspaces are the directories with a package.json that patterns name,
// sorted. A pattern that begins with "!" takes away.
func findWorkspaces(dir string, globs []string) ([]string, error) {
	if len(globs) == 0 {
		return nil, nil
	}
	// No deeper than the deepest pattern goes.
	depth := 0
	for _, glob := range globs {
		if strings.Contains(glob, "**") {
			depth = 16
		}
		depth = max(depth, strings.Count(path.Clean(glob), "/")+1)
	}
	var found []string
	err := filepath.WalkDir(dir, func(at string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, at)
		if err != nil || rel == "." {
			return err
		}
		rel = filepath.ToSlash(rel)
		if name := entry.Name(); name == "node_modules" || strings.HasPrefix(name, ".") || strings.Count(rel, "/")+1 > depth {
			return fs.SkipDir
		}
		if !named(globs, rel) {
			return nil
		}
		there, err := appfile.Exists(at, manifestFile)
		if there {
			found = append(found, rel)
		}
		return err
	})
	slices.Sort(found)
	return found, err
}

// parts are the workspaces that the app is made of, each after those that it
// depends on: all of them for the root, and for one of them itself and what it
// depends on. Dev adds what only development needs, of each.
func (a *app) parts(dev bool) []string {
	if a.root.member == "" {
		return a.inOrder(dev, sortedKeys(a.members)...)
	}
	return a.inOrder(dev, a.root.member)
}

// before are the workspaces that have to be built before a member is.
func (a *app) before() []string {
	if a.root.member == "" {
		return nil
	}
	return slices.DeleteFunc(a.parts(true), func(dir string) bool { return dir == a.root.member })
}

// installed are the workspaces of an app whose packages the package manager
// installs, each after those that it depends on.
func (d driver) installed(a app) []string {
	if !d.focuses() {
		return a.inOrder(true, sortedKeys(a.members)...)
	}
	return a.inOrder(true, "", d.member)
}

// inOrder are some workspaces and those that they depend on, each after those. The
// root, "", is none of them, but may depend on some.
func (a *app) inOrder(dev bool, from ...string) []string {
	dirs := map[string]string{}
	for dir, m := range a.members {
		dirs[m.Name] = dir
	}
	var order []string
	seen := map[string]bool{}
	var add func(dir string, m manifest)
	add = func(dir string, m manifest) {
		if seen[dir] {
			return
		}
		seen[dir] = true
		if !dev {
			m.DevDependencies = nil
		}
		names := sortedKeys(m.PeerDependencies)
		for _, w := range m.needs().Wants() {
			names = append(names, w.Name)
		}
		for _, name := range names {
			if of, is := dirs[name]; is && name != "" {
				add(of, a.members[of])
			}
		}
		if dir != "" {
			order = append(order, dir)
		}
	}
	for _, dir := range from {
		if dir == "" {
			add(dir, a.root.manifest)
			continue
		}
		add(dir, a.members[dir])
	}
	return order
}

// named tells whether patterns name a directory.
func named(globs []string, dir string) bool {
	is := false
	for _, glob := range globs {
		taken, negative := strings.CutPrefix(glob, "!")
		for _, one := range braces(taken) {
			if matchPath(strings.Split(path.Clean(one), "/"), strings.Split(dir, "/")) {
				is = !negative
			}
		}
	}
	return is
}

// maxBraces bounds into how many patterns one with braces may grow.
const maxBraces = 64

// braces writes the alternatives of "{a,b}" out.
func braces(glob string) []string {
	all := []string{glob}
	for i := 0; i < len(all) && len(all) <= maxBraces; {
		open := strings.IndexByte(all[i], '{')
		length := -1
		if open >= 0 {
			length = strings.IndexByte(all[i][open:], '}')
		}
		if length < 0 {
			i++
			continue
		}
		before, inside, after := all[i][:open], all[i][open+1:open+length], all[i][open+length+1:]
		var written []string
		for one := range strings.SplitSeq(inside, ",") {
			written = append(written, before+one+after)
		}
		all = slices.Replace(all, i, i+1, written...)
	}
	return all
}

// matchPath matches the parts of a path with those of a pattern, in which "**"
// stands for any number of parts.
func matchPath(pattern, parts []string) bool {
	for len(pattern) > 0 {
		if pattern[0] == "**" {
			for skip := range len(parts) + 1 {
				if matchPath(pattern[1:], parts[skip:]) {
					return true
				}
			}
			return false
		}
		if len(parts) == 0 {
			return false
		}
		if ok, err := path.Match(pattern[0], parts[0]); err != nil || !ok {
			return false
		}
		pattern, parts = pattern[1:], parts[1:]
	}
	return len(parts) == 0
}
