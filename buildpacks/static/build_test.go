package static_test

import (
	"testing"

	"github.com/slugc/slugc/buildpacks/language/languagetest"
	"github.com/slugc/slugc/buildpacks/static"
)

// build runs the build phase in a directory without a stack, so that no nginx
// can be had.
func build(t *testing.T, files, env map[string]string) (string, error) {
	t.Helper()
	s := languagetest.New(t, static.TOML)
	s.Plan, s.Env = "[[entries]]\nname = \"static\"\n", env
	s.Write(files)
	return s.Build(t.Context(), static.Build)
}

// What cannot be served is refused before anything is downloaded.
func TestRefused(t *testing.T) {
	for name, test := range map[string]struct {
		files, env map[string]string
		says       []string
	}{
		"a static.json that is not valid": {files: map[string]string{"static.json": "{\n  \"root\": \"x\",\n}\n"},
			says: []string{"static.json is not valid JSON\nline 3, column 1: ", "\n  }\n  ^"}},
		"an empty static.json":         {files: map[string]string{"static.json": ""}, says: []string{"static.json is empty"}},
		"a value of another type":      {files: map[string]string{"static.json": `{"clean_urls": "yes"}`}, says: []string{`static.json: "clean_urls" is a string, which it must not be`, "line 1, column "}},
		"an unfinished merge":          {files: map[string]string{"static.json": "<<<<<<< HEAD\n"}, says: []string{"static.json holds an unfinished merge\nline 1: "}},
		"a root that is not there":     {files: map[string]string{"static.json": `{"root": "dist"}`, "public/index.html": ""}, says: []string{"static.json says that dist is served, which is not in the app", "there is an index.html in public; name that directory in static.json"}},
		"the default root":             {files: map[string]string{"static.json": `{}`}, says: []string{"static.json says that public_html is served, which is not in the app"}},
		"a root that is a file":        {files: map[string]string{"static.json": `{"root": "dist"}`, "dist": ""}, says: []string{"static.json says that dist is served, which is a file"}},
		"a root outside of the app":    {files: map[string]string{"static.json": `{"root": "../x"}`}, says: []string{"static.json names the directory ../x, which is outside of the app"}},
		"an absolute root":             {env: map[string]string{"BP_WEB_SERVER_ROOT": "/etc"}, says: []string{"BP_WEB_SERVER_ROOT names the directory /etc, which is outside of the app"}},
		"a proxy without an origin":    {files: map[string]string{"static.json": `{"root": ".", "proxies": {"/api/": {}}}`}, says: []string{`static.json: the proxy of "/api/" has no origin`, `  "proxies": {"/api/": {"origin": "https://api.example.com/"}}`}},
		"an origin that is no address": {files: map[string]string{"static.json": `{"root": ".", "proxies": {"/api/": {"origin": "api.example.com"}}}`}, says: []string{`has no origin to which it hands on: "api.example.com"`}},
		"an origin of several parts":   {files: map[string]string{"static.json": `{"root": ".", "proxies": {"/api/": {"origin": "https://a/${X}"}}}`}, says: []string{"mixes a variable with other text"}},
		"a redirect to nowhere":        {files: map[string]string{"static.json": `{"root": ".", "redirects": {"/old": {"status": 302}}}`}, says: []string{`the redirect of "/old" names no url`}},
		"a redirect that is none":      {files: map[string]string{"static.json": `{"root": ".", "redirects": {"/old": {"url": "/", "status": 200}}}`}, says: []string{"has the status 200", "expected 301, 302, 303, 307 or 308"}},
		"a route to nothing":           {files: map[string]string{"static.json": `{"root": ".", "routes": {"/**": {"except": "/a"}}}`}, says: []string{`the route "/**" names no file`, `  "routes": {"/**": "index.html"}`}},
		"a header that is none":        {files: map[string]string{"static.json": `{"root": ".", "headers": {"/": {"X Y": "z"}}}`}, says: []string{`"X Y" is no name of a header`}},
		"a value that says more":       {files: map[string]string{"static.json": `{"root": ".", "canonical_host": "a; } evil"}`}, says: []string{"canonical_host has characters that may not stand there"}},
		"a dollar sign":                {files: map[string]string{"static.json": `{"root": ".", "redirects": {"/a": "/$host"}}`}, says: []string{"a redirect has a $ in it", "${NAME}"}},
		"a line end in a header":       {files: map[string]string{"static.json": `{"root": ".", "headers": {"/": {"X": "a\nb"}}}`}, says: []string{"the header X has characters"}},
		"an unknown level":             {files: map[string]string{"static.json": `{"root": ".", "logging": {"error": "loud"}}`}, says: []string{`logging.error is "loud"`, "expected debug, info,"}},
		"a Staticfile that is no YAML": {files: map[string]string{"Staticfile": "root: public\n\tx: y\n"}, says: []string{"Staticfile is not"}},
		"a status that is none":        {files: map[string]string{"Staticfile": "status_codes:\n  abc: /x.html\n"}, says: []string{`Staticfile: "abc" is no status with a page`}},
		"statuses that are none":       {files: map[string]string{"Staticfile": "status_codes: x\n"}, says: []string{"Staticfile: status_codes is \"x\"", "  status_codes:\n    404: /404.html"}},
		"a table of another type":      {files: map[string]string{"project.toml": "[com.heroku.static-web-server]\nroot = 1\n"}, says: []string{"project.toml"}},
		"an error without a page":      {files: map[string]string{"project.toml": "[com.heroku.static-web-server]\nroot = \".\"\n[com.heroku.static-web-server.errors.404]\nstatus = 200\n"}, says: []string{"project.toml: errors.404 names no file_path"}},
		"no page":                      {files: map[string]string{"x.html": ""}, says: []string{"there is no index.html in the app's root, in public, dist or build", `  echo '{"root": "DIRECTORY"}' > static.json`}},
		"a version of nginx that is none": {files: map[string]string{"index.html": ""}, env: map[string]string{"BP_NGINX_VERSION": "new, please"},
			says: []string{`BP_NGINX_VERSION "new, please" does not say which nginx to use`}},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := build(t, test.files, test.env)
			languagetest.Refused(t, out, err, test.says...)
		})
	}
}

func TestSaysWhatDoesNothing(t *testing.T) {
	out, err := build(t, map[string]string{
		"static.json": `{"root": ".", "rooot": "x", "resolver": "1.1.1.1"}`, "Staticfile": "",
	}, map[string]string{"BP_WEB_SERVER": "httpd"})
	if err == nil {
		t.Fatal("there is a stack")
	}
	languagetest.Holds(t, out, "the app's root is served (static.json)", "Staticfile does not count: static.json comes first", `static.json has a key "rooot" that nobody knows; known are basic_auth, `,
		"static.json: resolver does nothing", "BP_WEB_SERVER is httpd, but it is nginx that serves the site")
	languagetest.Holds(t, err.Error(), "slugc build --stack")
}
