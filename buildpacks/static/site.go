package static

import (
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

	"github.com/slugc/slugc/buildpacks/language/appfile"
)

// site is what is to be served, and how.
type site struct {
	// by is the file or variable that says so.
	by string
	// root is a directory below the app's, "" for the app's own.
	root string
	// index are the names of a directory's page.
	index []string
	// fallback answers with the root's page for what is no file.
	fallback bool
	cleanURLs, listing, httpsOnly, dotFiles, ssi,
	basicAuth bool
	// authFile has the users of basicAuth, below the app's directory.
	authFile string
	// hsts is the value of Strict-Transport-Security, "" for none.
	hsts      string
	encoding  string
	canonical string
	// prefix is a path below which the site lies, "" for none.
	prefix    string
	routes    []route
	redirects []redirect
	headers   []header
	proxies   []proxy
	// errorPages are pages by status.
	errorPages map[string]string
	// include are files with more of nginx.conf, below the app's directory.
	include   string
	accessLog bool
	errorLog  string
	// warnings are what a person should know of the settings.
	warnings []string
}

// route answers for paths of a pattern with one file, except for those that
// begin with a path.
type route struct{ pattern, file, except string }

// redirect sends a path, or those of a pattern, elsewhere.
type redirect struct {
	from, to string
	status   int
}

// header is set for paths of a pattern.
type header struct{ pattern, name, value string }

// proxy hands on what is below a path.
type proxy struct{ path, origin string }

// roots are the directories that are served when nobody says which, by their
// index.html.
var roots = []string{"", "public", "dist", "build", "public_html", "_site", "out"}

// The settings of Heroku's table in project.toml and of others when they name no
// directory.
const (
	herokuRoot  = "public_html"
	projectRoot = "public"
)

func newSite() site {
	return site{index: []string{"index.html", "index.htm"}, encoding: "utf-8", errorPages: map[string]string{}, accessLog: true, errorLog: "error"}
}

// readSite reads what the app says. None of its files is no error.
func readSite(dir string, env map[string]string) (s site, err error) {
	found, err := own(dir, env)
	if err != nil {
		return site{}, err
	}
	s = newSite()
	if len(found) > 0 {
		switch found[0] {
		case jsonFile:
			err = s.readJSON(dir)
		case staticFile:
			err = s.readStaticfile(dir)
		case projectFile:
			err = s.readProject(dir)
		}
	}
	if err != nil {
		return site{}, err
	}
	for _, other := range found[min(1, len(found)):] {
		if other != variable {
			s.warnings = append(s.warnings, fmt.Sprintf("%s does not count: %s comes first", other, s.by))
		}
	}
	if err := s.readVariables(env); err != nil {
		return site{}, err
	}
	if there, err := appfile.Exists(dir, authFile); err == nil && there && s.authFile == "" {
		s.basicAuth, s.authFile = true, authFile
	}
	return s, nil
}

// The files with settings.
const (
	jsonFile    = "static.json"
	staticFile  = "Staticfile"
	authFile    = "Staticfile.auth"
	projectFile = "project.toml"
	variable    = "BP_WEB_SERVER"
)

// own are the places in which the app says that it is a site.
func own(dir string, env map[string]string) ([]string, error) {
	found, err := appfile.Found(dir, jsonFile, staticFile)
	if err != nil {
		return nil, err
	}
	_, is, err := projectTable(dir)
	if err != nil {
		return nil, err
	}
	if is {
		found = append(found, projectFile)
	}
	if env[variable] != "" {
		found = append(found, variable)
	}
	return found, nil
}

// indexed are the directories that have a page, of those that are usual.
func indexed(dir string) ([]string, error) {
	var found []string
	for _, root := range roots {
		info, err := os.Stat(filepath.Join(dir, root, "index.html"))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("looking for an index.html: %w", err)
		}
		if info.Mode().IsRegular() {
			found = append(found, root)
		}
	}
	return found, nil
}

// readVariables reads Paketo's variables.
func (s *site) readVariables(env map[string]string) error {
	if server := env[variable]; server != "" {
		if s.by == "" {
			s.by, s.root = variable, projectRoot
		}
		if server != "nginx" {
			s.warnings = append(s.warnings, fmt.Sprintf("%s is %s, but it is nginx that serves the site", variable, server))
		}
	}
	if root := env["BP_WEB_SERVER_ROOT"]; root != "" {
		s.by = "BP_WEB_SERVER_ROOT"
		if err := s.setRoot(root); err != nil {
			return err
		}
	}
	if text := env["BP_WEB_SERVER_ENABLE_PUSH_STATE"]; text != "" {
		s.fallback = enabled(text)
	}
	if text := env["BP_WEB_SERVER_FORCE_HTTPS"]; text != "" {
		s.httpsOnly = enabled(text)
	}
	if text := strings.Trim(env["BP_WEB_SERVER_LOCATION_PATH"], "/"); text != "" {
		s.prefix = "/" + text
	}
	return nil
}

// enabled reads the words that people write for yes.
func enabled(text string) bool {
	return slices.Contains([]string{"true", "enabled", "1", "yes", "on", "visible"}, strings.ToLower(strings.TrimSpace(text)))
}

// setRoot takes a directory of the app.
func (s *site) setRoot(dir string) error {
	clean := path.Clean(filepath.ToSlash(strings.TrimSpace(dir)))
	if !filepath.IsLocal(clean) {
		return appfile.Error("%s names the directory %s, which is outside of the app\nexpected one below the app's, such as public", s.by, dir)
	}
	if s.root = clean; clean == "." {
		s.root = ""
	}
	return nil
}

// inherit takes what another buildpack says of the site that it builds, where
// the app itself says nothing.
func (s *site) inherit(metadata map[string]any) error {
	if root, is := metadata["root"].(string); is && root != "" && s.by == "" {
		s.by = "the buildpack that builds the site"
		if err := s.setRoot(root); err != nil {
			return err
		}
		if fallback, is := metadata["fallback"].(bool); is {
			s.fallback = fallback
		}
	}
	return nil
}

// check refuses settings that cannot be served. Later tells that the directory
// may come to be later in the build.
func (s *site) check(dir string, later bool) error {
	if err := s.checkValues(); err != nil {
		return err
	}
	full := filepath.Join(dir, filepath.FromSlash(s.root))
	info, err := os.Stat(full)
	switch {
	case errors.Is(err, fs.ErrNotExist) && later:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		found, err := indexed(dir)
		if err != nil {
			return err
		}
		hint := "commit the directory, or name the one that has the site"
		for _, one := range found {
			hint = fmt.Sprintf("there is an index.html in %s; name that directory in %s", shown(one), s.by)
			break
		}
		return appfile.Error("%s says that %s is served, which is not in the app\n%s", s.by, shown(s.root), hint)
	case err != nil:
		return fmt.Errorf("looking for the site: %w", err)
	case !info.IsDir():
		return appfile.Error("%s says that %s is served, which is a file\nname the directory that has the site", s.by, s.root)
	}
	if s.errorPages["404"] == "" {
		if there, err := appfile.Exists(full, "404.html"); err == nil && there {
			s.errorPages["404"] = "/404.html"
		}
	}
	return nil
}

// shown is a directory of the app for a person.
func shown(dir string) string {
	if dir == "" {
		return "the app's root"
	}
	return dir
}

// variableForm is how a value names a variable that is set when the site starts.
var variableForm = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)\}`) })

// dangerous are characters that end a quoted value in nginx.conf or begin
// something in it.
const dangerous = "\"'\\{};\r\n\x00"

// checkValues refuses values that would mean more to nginx than they say.
func (s *site) checkValues() error {
	for _, one := range s.values() {
		plain := variableForm().ReplaceAllString(one.value, "")
		if strings.ContainsAny(plain, dangerous) && !one.free || strings.ContainsAny(plain, "\r\n\x00") || strings.Contains(plain, "@@") {
			return appfile.Error("%s: %s has characters that may not stand there: %q\nwrite it without quotes, backslashes, semicolons and braces", s.by, one.what, one.value)
		}
		if strings.Contains(plain, "$") && !one.free {
			return appfile.Error("%s: %s has a $ in it: %q\nvariables that are set when the site starts are written ${NAME}", s.by, one.what, one.value)
		}
	}
	return nil
}

// named is a value and what it is. One that is free is quoted by who writes it.
type named struct {
	what, value string
	free        bool
}

// values are all texts of the settings that reach nginx.conf.
func (s *site) values() []named {
	all := []named{{what: "root", value: s.root}, {what: "encoding", value: s.encoding}, {what: "canonical_host", value: s.canonical},
		{what: "BP_WEB_SERVER_LOCATION_PATH", value: s.prefix}, {what: "the file with users", value: s.authFile}, {what: "location_include", value: s.include}}
	for _, name := range s.index {
		all = append(all, named{what: "index", value: name})
	}
	for status, page := range s.errorPages {
		all = append(all, named{what: "the page for " + status, value: page})
	}
	for _, r := range s.routes {
		all = append(all, named{what: "a route", value: r.pattern}, named{what: "a route", value: r.file}, named{what: "except of a route", value: r.except})
	}
	for _, r := range s.redirects {
		all = append(all, named{what: "a redirect", value: r.from}, named{what: "a redirect", value: r.to})
	}
	for _, h := range s.headers {
		all = append(all, named{what: "the path of a header", value: h.pattern}, named{what: "the name of a header", value: h.name}, named{what: "the header " + h.name, value: h.value, free: true})
	}
	for _, p := range s.proxies {
		all = append(all, named{what: "the path of a proxy", value: p.path}, named{what: "an origin", value: p.origin})
	}
	return all
}
