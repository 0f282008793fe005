package python

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language"
)

// start is how an app starts.
type start struct {
	// command is one for a shell when it has variables in it.
	command string
	// what is what it was recognised by.
	what string
	// warning is what a person should know of it.
	warning string
}

// processes says how the app starts. What a Procfile says goes before it, so
// where that has a process web nothing is looked for.
func (b *build) processes(a app, v environment) ([]libcnb.Process, error) {
	b.Print.Step("Looking for how the app starts")
	declared, err := language.ReadProcfile(a.dir)
	if err != nil {
		return nil, err
	}
	if declared.Has("web") {
		b.Print.Detail("The Procfile says it")
		return nil, nil
	}
	found, err := b.start(a, v)
	if err != nil {
		return nil, err
	}
	if found.command == "" {
		if len(declared) > 0 {
			return nil, nil
		}
		b.Print.Warn("Nothing says how the app starts. Say it in a Procfile, for example:\n  echo 'web: gunicorn --bind 0.0.0.0:$PORT MODULE:app' > Procfile\n  git add Procfile")
		return nil, nil
	}
	if found.warning != "" {
		b.Print.Warn("%s", found.warning)
	}
	b.Print.Detail("web: %s (%s)", found.command, found.what)
	return []libcnb.Process{{Type: "web", Command: language.Command(found.command), Default: true}}, nil
}

// start finds how an app starts, by its framework and by what is installed to
// serve it.
func (b *build) start(a app, v environment) (start, error) {
	has := func(name string) bool { return v.distributions[name] != "" }
	if has("django") {
		if manage, err := findManage(a.dir); err != nil || manage != "" {
			return djangoStart(a.dir, manage, has), err
		}
	}
	project := cmp.Or(a.textAt("project", "name"), a.textAt("tool", "poetry", "name"))
	var sources []source
	for _, place := range usualPlaces(project) {
		if s, there := readSource(a.dir, place); there {
			sources = append(sources, s)
		}
	}
	for _, find := range []func([]source, func(string) bool) start{asgiStart, wsgiStart, tornadoStart, scriptServerStart} {
		if s := find(sources, has); s.command != "" {
			return s, nil
		}
	}
	if s := a.scriptStart(v); s.command != "" {
		return s, nil
	}
	for _, s := range sources {
		if !strings.Contains(s.name, "/") && path.Base(s.name) != "wsgi.py" && path.Base(s.name) != "asgi.py" {
			return start{command: "python " + s.name, what: s.name + " is there", warning: s.portWarning()}, nil
		}
	}
	packages, err := mainPackages(a.dir)
	if err != nil || len(packages) != 1 {
		return start{}, err
	}
	return start{command: "python -m " + packages[0], what: packages[0] + "/__main__.py is there"}, nil
}

// mainPackages are the directories of the app that Python can run.
func mainPackages(dir string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*", "__main__.py"))
	var names []string
	for _, file := range files {
		names = append(names, filepath.Base(filepath.Dir(file)))
	}
	return names, err
}

// findManage is the manage.py of a Django app, at most three directories deep,
// "" when there is none.
func findManage(dir string) (string, error) {
	for _, pattern := range []string{"manage.py", "*/manage.py", "*/*/manage.py"} {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return "", err
		}
		for _, file := range found {
			rel, err := filepath.Rel(dir, file)
			if err != nil {
				return "", err
			}
			if !strings.HasPrefix(rel, ".slugc") {
				return filepath.ToSlash(rel), nil
			}
		}
	}
	return "", nil
}

var settingsModule = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`DJANGO_SETTINGS_MODULE['"]\s*,\s*['"]([\w.]+)['"]`) })

// djangoStart serves a Django project with the server that is installed.
func djangoStart(dir, manage string, has func(string) bool) start {
	home := path.Dir(manage)
	what := "Django, by " + manage
	project := func(file string) string {
		if s, there := readSource(dir, manage); there {
			if match := settingsModule().FindStringSubmatch(s.text); match != nil {
				for name := strings.ReplaceAll(match[1], ".", "/"); name != "."; name = path.Dir(name) {
					if _, err := os.Stat(filepath.Join(dir, home, name, file)); err == nil {
						return strings.ReplaceAll(name, "/", ".")
					}
				}
			}
		}
		found, err := filepath.Glob(filepath.Join(dir, home, "*", file))
		if err != nil || len(found) == 0 {
			return ""
		}
		return filepath.Base(filepath.Dir(found[0]))
	}
	wsgi, asgi := project("wsgi.py"), project("asgi.py")
	in := func(flag string) string {
		if home == "." {
			return ""
		}
		return " " + flag + " " + home
	}
	switch {
	case wsgi != "" && has("gunicorn"):
		return start{command: "gunicorn" + in("--chdir") + " --bind 0.0.0.0:" + language.Port + " " + wsgi + ".wsgi", what: what}
	case asgi != "" && has("uvicorn"):
		return start{command: "uvicorn" + in("--app-dir") + " --host 0.0.0.0 --port " + language.Port + " " + asgi + ".asgi:application", what: what}
	case asgi != "" && has("daphne") && home == ".":
		return start{command: "daphne -b 0.0.0.0 -p " + language.Port + " " + asgi + ".asgi:application", what: what}
	case asgi != "" && has("hypercorn") && home == ".":
		return start{command: "hypercorn --bind 0.0.0.0:" + language.Port + " " + asgi + ".asgi:application", what: what}
	case wsgi != "" && has("waitress") && home == ".":
		return start{command: "waitress-serve --listen=0.0.0.0:" + language.Port + " " + wsgi + ".wsgi:application", what: what}
	}
	return start{
		command: "python " + manage + " runserver --noreload 0.0.0.0:" + language.Port, what: what,
		warning: "No server for production is installed, so Django's own serves the app, which is slow and not made for it.\nAdd one to the app's packages, and lock them again:\n  gunicorn",
	}
}

// asgiClasses are applications of ASGI, wsgiClasses those of WSGI.
func asgiClasses() []string {
	return []string{"FastAPI", "Starlette", "Litestar", "Quart", "BlackSheep", "FastHTML", "fast_app", "Robyn", "Esmerald", "FastStream"}
}

func wsgiClasses() []string {
	return []string{"Flask", "APIFlask", "Bottle", "Chalice", "App", "Api", "API"}
}

// served is the app as servers name it: module:object, and where it is found.
func (o object) served() (module string, dir string) {
	module = o.source.module()
	if rest, inSrc := strings.CutPrefix(module, "src."); inSrc {
		return rest, "src"
	}
	return module, ""
}

// asgiStart serves an app of an asynchronous framework.
func asgiStart(sources []source, has func(string) bool) start {
	frameworks := []string{"fastapi", "starlette", "litestar", "quart", "blacksheep", "python-fasthtml", "esmerald"}
	if !slices.ContainsFunc(frameworks, has) {
		return start{}
	}
	for _, s := range sources {
		for _, o := range s.objects(asgiClasses()) {
			module, dir := o.served()
			name, what := module+":"+o.name, o.class+" in "+s.name
			flags := ""
			if o.factory {
				flags = " --factory"
			}
			switch {
			case has("uvicorn"):
				if dir != "" {
					flags += " --app-dir " + dir
				}
				return start{command: "uvicorn --host 0.0.0.0 --port " + language.Port + flags + " " + name, what: what}
			case has("hypercorn") && dir == "" && !o.factory:
				return start{command: "hypercorn --bind 0.0.0.0:" + language.Port + " " + name, what: what}
			case has("granian") && dir == "":
				return start{command: "granian --interface asgi --host 0.0.0.0 --port " + language.Port + flags + " " + name, what: what}
			case has("daphne") && dir == "" && !o.factory:
				return start{command: "daphne -b 0.0.0.0 -p " + language.Port + " " + name, what: what}
			}
		}
	}
	return start{}
}

// wsgiStart serves an app of a framework like Flask.
func wsgiStart(sources []source, has func(string) bool) start {
	frameworks := []string{"flask", "bottle", "falcon", "dash", "pyramid", "apiflask", "connexion"}
	if !slices.ContainsFunc(frameworks, has) {
		return start{}
	}
	for _, s := range sources {
		objects := s.objects(wsgiClasses())
		if match := dash().FindStringSubmatch(s.code); match != nil && has("dash") {
			objects = []object{{source: s, name: match[1], class: "Dash"}}
		}
		for _, o := range objects {
			module, dir := o.served()
			name, what := module+":"+o.name, o.class+" in "+s.name
			chdir := ""
			if dir != "" {
				chdir = " --chdir " + dir
			}
			call := ""
			if o.factory {
				call = "()"
			}
			switch {
			case has("gunicorn"):
				if o.factory {
					name = "'" + name + "()'"
				}
				return start{command: "gunicorn" + chdir + " --bind 0.0.0.0:" + language.Port + " " + name, what: what}
			case has("waitress") && dir == "":
				if call != "" {
					name = "--call " + name
				}
				return start{command: "waitress-serve --listen=0.0.0.0:" + language.Port + " " + name, what: what}
			case has("flask") && dir == "":
				return start{
					command: "flask --app " + module + " run --host 0.0.0.0 --port " + language.Port, what: what,
					warning: "No server for production is installed, so Flask's own serves the app, which is slow and not made for it.\nAdd one to the app's packages, and lock them again:\n  gunicorn",
				}
			}
		}
	}
	return start{}
}

var (
	portOption = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?:\bdefine|add_argument)\(\s*(?:['"]-p['"]\s*,\s*)?['"](?:--)?port['"]`)
	})
	readsPort = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`['"]PORT['"]`) })
	fixedPort = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\.listen\(\s*[0-9]+|port\s*=\s*[0-9]{2,5}`) })
)

// tornadoStart starts the file that starts Tornado's loop. The port is an option
// of it, in the way of Tornado's guide, or it reads the variable itself.
func tornadoStart(sources []source, has func(string) bool) start {
	if !has("tornado") {
		return start{}
	}
	for _, s := range sources {
		if !s.imports("tornado") || !s.mentions("listen") && !s.mentions("bind") && !s.mentions("bind_sockets") {
			continue
		}
		what := "Tornado in " + s.name
		if portOption().MatchString(s.code) {
			return start{command: "python " + s.name + " --port=" + language.Port, what: what}
		}
		return start{command: "python " + s.name, what: what, warning: s.portWarning()}
	}
	return start{}
}

// portWarning says that a file listens on a port of its own, "" when it does
// not.
func (s source) portWarning() string {
	if readsPort().MatchString(s.code) || !fixedPort().MatchString(s.code) {
		return ""
	}
	return s.name + " listens on a port of its own. Platforms say in PORT where they send requests:\n  port = int(os.environ.get(\"PORT\", 8000))"
}

// scriptServerStart starts what serves a script: Streamlit and Gradio.
func scriptServerStart(sources []source, has func(string) bool) start {
	for _, s := range sources {
		switch {
		case has("streamlit") && s.imports("streamlit"):
			return start{command: "streamlit run " + s.name + " --server.address 0.0.0.0 --server.port " + language.Port + " --server.headless true", what: "Streamlit in " + s.name}
		case has("gradio") && s.imports("gradio"):
			return start{command: "GRADIO_SERVER_NAME=0.0.0.0 GRADIO_SERVER_PORT=" + language.Port + " python " + s.name, what: "Gradio in " + s.name}
		}
	}
	return start{}
}

// scriptStart starts the one command that the app itself has, or the one that
// is called like it.
func (a app) scriptStart(v environment) start {
	scripts, is := a.at("project", "scripts").(map[string]any)
	field := "project.scripts"
	if !is {
		scripts, is = a.at("tool", "poetry", "scripts").(map[string]any)
		field = "tool.poetry.scripts"
	}
	if !is {
		return start{}
	}
	names := sortedKeys(scripts)
	for _, usual := range []string{"web", "start", "serve", "server", a.textAt("project", "name"), a.textAt("tool", "poetry", "name")} {
		if slices.Contains(names, usual) && usual != "" {
			names = []string{usual}
			break
		}
	}
	if len(names) != 1 {
		return start{}
	}
	if _, err := os.Stat(filepath.Join(v.dir, "bin", names[0])); err != nil {
		return start{}
	}
	return start{command: names[0], what: field + " in pyproject.toml"}
}

// usesStaticfiles tells whether Django's app for static files is installed: its
// name stands in the settings.
func usesStaticfiles(dir, manage string) (bool, error) {
	found := false
	err := filepath.WalkDir(filepath.Join(dir, path.Dir(manage)), func(name string, entry fs.DirEntry, err error) error {
		if err != nil || found {
			return err
		}
		if entry.IsDir() && slices.Contains([]string{".slugc", ".git", "node_modules", "static", "staticfiles", "templates"}, entry.Name()) {
			return fs.SkipDir
		}
		if !entry.Type().IsRegular() || path.Ext(name) != ".py" || !strings.Contains(name, "settings") && !strings.Contains(name, "config") && !strings.Contains(name, "base") {
			return nil
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		if s, there := readSource(dir, rel); there && strings.Contains(s.code, "django.contrib.staticfiles") {
			found = true
		}
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return false, fmt.Errorf("looking for Django's static files: %w", err)
	}
	return found, nil
}
