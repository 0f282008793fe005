package deploy

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"strings"

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
	ignored project.Ignore
}

// wishes reads the files in which an app says how it wants to be built. It need
// have none of them.
func (d Deploy) wishes(source detect.Source) (w wishes, err error) {
	if w.project, err = d.project(source); err != nil {
		return w, err
	}
	if w.app, err = project.ReadAppJSON(source.Dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return w, unreadable(project.AppJSONFile, err)
	}
	d.warnOfAll(w.app.Warnings)
	list, warnings, err := project.ReadBuildpackList(source.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return w, unreadable(project.BuildpackListFile, err)
	}
	w.list = list
	d.warnOfAll(warnings)
	ignored, warnings, err := project.ReadIgnore(source.Dir, project.SlugIgnoreFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return w, unreadable(project.SlugIgnoreFile, err)
	}
	w.ignored = ignored
	d.warnOfAll(warnings)
	return w, nil
}

// unreadable is the error for a file of the app that makes no sense.
func unreadable(name string, err error) error {
	return &detect.SourceError{Path: name, Problem: err.Error(), Next: "Mend the file, or remove it.", Err: err}
}

func (d Deploy) warnOfAll(warnings []project.Warning) {
	for _, warning := range warnings {
		d.Voice.Warningf("%s", warning)
	}
}

// project reads the app's project.toml, if it has one.
func (d Deploy) project(source detect.Source) (project.Descriptor, error) {
	described, err := project.Read(filepath.Join(source.Dir, project.FileName))
	if errors.Is(err, fs.ErrNotExist) {
		return project.Descriptor{}, nil
	}
	if err != nil {
		return project.Descriptor{}, unreadable(project.FileName, err)
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
		return path == project.FileName || s.filter.Keep(path, isDir)
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
func (d Deploy) leftOut(app string) (func(path string, isDir bool) bool, error) {
	ignored, warnings, err := project.ReadIgnore(app, project.LaunchIgnoreFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, unreadable(project.LaunchIgnoreFile, err)
	}
	d.warnOfAll(warnings)
	if ignored.Empty() {
		return nil, nil
	}
	return ignored.Match, nil
}

// registryName says what to write in place of a name of a registry that is not
// asked.
func registryName(r project.Reference) error {
	return fmt.Errorf("%s is a name of Heroku's registry, which is one site that no mirror has; write the address of its repository, such as https://HOST/OWNER/REPOSITORY.git#REF, or ./DIRECTORY", r.Text)
}
