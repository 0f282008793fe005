package deno

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/language/version"
)

// The files of an app.
const (
	lockFile    = "deno.lock"
	packageFile = "package.json"
)

// configFiles are the names of Deno's settings.
var configFiles = []string{"deno.json", "deno.jsonc"}

// otherLocks are lock files of package managers of Node.js.
var otherLocks = []string{"package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock", "bun.lockb"}

// mains are the files that start an app which does not say how it starts.
var mains = []string{"main.ts", "main.js", "main.tsx", "main.mts", "main.mjs", "server.ts", "server.js", "mod.ts", "index.ts", "index.js", "src/main.ts"}

// app is an app as its author wrote it, checked.
type app struct {
	dir string
	// config is the name of the settings, "" without them.
	config  string
	imports map[string]string
	tasks   map[string]string
	// npm are the dependencies in package.json.
	npm map[string]string
	// lock is the text of deno.lock, nil without one.
	lock []byte
	// entry is the file that is started, "" where there is none of the known names,
	// and text what is in it.
	entry, text string
	workspace   bool
}

// settings are a deno.json.
type settings struct {
	Imports   map[string]string          `json:"imports"`
	Tasks     map[string]json.RawMessage `json:"tasks"`
	Lock      json.RawMessage            `json:"lock"`
	Workspace json.RawMessage            `json:"workspace"`
}

// readApp reads an app and refuses what cannot be built.
func readApp(dir string) (app, error) {
	a := app{dir: dir, tasks: map[string]string{}}
	found, err := appfile.Found(dir, configFiles...)
	if err != nil {
		return app{}, err
	}
	var s settings
	if len(found) > 0 {
		a.config = found[0]
		data, err := appfile.Read(dir, a.config)
		if err != nil {
			return app{}, err
		}
		if err := appfile.JSON(a.config, plainJSON(data), &s); err != nil {
			return app{}, err
		}
	}
	a.imports, a.workspace = s.Imports, len(s.Workspace) > 0
	for name, raw := range s.Tasks {
		var object struct{ Command string }
		var line string
		if json.Unmarshal(raw, &line) != nil && json.Unmarshal(raw, &object) == nil {
			line = object.Command
		}
		a.tasks[name] = line
	}
	if string(s.Lock) == "false" {
		return app{}, appfile.Error("%s says \"lock\": false, so two builds could differ\ntake that out, and make a lock file:\n  deno install\n  git add %s", a.config, lockFile)
	}
	if err := a.readRest(); err != nil {
		return app{}, err
	}
	return a, a.inStep()
}

// readRest reads package.json, the lock file and the file that is started.
func (a *app) readRest() error {
	data, err := appfile.Read(a.dir, packageFile)
	if err == nil {
		var m struct {
			Dependencies map[string]string `json:"dependencies"`
		}
		if err := appfile.JSON(packageFile, data, &m); err != nil {
			return err
		}
		a.npm = m.Dependencies
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	a.lock, err = appfile.ReadMerged(a.dir, lockFile, appfile.Merge("make it again:\n  git checkout --theirs "+lockFile+"\n  deno install\n  git add "+lockFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	found, err := appfile.Found(a.dir, mains...)
	if err != nil || len(found) == 0 {
		return err
	}
	a.entry = found[0]
	text, err := appfile.Read(a.dir, a.entry)
	a.text = string(text)
	return err
}

// elsewhere tells whether a specifier is one of a registry or a server.
func elsewhere(specifier string) bool {
	return strings.HasPrefix(specifier, "npm:") || strings.HasPrefix(specifier, "jsr:") ||
		strings.HasPrefix(specifier, "https:") || strings.HasPrefix(specifier, "http:")
}

// inStep refuses an app without a lock file, and a lock file that does not know
// what deno.json imports.
func (a *app) inStep() error {
	var from []string
	for _, name := range slices.Sorted(maps.Keys(a.imports)) {
		if elsewhere(a.imports[name]) {
			from = append(from, a.imports[name])
		}
	}
	from = append(from, inlineImports(a.text)...)
	if a.lock == nil {
		if len(from)+len(a.npm) == 0 {
			return nil
		}
		return appfile.Error("there is no %s\n%d imports come from elsewhere, but not in one version each, so two builds could differ. Make a lock file and commit it:\n"+
			"  deno install\n  git add %s\nif it is there on your machine, see whether .gitignore or .slugignore lists it", lockFile, len(from)+len(a.npm), lockFile)
	}
	var l struct {
		Version    string            `json:"version"`
		Specifiers map[string]string `json:"specifiers"`
	}
	if err := appfile.JSON(lockFile, a.lock, &l); err != nil {
		return err
	}
	if l.Version < "4" || len(l.Version) > 1 {
		// Earlier forms, and those to come, are for Deno to read.
		return nil
	}
	var missing []string
	for _, specifier := range from {
		key := locked(specifier)
		if _, known := l.Specifiers[key]; key != "" && !known && !slices.Contains(missing, key) {
			missing = append(missing, key)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return appfile.Error("%s is out of step with the app\n  it does not have %s\na build installs what the lock file says and nothing else. Update it and commit it:\n"+
		"  deno install\n  git add %s", lockFile, strings.Join(missing, ", "), lockFile)
}

var specifierParts = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(npm|jsr):/?((?:@[\w.-]+/)?[\w.-]+)(?:@([\w.^~<>=*-]+))?(?:/.*)?$`)
})

// locked is a specifier as the lock file has it; "" for one of another form.
func locked(specifier string) string {
	match := specifierParts().FindStringSubmatch(specifier)
	if match == nil {
		return ""
	}
	if match[3] == "" {
		match[3] = "*"
	}
	return match[1] + ":" + match[2] + "@" + match[3]
}

var importLine = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?m)^\s*(?:import|export)\b[^"'\n]*["']((?:npm|jsr|https?):[^"'\n]+)["']`)
})

// inlineImports are what a program imports by registry or address, a line each.
func inlineImports(text string) []string {
	var all []string
	for _, match := range importLine().FindAllStringSubmatch(text, -1) {
		all = append(all, match[1])
	}
	return all
}

// plainJSON is JSON of the form that Deno reads, without comments and commas at
// ends of lists, which become blanks.
func plainJSON(data []byte) []byte {
	plain := slices.Clone(data)
	text, comma := false, -1
	for i := 0; i < len(plain); i++ {
		switch c := plain[i]; {
		case text && c == '\\':
			i++
		case c == '"':
			text, comma = !text, -1
		case text:
		case c == '/' && i+1 < len(plain) && (plain[i+1] == '/' || plain[i+1] == '*'):
			i = blank(plain, i)
		case c == ',':
			comma = i
		case (c == ']' || c == '}') && comma >= 0:
			plain[comma], comma = ' ', -1
		case c != ' ' && c != '\t' && c != '\n' && c != '\r':
			comma = -1
		}
	}
	return plain
}

// blank makes blanks of the comment that begins at a place, but for line ends, and
// returns the place of its last byte.
func blank(text []byte, at int) int {
	end := "\n"
	if text[at+1] == '*' {
		end = "*/"
	}
	length := strings.Index(string(text[at+2:]), end)
	stop := len(text)
	if length >= 0 {
		stop = at + 2 + length
		if end == "*/" {
			stop += 2
		}
	}
	for i := at; i < stop; i++ {
		if text[i] != '\n' {
			text[i] = ' '
		}
	}
	return stop - 1
}

// asks is the version of Deno that an app asks for.
func (a *app) asks(env map[string]string) (version.Asked, error) {
	wishes := []version.Asked{{Text: strings.TrimSpace(env["DENO_VERSION"]), Name: "DENO_VERSION"}}
	for _, name := range []string{".dvmrc", ".deno-version"} {
		data, err := appfile.Read(a.dir, name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return version.Asked{}, err
		}
		wishes = append(wishes, version.Asked{Text: strings.TrimPrefix(appfile.Word(data), "v"), Name: name})
	}
	text, err := version.OfTool(a.dir, "deno")
	if err != nil {
		return version.Asked{}, err
	}
	wishes = append(wishes, version.Asked{Text: text, Name: "deno", File: version.ToolFile})
	return version.First(wishes...), nil
}

// plainTask is a task that is one command of Deno without anything of a shell.
var plainTask = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^deno (run|serve)( [A-Za-z0-9_@%+:,./=-]+)+$`) })

// start is the command of the process web, nil when nothing says it.
func (a *app) start() []string {
	task := strings.Join(strings.Fields(a.tasks["start"]), " ")
	if task != "" && plainTask().MatchString(task) {
		words := strings.Fields(task)
		if slices.Contains(words, "--watch") {
			words = slices.DeleteFunc(words, func(word string) bool { return word == "--watch" })
		}
		if !slices.Contains(words, "--cached-only") {
			words = slices.Insert(words, 2, "--cached-only")
		}
		return words
	}
	if task != "" {
		return []string{"deno", "task", "start"}
	}
	switch {
	case a.entry == "":
		return nil
	case exportsServer().MatchString(a.text) && !strings.Contains(a.text, "Deno.serve"):
		return language.Command("exec deno serve --cached-only --allow-all --host 0.0.0.0 --port " + language.Port + " " + a.entry)
	case strings.Contains(a.text, "PORT") || !strings.Contains(a.text, "Deno.serve"):
		return []string{"deno", "run", "--cached-only", "--allow-all", a.entry}
	}
	return language.Command("DENO_SERVE_ADDRESS=tcp:0.0.0.0:" + language.Port + " exec deno run --cached-only --allow-all " + a.entry)
}

// exportsServer is how a program says that Deno serves what it exports.
var exportsServer = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?s)\bexport\s+default\b.*\bfetch\b`) })

// entries are the files whose imports are cached.
func (a *app) entries() []string {
	var all []string
	if a.entry != "" {
		all = append(all, a.entry)
	}
	for word := range strings.FieldsSeq(a.tasks["start"]) {
		if slices.Contains([]string{".ts", ".tsx", ".mts", ".js", ".mjs", ".jsx"}, path.Ext(word)) && !strings.HasPrefix(word, "-") {
			name := path.Clean(word)
			if there, err := appfile.Exists(a.dir, name); err == nil && there && !path.IsAbs(name) && !slices.Contains(all, name) {
				all = append(all, name)
			}
		}
	}
	return all
}

// pinHint says how to ask for a version.
func pinHint(text string) string {
	return fmt.Sprintf("to choose one:\n  echo %s > .deno-version\n  git add .deno-version", text)
}
