package runtime

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Layout is how an installed runtime is used: where its parts are and which
// environment makes it run. All directories are absolute, and exist.
type Layout struct {
	// Dir is the directory of the runtime.
	Dir string
	// Bin are the directories with programs, for PATH, and Lib those with
	// shared libraries, for LD_LIBRARY_PATH, and for LIBRARY_PATH of a build.
	Bin, Lib []string
	// Include are the directories with headers, for the CPATH of a build.
	Include []string
	// Lists are more variables that hold lists of directories.
	Lists map[string][]string
	// Set are variables that the runtime needs as they are, and Default those
	// that count only where a person has not set them.
	Set, Default map[string]string
}

// Layout is how a release is used that is installed in a directory.
func (r *Resolver) Layout(release Release, dir string) (Layout, error) {
	w, err := r.sourceOf(release)
	if err != nil {
		return Layout{}, err
	}
	fill := filler(w.machine, release.Version)
	bin, include, lib := w.source.Bin, w.source.Include, []string(nil)
	if w.source.Kind == kindDebian {
		bin = append(slices.Clone(bin), "usr/bin", "usr/sbin")
		lib = []string{"usr/lib/{machine}-linux-gnu", "usr/lib/{machine}-linux-gnu/blas", "usr/lib"}
		include = append(slices.Clone(include), "usr/include", "usr/include/{machine}-linux-gnu")
	}
	l := Layout{
		Dir:     dir,
		Bin:     directories(dir, fillAll(fill, bin)),
		Lib:     libraries(dir, fillAll(fill, lib)),
		Include: directories(dir, fillAll(fill, include)),
		Lists:   map[string][]string{},
		Set:     map[string]string{},
		Default: map[string]string{},
	}
	for name, list := range w.source.Lists {
		if found := directories(dir, fillAll(fill, list)); len(found) > 0 {
			l.Lists[name] = found
		}
	}
	for name, text := range w.source.Set {
		l.Set[name] = strings.ReplaceAll(fill.Replace(text), "{dir}", dir)
	}
	for name, text := range w.source.Default {
		l.Default[name] = strings.ReplaceAll(fill.Replace(text), "{dir}", dir)
	}
	return l, nil
}

// directories are those of some paths below a directory that are there.
func directories(dir string, paths []string) []string {
	var found []string
	for _, path := range paths {
		full := filepath.Join(dir, filepath.FromSlash(path))
		if info, err := os.Stat(full); err == nil && info.IsDir() && !slices.Contains(found, full) {
			found = append(found, full)
		}
	}
	return found
}

// libraries are the directories that have shared libraries.
func libraries(dir string, paths []string) []string {
	return slices.DeleteFunc(directories(dir, paths), func(path string) bool {
		matches, err := filepath.Glob(filepath.Join(path, "*.so*"))
		return err != nil || len(matches) == 0
	})
}

// Environ is an environment in which the runtime runs, with what a build needs
// to compile for it, on top of another environment.
func (l Layout) Environ(base map[string]string) map[string]string {
	env := maps.Clone(base)
	if env == nil {
		env = map[string]string{}
	}
	for name, value := range l.Default {
		if env[name] == "" {
			env[name] = value
		}
	}
	maps.Copy(env, l.Set)
	prepend := func(name string, list []string) {
		if len(list) == 0 {
			return
		}
		text := strings.Join(list, string(os.PathListSeparator))
		if env[name] != "" {
			text += string(os.PathListSeparator) + env[name]
		}
		env[name] = text
	}
	prepend("PATH", l.Bin)
	prepend("LD_LIBRARY_PATH", l.Lib)
	prepend("LIBRARY_PATH", l.Lib)
	prepend("CPATH", l.Include)
	for name, list := range l.Lists {
		prepend(name, list)
	}
	return env
}
