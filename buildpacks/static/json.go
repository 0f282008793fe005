package static

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/slugc/slugc/buildpacks/language/appfile"
)

// staticJSON are the settings of Heroku's buildpack for static sites.
type staticJSON struct {
	Root      string `json:"root"`
	Encoding  string `json:"encoding"`
	CleanURLs bool   `json:"clean_urls"`
	HTTPSOnly bool   `json:"https_only"`
	BasicAuth bool   `json:"basic_auth"`
	// AuthPath may be absolute, below /app.
	AuthPath  string                       `json:"basic_auth_htpasswd_path"`
	Canonical string                       `json:"canonical_host"`
	ErrorPage string                       `json:"error_page"`
	Routes    map[string]jsonRoute         `json:"routes"`
	Redirects map[string]jsonRedirect      `json:"redirects"`
	Headers   map[string]map[string]string `json:"headers"`
	Proxies   map[string]jsonProxy         `json:"proxies"`
	Logging   struct {
		Access *bool  `json:"access"`
		Error  string `json:"error"`
	} `json:"logging"`
}

// known are the keys of a static.json, with why some do nothing.
var known = map[string]string{
	"root": "", "encoding": "", "clean_urls": "", "https_only": "", "basic_auth": "", "basic_auth_htpasswd_path": "", "canonical_host": "",
	"error_page": "", "routes": "", "redirects": "", "headers": "", "proxies": "", "logging": "",
	"worker_connections": "nginx takes as many connections as it may have files open",
	"resolver":           "names are looked up where the machine looks them up",
	"debug":              "set logging.error to info in its place",
	"port":               "the site listens on $PORT",
}

// jsonRoute is a file, or an object with one.
type jsonRoute struct {
	Path   string `json:"path"`
	Except string `json:"except"`
}

// UnmarshalJSON implements json.Unmarshaler.
func (r *jsonRoute) UnmarshalJSON(data []byte) error {
	if json.Unmarshal(data, &r.Path) == nil {
		return nil
	}
	type object jsonRoute
	return json.Unmarshal(data, (*object)(r))
}

// jsonRedirect is an address, or an object with one.
type jsonRedirect struct {
	URL    string `json:"url"`
	Status int    `json:"status"`
}

// UnmarshalJSON implements json.Unmarshaler.
func (r *jsonRedirect) UnmarshalJSON(data []byte) error {
	if json.Unmarshal(data, &r.URL) == nil {
		return nil
	}
	type object jsonRedirect
	return json.Unmarshal(data, (*object)(r))
}

type jsonProxy struct {
	Origin string `json:"origin"`
}

// readJSON reads static.json.
func (s *site) readJSON(dir string) error {
	data, err := appfile.Read(dir, jsonFile)
	if err != nil {
		return err
	}
	return s.parseJSON(data)
}

func (s *site) parseJSON(data []byte) error {
	s.by = jsonFile
	keys := map[string]json.RawMessage{}
	if err := appfile.JSON(jsonFile, data, &keys); err != nil {
		return err
	}
	var j staticJSON
	if err := appfile.JSON(jsonFile, data, &j); err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		why, is := known[strings.ToLower(key)]
		switch {
		case !is:
			s.warnings = append(s.warnings, fmt.Sprintf("%s has a key %q that nobody knows; known are %s", jsonFile, key, strings.Join(slices.Sorted(maps.Keys(known)), ", ")))
		case why != "":
			s.warnings = append(s.warnings, fmt.Sprintf("%s: %s does nothing: %s", jsonFile, key, why))
		}
	}
	if j.Root == "" {
		j.Root = herokuRoot
	}
	if err := s.setRoot(j.Root); err != nil {
		return err
	}
	if j.Encoding != "" {
		s.encoding = j.Encoding
	}
	s.cleanURLs, s.httpsOnly, s.canonical = j.CleanURLs, j.HTTPSOnly, j.Canonical
	if j.BasicAuth || j.AuthPath != "" {
		s.basicAuth, s.authFile = true, strings.TrimPrefix(j.AuthPath, "/app/")
	}
	if j.ErrorPage != "" {
		for _, status := range []string{"404", "500", "502", "503", "504"} {
			s.errorPages[status] = rootedPath(j.ErrorPage)
		}
	}
	if j.Logging.Access != nil {
		s.accessLog = *j.Logging.Access
	}
	if j.Logging.Error != "" {
		if !slices.Contains([]string{"debug", "info", "notice", "warn", "error", "crit", "alert", "emerg"}, j.Logging.Error) {
			return appfile.Error("%s: logging.error is %q\nexpected debug, info, notice, warn, error, crit, alert or emerg", jsonFile, j.Logging.Error)
		}
		s.errorLog = j.Logging.Error
	}
	return s.addJSON(j)
}

// addJSON takes the settings of a static.json that are lists.
func (s *site) addJSON(j staticJSON) error {
	for pattern, r := range j.Routes {
		if r.Path == "" {
			return appfile.Error("%s: the route %q names no file\nexpected a file of the site:\n  \"routes\": {%q: \"index.html\"}", jsonFile, pattern, pattern)
		}
		s.routes = append(s.routes, route{pattern: rootedPath(pattern), file: rootedPath(r.Path), except: r.Except})
	}
	for from, r := range j.Redirects {
		if r.URL == "" {
			return appfile.Error("%s: the redirect of %q names no url\nexpected where it leads:\n  \"redirects\": {%q: {\"url\": \"/new/\"}}", jsonFile, from, from)
		}
		if r.Status == 0 {
			r.Status = 301
		}
		if !slices.Contains([]int{301, 302, 303, 307, 308}, r.Status) {
			return appfile.Error("%s: the redirect of %q has the status %d\nexpected 301, 302, 303, 307 or 308", jsonFile, from, r.Status)
		}
		s.redirects = append(s.redirects, redirect{from: rootedPath(from), to: r.URL, status: r.Status})
	}
	for pattern, set := range j.Headers {
		for name, value := range set {
			if err := s.addHeader(pattern, name, value); err != nil {
				return err
			}
		}
	}
	for path, p := range j.Proxies {
		if err := s.addProxy(path, p.Origin); err != nil {
			return err
		}
	}
	s.sort()
	return nil
}

// addHeader takes a header for paths of a pattern.
func (s *site) addHeader(pattern, name, value string) error {
	if name == "" || strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
		return appfile.Error("%s: %q is no name of a header\nexpected letters, digits and dashes", s.by, name)
	}
	if pattern != "*" {
		pattern = rootedPath(pattern)
	}
	s.headers = append(s.headers, header{pattern: pattern, name: name, value: value})
	return nil
}

// addProxy takes a path that is handed on.
func (s *site) addProxy(path, origin string) error {
	u, err := url.Parse(variableForm().ReplaceAllString(origin, "http://localhost"))
	if origin == "" || err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.User != nil {
		return appfile.Error("%s: the proxy of %q has no origin to which it hands on: %q\nexpected an address, or a variable that holds one:\n"+
			"  \"proxies\": {%q: {\"origin\": \"https://api.example.com/\"}}", s.by, path, origin, path)
	}
	if variableForm().MatchString(origin) && variableForm().FindString(origin) != origin {
		return appfile.Error("%s: the origin of the proxy of %q mixes a variable with other text: %s\nexpected an address, or one variable that holds one: ${API_URL}", s.by, path, origin)
	}
	s.proxies = append(s.proxies, proxy{path: strings.TrimSuffix(rootedPath(path), "/") + "/", origin: origin})
	return nil
}

// sort puts longer patterns first: they say more.
func (s *site) sort() {
	longer := func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	}
	slices.SortFunc(s.routes, func(a, b route) int { return longer(a.pattern, b.pattern) })
	slices.SortFunc(s.redirects, func(a, b redirect) int { return longer(a.from, b.from) })
	slices.SortFunc(s.proxies, func(a, b proxy) int { return longer(a.path, b.path) })
	slices.SortFunc(s.headers, func(a, b header) int {
		if order := longer(a.pattern, b.pattern); order != 0 {
			return order
		}
		return strings.Compare(a.name, b.name)
	})
}

// rootedPath is a path of the site with the slash in front.
func rootedPath(path string) string { return "/" + strings.TrimPrefix(strings.TrimSpace(path), "/") }

// statusOf reads the status of an error page.
func statusOf(text string) (string, bool) {
	n, err := strconv.Atoi(text)
	return strconv.Itoa(n), err == nil && n >= 300 && n <= 599
}
