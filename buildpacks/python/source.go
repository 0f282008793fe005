package python

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// maxSource bounds a file that is looked into for how the app starts.
const maxSource = 1 << 20

// source is a file of the app in Python.
type source struct {
	// name is its path in the app, with slashes.
	name string
	// code is its text without comments and the texts in it.
	code string
	// text is all of it.
	text string
}

// module is the name by which Python imports it.
func (s source) module() string {
	name := strings.TrimSuffix(strings.TrimSuffix(s.name, ".py"), "/__init__")
	// Python finds what is in src when the app's package is installed, or when
	// it is told to look there.
	return strings.ReplaceAll(name, "/", ".")
}

// readSource reads a file of the app. One that is not there, or too large, says
// nothing.
func readSource(dir, name string) (source, bool) {
	info, err := os.Stat(filepath.Join(dir, name))
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxSource {
		return source{}, false
	}
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return source{}, false
	}
	text := string(data)
	return source{name: path.Clean(filepath.ToSlash(name)), code: codeOf(text), text: text}, true
}

// codeOf blanks out comments and the inside of texts that go over several lines:
// what stands in an explanation is no code.
func codeOf(text string) string {
	var code strings.Builder
	for i := 0; i < len(text); {
		rest := text[i:]
		quote := ""
		switch {
		case strings.HasPrefix(rest, `"""`), strings.HasPrefix(rest, "'''"):
			quote = rest[:3]
		case rest[0] == '"' || rest[0] == '\'':
			quote = rest[:1]
		case rest[0] == '#':
			end := strings.IndexByte(rest, '\n')
			if end < 0 {
				end = len(rest)
			}
			i += end
			continue
		default:
			code.WriteByte(rest[0])
			i++
			continue
		}
		end := endOfText(rest, quote)
		if len(quote) == 1 {
			// A short text is part of the code: an option's name.
			code.WriteString(rest[:end])
		}
		i += end
	}
	return code.String()
}

// endOfText is where a text ends that begins with a quote.
func endOfText(text, quote string) int {
	for i := len(quote); i < len(text); i++ {
		switch {
		case text[i] == '\\':
			i++
		case len(quote) == 1 && text[i] == '\n':
			return i
		case strings.HasPrefix(text[i:], quote):
			return i + len(quote)
		}
	}
	return len(text)
}

// usualPlaces are where the code of an app begins, by how usual that is.
func usualPlaces(project string) []string {
	files := []string{"main.py", "app.py", "server.py", "asgi.py", "wsgi.py", "api.py", "application.py", "run.py", "web.py", "index.py", "streamlit_app.py", "Home.py", "start.py", "bot.py", "hello.py", "__init__.py"}
	var places []string
	dirs := []string{".", "app", "api", "src", "server", "backend", "web", "src/app", "src/api"}
	if module := strings.NewReplacer("-", "_", ".", "_").Replace(strings.ToLower(project)); module != "" {
		dirs = append(dirs, module, path.Join("src", module))
	}
	for _, dir := range dirs {
		for _, file := range files {
			if dir != "." || file != "__init__.py" {
				places = append(places, path.Join(dir, file))
			}
		}
	}
	return places
}

// object is something in a source that a server can serve.
type object struct {
	source source
	// name is what it is called; one of a factory is called to make it.
	name    string
	factory bool
	// class is what it is: "Flask".
	class string
}

var (
	// assigned is an object that a module makes: app = Flask(__name__).
	assigned = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?m)^([A-Za-z_]\w*)\s*(?::\s*[\w.]+\s*)?=\s*(?:\w+\.)*([A-Z]\w+)\s*\(`)
	})
	// fastHTML is how FastHTML makes an app and its router at once.
	fastHTML = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?m)^([A-Za-z_]\w*)\s*,[^=\n]*=\s*(?:\w+\.)*(fast_app)\s*\(`)
	})
	// dash is the server in an app of Dash.
	dash = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?m)^([A-Za-z_]\w*)\s*=\s*\w+\.(server)\s*$`) })
	// fromFactory is an object that a function of the app makes.
	fromFactory = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?m)^(app|application|api)\s*=\s*(?:\w+\.)*(create_app|make_app|get_app|get_wsgi_application|get_asgi_application|create_application)\s*\(`)
	})
	// factory is such a function, when it needs no arguments.
	factory = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?m)^(?:async\s+)?def\s+(create_app|make_app|get_app|create_application)\s*\(([^)]*)\)`)
	})
)

// objects are what a source has to serve, of one of some classes.
func (s source) objects(classes []string) []object {
	var all []object
	for _, match := range slices.Concat(fastHTML().FindAllStringSubmatch(s.code, -1), assigned().FindAllStringSubmatch(s.code, -1)) {
		if slices.Contains(classes, match[2]) {
			all = append(all, object{source: s, name: match[1], class: match[2]})
		}
	}
	if len(all) > 0 {
		return all
	}
	if !slices.ContainsFunc(classes, func(class string) bool { return s.mentions(class) }) && !fromFactory().MatchString(s.code) {
		return nil
	}
	if match := fromFactory().FindStringSubmatch(s.code); match != nil {
		return []object{{source: s, name: match[1], class: match[2]}}
	}
	for _, match := range factory().FindAllStringSubmatch(s.code, -1) {
		if everyHasDefault(match[2]) {
			all = append(all, object{source: s, name: match[1], class: "factory", factory: true})
		}
	}
	return all
}

// everyHasDefault tells whether a function can be called without arguments.
func everyHasDefault(parameters string) bool {
	for p := range strings.SplitSeq(parameters, ",") {
		p = strings.TrimSpace(p)
		if p != "" && !strings.Contains(p, "=") && !strings.HasPrefix(p, "*") {
			return false
		}
	}
	return true
}

// mentions tells whether a word stands in the code.
func (s source) mentions(word string) bool {
	return regexp.MustCompile(`\b` + regexp.QuoteMeta(word) + `\b`).MatchString(s.code)
}

// imports tells whether a module is imported.
func (s source) imports(module string) bool {
	return regexp.MustCompile(`(?m)^\s*(?:import\s+(?:[\w., ]+,\s*)?` + module + `\b|from\s+` + module + `[\w.]*\s+import\b)`).MatchString(s.code)
}
