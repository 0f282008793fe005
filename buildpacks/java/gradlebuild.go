package java

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/BurntSushi/toml"

	"github.com/slugc/slugc/buildpacks/language/appfile"
)

// gradleBuild is a build of Gradle, as far as its files say it without being run.
type gradleBuild struct {
	// projects are the directories of the projects, by their paths: ":libs:greeting".
	// The root is ":".
	projects map[string]string
	// texts are those of the build files by project, without comments.
	texts map[string]string
	// shared is the text of what all projects may use: the root's build file, and
	// plugins that are in the source.
	shared string
	// plugins are those of the version catalogue, by the names that build files use.
	plugins map[string]string
	// computed tells that a program says which projects there are.
	computed bool
}

// findGradleBuild finds the build that an app of Gradle is a project of: that of
// the nearest settings.gradle, in the app or above it in the source, as Gradle
// looks for it.
func findGradleBuild(own, source string) (whole, gradleBuild, error) {
	for _, dir := range append([]string{own}, reversed(above(own, source))...) {
		found, err := appfile.Found(dir, gradleSettings...)
		if err != nil {
			return whole{}, gradleBuild{}, err
		}
		if len(found) == 0 {
			continue
		}
		member, err := filepath.Rel(dir, own)
		if err != nil {
			return whole{}, gradleBuild{}, err
		}
		w := whole{dir: dir, member: rooted(filepath.ToSlash(member))}
		b, err := readGradleBuild(dir)
		if err != nil {
			return whole{}, gradleBuild{}, err
		}
		for _, name := range sortedKeys(b.projects) {
			if b.projects[name] == w.member && w.member != "" {
				w.gradlePath = name
			}
		}
		if w.member != "" && w.gradlePath == "" {
			if !b.computed {
				return whole{}, gradleBuild{}, w.notIncluded(found[0])
			}
			w.gradlePath = ":" + strings.ReplaceAll(w.member, "/", ":")
			if err := b.add(dir, w.gradlePath, w.member); err != nil {
				return whole{}, gradleBuild{}, err
			}
		}
		return w, b, nil
	}
	b, err := readGradleBuild(own)
	return whole{dir: own}, b, err
}

// notIncluded is the error of an app that the settings above do not include.
func (w whole) notIncluded(settings string) error {
	file := w.fromApp(settings)
	return appfile.Error("%s does not include the app, which is in %s\n"+
		"so Gradle knows no such project. Include it, and see that it is there:\n  echo 'include(\"%s\")' >> %s\n  %s -p %s projects\n  git add %s\n"+
		"or, if the app is a build of its own, give it settings of its own:\n  touch %s\n  git add %[8]s",
		file, w.member, strings.ReplaceAll(w.member, "/", ":"), file, w.fromApp("gradlew"), w.fromApp(""), file, settings)
}

// readGradleBuild reads the files of the build in a directory.
func readGradleBuild(dir string) (gradleBuild, error) {
	b := gradleBuild{projects: map[string]string{}, texts: map[string]string{}}
	if err := b.add(dir, ":", ""); err != nil {
		return b, err
	}
	var err error
	if b.plugins, err = catalogPlugins(dir); err != nil {
		return b, err
	}
	found, err := appfile.Found(dir, gradleSettings...)
	if err != nil {
		return b, err
	}
	included := []string{"buildSrc"}
	if len(found) > 0 {
		data, err := appfile.Read(dir, found[0])
		if err != nil {
			return b, err
		}
		builds, err := b.settings(dir, withoutComments(string(data)))
		if err != nil {
			return b, err
		}
		included = append(included, builds...)
	}
	b.shared = b.texts[":"]
	for _, name := range included {
		text, err := pluginSources(filepath.Join(dir, name))
		if err != nil {
			return b, err
		}
		b.shared += text
	}
	return b, nil
}

// add adds a project that is there. One outside of the build's directory is for
// Gradle alone to know.
func (b *gradleBuild) add(dir, name, place string) error {
	if place != "" && !filepath.IsLocal(place) {
		return nil
	}
	there, err := isDir(filepath.Join(dir, place))
	if err != nil || !there || len(b.projects) >= maxModules {
		return err
	}
	_, text, err := gradleFile(filepath.Join(dir, place))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	b.projects[name], b.texts[name] = place, withoutComments(text)
	return nil
}

// What settings.gradle, which is a program, says in the usual ways of the projects
// of a build.
var (
	include    = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`["']:?([A-Za-z0-9_.:/-]+)["']`) })
	projectDir = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`project\(\s*["'](:[^"']+)["']\s*\)\s*\.\s*projectDir\s*=\s*(?:new\s+File|file|File)\(\s*(?:(?:settingsDir|rootDir|rootProject\.projectDir)\s*,\s*)?["'](?:\$\{?rootDir\}?/)?([^"'$]+)["']`)
	})
	computedInclude = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`\b(?:eachDir|eachFile|listFiles|fileTree|walk|forEach|each)\b|\binclude\s*\(?\s*(?:"[^"\n]*\$|[a-z*])`)
	})
)

// settings reads which projects there are, and returns the builds that are
// included as a whole.
func (b *gradleBuild) settings(dir, text string) (builds []string, err error) {
	moved := map[string]string{}
	for _, match := range projectDir().FindAllStringSubmatch(text, -1) {
		moved[match[1]] = path.Clean(match[2])
	}
	b.computed = computedInclude().MatchString(text)
	for line := range strings.Lines(text) {
		words := strings.TrimSpace(line)
		if !strings.HasPrefix(words, "include") && !strings.HasPrefix(words, "\"") && !strings.HasPrefix(words, "'") {
			continue
		}
		for _, match := range include().FindAllStringSubmatch(words, -1) {
			if strings.HasPrefix(words, "includeBuild") {
				if name := path.Clean(match[1]); filepath.IsLocal(name) {
					builds = append(builds, name)
				}
				continue
			}
			name := ":" + strings.ReplaceAll(match[1], "/", ":")
			place := moved[name]
			if place == "" {
				place = path.Clean(strings.ReplaceAll(strings.TrimPrefix(name, ":"), ":", "/"))
			}
			if err := b.add(dir, name, place); err != nil {
				return nil, err
			}
		}
	}
	return builds, nil
}

// dirs are the directories of all projects, sorted.
func (b gradleBuild) dirs() []string {
	var all []string
	for _, place := range b.projects {
		all = append(all, place)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// How build files, which are programs, name other projects.
var (
	namedProject    = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`["'](:[A-Za-z0-9_.:-]+)["']`) })
	accessor        = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\bprojects((?:\.[A-Za-z0-9_]+)+)`) })
	computedProject = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`\bproject\(\s*(?:(?:path\s*[:=]\s*)?"[^"\n]*\$|path\s*[:=]\s*[a-zA-Z]|[a-zA-Z]\w*\s*[),.+])|\b(?:subprojects|allprojects|childProjects|rootProject)\s*\.\s*(?:each|forEach|collect|filter|findAll|map)`)
	})
)

// needed are the directories of the projects that are built for the app: its own,
// and what they name, themselves or by the files that all share. When a file
// names projects in a way that only Gradle can read, all are.
func (b gradleBuild) needed(w whole) []string {
	if w.member == "" {
		return b.dirs()
	}
	seen := map[string]bool{}
	var queue []string
	push := func(name string) {
		if _, is := b.projects[name]; is && !seen[name] {
			seen[name] = true
			queue = append(queue, name)
		}
	}
	read := func(text string) (computed bool) {
		for _, match := range namedProject().FindAllStringSubmatch(text, -1) {
			push(match[1])
		}
		for _, match := range accessor().FindAllStringSubmatch(text, -1) {
			for name := range b.projects {
				// The accessor of a project may go on: .dependencyProject.
				if strings.HasPrefix(match[1]+".", accessorOf(name)+".") && name != ":" {
					push(name)
				}
			}
		}
		return computedProject().MatchString(text)
	}
	push(":")
	for name, place := range b.projects {
		if w.isPart(place) {
			push(name)
		}
	}
	if read(b.shared) {
		return b.dirs()
	}
	for ; len(queue) > 0; queue = queue[1:] {
		if read(b.texts[queue[0]]) {
			return b.dirs()
		}
		// What lies above a project may configure it.
		push(orElse(queue[0][:strings.LastIndexByte(queue[0], ':')], ":"))
	}
	var all []string
	for name := range seen {
		all = append(all, b.projects[name])
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// accessorOf is how Gradle's type-safe accessors name a project: .libs.bigGreeting
// for ":libs:big-greeting".
func accessorOf(name string) string {
	var out strings.Builder
	upper := false
	for _, r := range strings.ReplaceAll(name, ":", ".") {
		switch {
		case r == '-' || r == '_':
			upper = true
			continue
		case upper:
			out.WriteString(strings.ToUpper(string(r)))
		default:
			out.WriteRune(r)
		}
		upper = false
	}
	return out.String()
}

// maxPluginSources bounds the files of plugins in the source that are looked into.
const maxPluginSources = 500

// pluginSources is the text of the plugins that a build has in its source.
func pluginSources(dir string) (string, error) {
	var text strings.Builder
	files := 0
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == "build" || strings.HasPrefix(entry.Name(), ".")) {
			return fs.SkipDir
		}
		if !entry.Type().IsRegular() || !slices.Contains([]string{".gradle", ".kts", ".groovy", ".kt", ".java"}, filepath.Ext(name)) {
			return nil
		}
		if files++; files > maxPluginSources {
			return fs.SkipAll
		}
		data, err := os.ReadFile(name)
		text.WriteString("\n" + withoutComments(string(data)))
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return text.String(), err
}

// catalogFile is Gradle's catalogue of versions and plugins.
const catalogFile = "gradle/libs.versions.toml"

// catalogPlugins are the ids of the plugins in the catalogue, by the accessors that
// build files use: libs.plugins.spring.boot.
func catalogPlugins(dir string) (map[string]string, error) {
	data, err := appfile.ReadIfThere(dir, catalogFile)
	if err != nil {
		return nil, err
	}
	var doc struct {
		Plugins map[string]any `toml:"plugins"`
	}
	if _, err := toml.Decode(string(data), &doc); err != nil {
		return nil, nil // for Gradle to say
	}
	plugins := map[string]string{}
	for alias, v := range doc.Plugins {
		id, _ := v.(string)
		if t, is := v.(map[string]any); is {
			id, _ = t["id"].(string)
		}
		id, _, _ = strings.Cut(id, ":")
		plugins["libs.plugins."+strings.NewReplacer("-", ".", "_", ".").Replace(alias)] = id
	}
	return plugins, nil
}

// withPlugins is a build file's text with the ids of the plugins that it takes from
// the catalogue.
func (b gradleBuild) withPlugins(text string) string {
	for _, alias := range sortedKeys(b.plugins) {
		if regexp.MustCompile(regexp.QuoteMeta(alias) + `\s*\)`).MatchString(text) {
			text += "\nid '" + b.plugins[alias] + "'"
		}
	}
	return text
}

// parts is the text of the build files of the app's own projects.
func (b gradleBuild) parts(w whole) string {
	var text strings.Builder
	for _, name := range sortedKeys(b.projects) {
		if w.isPart(b.projects[name]) {
			text.WriteString("\n" + b.texts[name])
		}
	}
	return text.String()
}
