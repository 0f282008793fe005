package deploy

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"strings"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/buildpacks/project"
	"github.com/slugc/slugc/detect"
)

// wishes is what an app says about how it wants to be built.
type wishes struct {
	project project.Descriptor
	// app is its app.json, and list its .buildpacks.
	app  project.AppJSON
	list []project.Reference
	// ignored is removed from the source before anybody looks at it.
	ignored ignored
	// subdir is the directory of the source that is the app.
	subdir string
}

// wishes reads the files in which an app, a directory of a source, says how it
// wants to be built. It need have none of them.
func (d Deploy) wishes(source detect.Source, subdir string) (w wishes, err error) {
	w.subdir = subdir
	dir := filepath.Join(source.Dir, subdir)
	if w.project, err = d.project(source.Dir, subdir); err != nil {
		return w, err
	}
	if w.app, err = project.ReadAppJSON(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return w, unreadable(path.Join(subdir, project.AppJSONFile), err)
	}
	d.warnOfAll(w.app.Warnings)
	list, warnings, err := project.ReadBuildpackList(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return w, unreadable(path.Join(subdir, project.BuildpackListFile), err)
	}
	w.list = list
	d.warnOfAll(warnings)
	w.ignored, err = d.ignored(source.Dir, subdir, project.SlugIgnoreFile)
	return w, err
}

// ignored are the files that a source does not want to have, by what stands at its
// top and in the directory of it that is the app.
type ignored struct {
	top, app project.Ignore
	subdir   string
}

// ignored reads files of patterns of a name. They need not be there.
func (d Deploy) ignored(source, subdir, name string) (i ignored, err error) {
	i.subdir = subdir
	read := func(dir string) (project.Ignore, error) {
		read, warnings, err := project.ReadIgnore(filepath.Join(source, dir), name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return read, unreadable(path.Join(dir, name), err)
		}
		d.warnOfAll(warnings)
		return read, nil
	}
	if i.top, err = read(""); err != nil || subdir == "" {
		return i, err
	}
	i.app, err = read(subdir)
	return i, err
}

func (i ignored) Empty() bool { return i.top.Empty() && i.app.Empty() }

// Match tells whether a file or directory is unwanted, by its path in the source.
func (i ignored) Match(path string, isDir bool) bool {
	if i.top.Match(path, isDir) {
		return true
	}
	rel, inside := inApp(path, i.subdir)
	return inside && !i.app.Empty() && i.app.Match(rel, isDir)
}

// inApp is a path in a source as one in the app, a directory of that. The directory
// itself, and what leads to it, is not in it.
func inApp(path, subdir string) (string, bool) {
	if subdir == "" {
		return path, true
	}
	return strings.CutPrefix(path, subdir+"/")
}

// unreadable is the error for a file of the app that makes no sense.
func unreadable(name string, err error) error {
	return &detect.SourceError{Path: name, Problem: err.Error(), Next: "mend the file, or remove it", Err: err}
}

func (d Deploy) warnOfAll(warnings []project.Warning) {
	for _, warning := range warnings {
		d.Voice.Warningf("%s", warning)
	}
}

// project reads the app's project.toml, if it has one.
func (d Deploy) project(source, subdir string) (project.Descriptor, error) {
	described, err := project.Read(filepath.Join(source, subdir, project.FileName))
	if errors.Is(err, fs.ErrNotExist) {
		return project.Descriptor{}, nil
	}
	if err != nil {
		return project.Descriptor{}, unreadable(path.Join(subdir, project.FileName), err)
	}
	for _, warning := range described.Warnings {
		d.Voice.Warningf("%s: %s", project.FileName, warning)
	}
	return described, nil
}

// choice are the buildpacks that an app, or the person who builds it by url, chose
// in the way of Heroku, and where that stands; none where nobody did.
func (w wishes) choice(execEnv, url string) ([]project.Reference, string) {
	fromApp := w.app.Buildpacks
	if execEnv == project.TestEnvironment {
		fromApp = w.app.ForTest().Buildpacks
	}
	switch url = strings.TrimSpace(url); {
	case len(fromApp) > 0:
		return fromApp, project.AppJSONFile
	case len(w.list) > 0:
		return w.list, project.BuildpackListFile
	case url != "":
		return []project.Reference{project.ParseReference(url)}, buildpackURL
	}
	return nil, ""
}

// env are the variables that an app wants to be built with: those of its
// project.toml and, where it is built for its tests, above them those of its
// app.json.
func (w wishes) env(execEnv string) map[string]string {
	env := w.project.Env(cmp.Or(execEnv, buildpacks.DefaultExecEnv))
	if execEnv == project.TestEnvironment {
		maps.Copy(env, w.app.ForTest().Env)
	}
	return env
}

// buildpackURL is the variable that names the buildpack of an app.
const buildpackURL = "BUILDPACK_URL"

// sieve tells which files of a source are part of the app, and remembers what
// .slugignore removed.
type sieve struct {
	wishes
	filter project.Filter
	// removed are the paths that .slugignore names.
	removed map[string]bool
}

func newSieve(w wishes) *sieve {
	return &sieve{wishes: w, filter: w.project.Filter(), removed: map[string]bool{}}
}

// wanted is nil where everything is.
func (s *sieve) wanted() func(path string, isDir bool) bool {
	if s.filter.All() && s.ignored.Empty() {
		return nil
	}
	return func(path string, isDir bool) bool {
		if s.ignored.Match(path, isDir) {
			s.removed[path] = true
			return false
		}
		// What an app says of its files is said of no others.
		rel, inside := inApp(path, s.subdir)
		return !inside || rel == project.FileName || s.filter.Keep(rel, isDir)
	}
}

// say tells how much was removed, as Heroku does.
func (s *sieve) say(voice Voice) {
	switch n := len(s.removed); n {
	case 0:
	case 1:
		voice.Stepf("Deleting 1 file matching %s patterns.", project.SlugIgnoreFile)
	default:
		voice.Stepf("Deleting %d files matching %s patterns.", n, project.SlugIgnoreFile)
	}
}

// leftOut tells which files that a build left are not packed, from the
// .launchignore that lies with them; nil is none.
func (d Deploy) leftOut(tree artifact.Tree) (func(path string, isDir bool) bool, error) {
	ignored, err := d.ignored(tree.App.Host, tree.Subdir, project.LaunchIgnoreFile)
	if err != nil || ignored.Empty() {
		return nil, err
	}
	return ignored.Match, nil
}

// registryName says what to write in place of a name of a registry that is not
// asked.
func registryName(r project.Reference) error {
	return fmt.Errorf("%s is a name of Heroku's registry, which is one site that no mirror has; write the address of its repository, such as https://HOST/OWNER/REPOSITORY.git#REF, or ./DIRECTORY", r.Text)
}
