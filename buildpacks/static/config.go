package static

import (
	_ "embed"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// general is what every site has. Words like @@PORT@@ are filled in by the start
// script with its variables of these names. Those of the app have "env_" in
// front.
//
//go:embed nginx.conf
var general string

// writer writes nginx.conf.
type writer struct {
	text  strings.Builder
	depth int
}

func (w *writer) line(format string, args ...any) {
	w.text.WriteString(strings.Repeat("\t", w.depth))
	fmt.Fprintf(&w.text, format, args...)
	w.text.WriteString("\n")
}

// block writes a line, and what stands in it.
func (w *writer) block(head string, inside func()) {
	w.line("%s {", head)
	w.depth++
	inside()
	w.depth--
	w.line("}")
}

// config is the nginx.conf of a site, with words that are filled in when it
// starts.
func (s site) config() string {
	var w writer
	w.line("error_log stderr %s;", s.errorLog)
	w.text.WriteString(strings.TrimPrefix(general, "\n"))
	w.depth++
	s.writeMaps(&w)
	w.block("server", func() { s.writeServer(&w) })
	w.depth--
	w.line("}")
	return w.text.String()
}

// writeMaps writes what is looked up by paths.
func (s site) writeMaps(w *writer) {
	w.line("charset %s;", s.encoding)
	if s.accessLog {
		w.line(`access_log "@@run@@/access.log" short;`)
	} else {
		w.line("access_log off;")
	}
	for _, m := range headerMaps(s.headers) {
		w.block("map $path_asked $"+m.Variable, func() {
			w.line("default %s;", m.Standard)
			for _, l := range m.Lines {
				w.line("%s %s;", l.Key, l.Value)
			}
		})
	}
	lines := s.routeLines()
	if len(lines) == 0 {
		return
	}
	w.block("map $uri $route", func() {
		// There is no such file: names that begin with a dot are not served.
		w.line(`default "/.none";`)
		for _, r := range lines {
			w.line("%s %s;", verbatim("~"+r.Regexp), quote(r.File))
		}
	})
}

// writeServer writes what the site answers.
func (s site) writeServer(w *writer) {
	w.line("listen @@PORT@@;")
	w.line("server_name _;")
	w.line("root %s;", quote("${SLUGC_APP}/"+s.root))
	w.line("index %s;", strings.Join(s.index, " "))
	for _, m := range headerMaps(s.headers) {
		w.line("add_header %s $%s always;", m.Name, m.Variable)
	}
	if s.hsts != "" {
		w.line("add_header Strict-Transport-Security %s always;", quote(s.hsts))
	}
	w.line(`add_header Last-Modified "";`)
	for _, p := range pages(s.errorPages) {
		w.line("error_page %s %s;", strings.Join(p.Statuses, " "), quote(p.Page))
	}
	w.line("@@auth@@")
	if s.listing {
		w.line("autoindex on;")
	}
	if s.ssi {
		w.line("ssi on;")
	}
	s.writeElsewhere(w)
	s.writeProxies(w)
	s.writeHidden(w)
	w.block("location /", func() {
		if s.include != "" {
			w.line("include %s;", quote("${SLUGC_APP}/"+includes+"/"+s.include))
		}
		files := "$uri"
		if s.cleanURLs {
			files += " $uri.html"
		}
		files += " $uri/"
		if len(s.routeLines()) > 0 {
			files += " $route"
		}
		w.line("try_files %s =404;", files)
	})
}

// writeElsewhere writes what sends people to another address.
func (s site) writeElsewhere(w *writer) {
	if s.httpsOnly {
		w.block("if ($scheme_outside != https)", func() { w.line("return 301 https://$host$request_uri;") })
	}
	if s.canonical != "" {
		w.block("if ($host != "+quote(s.canonical)+")", func() {
			w.line("return 301 $scheme_outside://%s$request_uri;", fill(s.canonical))
		})
	}
	if s.prefix != "" {
		w.line("rewrite %s %s permanent;", verbatim("^"+regexp.QuoteMeta(s.prefix)+"$"), quote(s.prefix+"/"))
		w.line("rewrite %s $1;", verbatim("^"+regexp.QuoteMeta(s.prefix)+"(/.*)$"))
	}
	if s.cleanURLs {
		// Two slashes, or a slash and a backslash, would lead to another host.
		w.block("if ($request_uri ~ "+verbatim(`^(/(?![/\\])(?:[^?]*/)?)index\.html(?:\?.*)?$`)+")", func() { w.line("return 301 $1$is_args$args;") })
		w.block("if ($request_uri ~ "+verbatim(`^(/(?![/\\])[^?]*)\.html(?:\?.*)?$`)+")", func() { w.line("return 301 $1$is_args$args;") })
	}
	for _, r := range s.redirects {
		place := "location = " + quote(r.from)
		if strings.Contains(r.from, "*") {
			place = "location ~ " + verbatim(patternRegexp(r.from))
		}
		w.block(place, func() { w.line("return %d %s;", r.status, quote(r.to)) })
	}
}

// writeProxies writes what is handed on to others.
func (s site) writeProxies(w *writer) {
	if len(s.proxies) > 0 {
		w.line("resolver @@resolvers@@;")
	}
	for _, p := range s.proxies {
		to := originOf(p)
		w.block("location ^~ "+quote(p.path), func() {
			// A name in a variable is looked up again, and need not be known
			// when the site starts.
			w.line("set $origin %s;", quote(to.Base))
			w.line("rewrite %s %s break;", verbatim("^"+regexp.QuoteMeta(p.path)+"(.*)$"), `"`+to.Path+`/$1"`)
			w.line("proxy_pass $origin;")
			w.line("@@tls@@")
			w.line("@@auth_proxy@@")
			for _, h := range [][2]string{
				{"Host", quote(to.Host)}, {"X-Real-IP", "$remote_addr"}, {"X-Forwarded-Host", "$host"},
				{"X-Forwarded-Proto", "$scheme_outside"}, {"X-Forwarded-For", "$proxy_add_x_forwarded_for"},
				{"Upgrade", "$http_upgrade"}, {"Connection", "$connection_upgrade"},
			} {
				w.line("proxy_set_header %s %s;", h[0], h[1])
			}
			w.line("proxy_redirect %s %s;", `"`+to.Base+to.Path+`/"`, quote(p.path))
		})
	}
}

// writeHidden writes what nobody sees: files that are the app's own business.
func (s site) writeHidden(w *writer) {
	hidden := []string{`/\.(?:git|slugc|profile\.d)(?:/|$)`}
	if !s.dotFiles {
		hidden = append(hidden, `/\.(?!well-known(?:/|$))`)
	}
	if s.root == "" {
		hidden = append(hidden, `^/(?:static\.json|Staticfile|Staticfile\.auth|project\.toml|Procfile|app\.json|package\.json|package-lock\.json|node_modules/.*)$`)
	}
	for _, pattern := range hidden {
		w.block("location ~ "+verbatim(pattern), func() { w.line("return 404;") })
	}
}

// statusPage is a page with all statuses that it is for.
type statusPage struct {
	Statuses []string
	Page     string
}

// pages are the error pages, each with its statuses.
func pages(byStatus map[string]string) []statusPage {
	statuses := map[string][]string{}
	for _, status := range slices.Sorted(maps.Keys(byStatus)) {
		statuses[byStatus[status]] = append(statuses[byStatus[status]], status)
	}
	var all []statusPage
	for _, page := range slices.Sorted(maps.Keys(statuses)) {
		all = append(all, statusPage{statuses[page], page})
	}
	return all
}

// routeLine is a line of the map from paths to the files that answer for them.
type routeLine struct{ Regexp, File string }

// asset is the end of the path of a file that a page loads. Where it is missing,
// an app's page in its place would only hide that.
const asset = `\.(?:css|js|mjs|map|json|wasm|xml|txt|ico|svg|png|jpe?g|gif|webp|avif|woff2?|ttf|otf|eot|mp4|webm|mp3|pdf|zip|gz)$`

func (s site) routeLines() []routeLine {
	var lines []routeLine
	for _, r := range s.routes {
		guard := ""
		if r.except != "" {
			guard = "(?!" + globRegexp(rootedPath(r.except)) + ")"
		}
		lines = append(lines, routeLine{"^" + guard + globRegexp(r.pattern) + "$", r.file})
	}
	if s.fallback {
		lines = append(lines, routeLine{"^(?!.*" + asset + ")", "/" + s.index[0]})
	}
	return lines
}

// patternRegexp is the expression of nginx for a pattern of paths.
func patternRegexp(pattern string) string { return "^" + globRegexp(pattern) + "$" }

// globRegexp is a pattern in which * is within one part of a path, and ** any
// number of them.
func globRegexp(pattern string) string {
	if pattern == "*" {
		return ".*"
	}
	var text strings.Builder
	for {
		at := strings.Index(pattern, "*")
		if at < 0 {
			text.WriteString(regexp.QuoteMeta(pattern))
			return text.String()
		}
		text.WriteString(regexp.QuoteMeta(pattern[:at]))
		pattern = pattern[at+1:]
		if rest, deep := strings.CutPrefix(pattern, "*"); deep {
			text.WriteString(".*")
			pattern = rest
		} else {
			text.WriteString("[^/]*")
		}
	}
}

// verbatim is an expression as nginx reads it.
func verbatim(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}

// quote is a text as nginx reads it, in which variables of the start are filled
// in and a dollar sign is one.
func quote(text string) string {
	text = strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(fill(text))
	return `"` + strings.ReplaceAll(text, "$", "${dollar}") + `"`
}

// fill names the variables in a text as the start script knows them.
func fill(text string) string { return variableForm().ReplaceAllString(text, "@@env_$1@@") }

// variables are those that the site takes from its environment when it starts.
func (s site) variables() []string {
	var names []string
	for _, one := range s.values() {
		for _, match := range variableForm().FindAllStringSubmatch(one.value, -1) {
			names = append(names, match[1])
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// headerMap is the map from the path of a request to the value of one header.
type headerMap struct {
	Name, Variable string
	// Standard is the map to ask where no line fits, Lines those of the app.
	Standard string
	Lines    []mapLine
}

type mapLine struct{ Key, Value string }

// headerMaps are the maps of all headers, by name.
func headerMaps(headers []header) []headerMap {
	byName := map[string]*headerMap{}
	var order []string
	for _, h := range headers {
		key := strings.ToLower(h.name)
		m := byName[key]
		if m == nil {
			m = &headerMap{Name: h.name, Variable: fmt.Sprintf("header_%d", len(byName)), Standard: `""`}
			byName[key] = m
			order = append(order, key)
		}
		line := mapLine{Key: verbatim("~" + patternRegexp(h.pattern)), Value: quote(h.value)}
		if !slices.ContainsFunc(m.Lines, func(l mapLine) bool { return l.Key == line.Key }) {
			m.Lines = append(m.Lines, line)
		}
	}
	const cache = "cache-control"
	if byName[cache] == nil {
		byName[cache] = &headerMap{Name: "Cache-Control", Variable: fmt.Sprintf("header_%d", len(byName))}
		order = append(order, cache)
	}
	byName[cache].Standard = "$cache_standard"
	slices.Sort(order)
	var all []headerMap
	for _, key := range order {
		all = append(all, *byName[key])
	}
	return all
}

// origin is where a proxy hands on.
type origin struct {
	// Base is scheme and host, Path what stands in front of the rest of a
	// request's path, Host the name for the Host header.
	Base, Path, Host string
}

// originOf takes the address of a proxy apart. The start script does so with one
// that a variable holds: @@base_NAME@@, @@path_NAME@@, @@host_NAME@@.
func originOf(p proxy) origin {
	if match := variableForm().FindStringSubmatch(p.origin); match != nil {
		return origin{Base: "@@base_" + match[1] + "@@", Path: "@@path_" + match[1] + "@@", Host: "@@host_" + match[1] + "@@"}
	}
	u, err := url.Parse(p.origin)
	if err != nil {
		return origin{} // It was read before.
	}
	return origin{Base: u.Scheme + "://" + u.Host, Path: strings.TrimSuffix(u.EscapedPath(), "/"), Host: u.Host}
}

// origins are the variables that hold the address of a proxy.
func (s site) origins() []string {
	var names []string
	for _, p := range s.proxies {
		if match := variableForm().FindStringSubmatch(p.origin); match != nil {
			names = append(names, match[1])
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
