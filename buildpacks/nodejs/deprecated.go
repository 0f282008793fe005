package nodejs

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// deprecation is what the author of a package says against a version of it. npm
// and pnpm note it in their lock files, and say nothing of it when they install
// what is locked; other lock files do not have it, and their package managers do
// not ask then.
type deprecation struct {
	name, version, reason string
}

// mostDeprecated bounds how many of them are told.
const mostDeprecated = 5

// tellDeprecated warns of packages whose authors advise against them: those that
// the app asks for itself come first.
func (t *moduleTree) tellDeprecated() {
	l, is := t.app.lock.(interface{ deprecated() []deprecation })
	if !is {
		return
	}
	found := l.deprecated()
	if len(found) == 0 {
		return
	}
	wants := map[string]bool{}
	for _, dir := range t.installed() {
		for _, w := range t.app.members[dir].wants() {
			wants[w.name] = true
		}
	}
	for _, w := range t.app.manifest.wants() {
		wants[w.name] = true
	}
	place := func(d deprecation) int {
		if wants[d.name] {
			return 0
		}
		return 1
	}
	slices.SortFunc(found, func(a, b deprecation) int {
		return cmp.Or(cmp.Compare(place(a), place(b)), cmp.Compare(a.name, b.name), cmp.Compare(a.version, b.version))
	})
	found = slices.Compact(found)
	lines := []string{"The authors of these packages advise against them:"}
	for _, d := range found[:min(mostDeprecated, len(found))] {
		lines = append(lines, fmt.Sprintf("  %s %s: %s", d.name, d.version, d.reason))
	}
	if more := len(found) - mostDeprecated; more > 0 {
		lines = append(lines, fmt.Sprintf("  and %d more", more))
	}
	t.b.Print.Warn("%s", strings.Join(lines, "\n"))
}

// deprecated are those that processes may need.
func (l lock) deprecated() []deprecation {
	var all []deprecation
	for place, p := range l.all() {
		if p.Deprecated == "" || p.Dev {
			continue
		}
		name := p.Name
		if name == "" {
			name = place[strings.LastIndex(place, "node_modules/")+len("node_modules/"):]
		}
		all = append(all, deprecation{name, p.Version, oneLine(string(p.Deprecated))})
	}
	return all
}

// deprecated are all of them: since version 9 of the form it does not say what
// only development needs.
func (l *pnpmLock) deprecated() []deprecation { return l.advised }

// pnpmDeprecated finds what authors say against packages, which stands below
// their names. A reason may be a text of several lines.
func pnpmDeprecated(data []byte) []deprecation {
	if !bytes.Contains(data, []byte("\n    deprecated: ")) {
		return nil
	}
	var all []deprecation
	name, reason := "", ""
	end := func() {
		if reason == "" {
			return
		}
		var doc struct {
			Deprecated string `yaml:"deprecated"`
		}
		if yaml.Unmarshal([]byte(reason), &doc) == nil && doc.Deprecated != "" {
			path, version := pnpmPackage(name)
			all = append(all, deprecation{path, version, oneLine(doc.Deprecated)})
		}
		reason = ""
	}
	for line := range bytes.Lines(data) {
		text := string(line)
		switch {
		case reason != "" && (strings.HasPrefix(text, "      ") || strings.TrimSpace(text) == ""):
			reason += text
		case strings.HasPrefix(text, "    deprecated: "):
			reason = text
		default:
			end()
			if key, is := strings.CutSuffix(strings.TrimSpace(text), ":"); is && strings.HasPrefix(text, "  ") && !strings.HasPrefix(text, "   ") {
				name = strings.Trim(key, "'\"")
			}
		}
	}
	end()
	return all
}

// pnpmPackage is the name and version of a key: a@1.0.0, /a@1.0.0(b@2.0.0),
// /@a/b/1.0.0.
func pnpmPackage(key string) (name, version string) {
	key, _, _ = strings.Cut(strings.TrimPrefix(key, "/"), "(")
	at := strings.LastIndexByte(key, '@')
	if at <= 0 {
		at = strings.LastIndexByte(key, '/')
	}
	if at <= 0 {
		return key, ""
	}
	return key[:at], key[at+1:]
}

// oneLine is a text as one line of a length that can be read.
func oneLine(text string) string {
	const most = 200
	text = strings.Join(strings.Fields(text), " ")
	if letters := []rune(text); len(letters) > most {
		return string(letters[:most]) + "..."
	}
	return text
}
