package ruby

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/language/version"
)

// manifest is what can be seen of a Gemfile without running it.
type manifest struct {
	// gems are the gems that it names, with their requirements, "" where that is
	// not written out.
	gems map[string]string
	// plain tells whether it is a list of gems alone: nothing depends on a
	// condition, or is read from elsewhere.
	plain bool
	// ruby is the requirement on Ruby, rubyFile a file that has it.
	ruby, rubyFile string
	// namesRuby tells whether there is a requirement on Ruby, of any form.
	namesRuby bool
}

var (
	gemLine     = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\s*gem[\s(]\s*["']([A-Za-z0-9._-]+)["'](.*)$`) })
	wantedGem   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\s*,\s*["']\s*((?:[~<>=!]+\s*)?[0-9][^"']*)["']`) })
	rubyWish    = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\s*ruby[\s(]\s*((?:["'][^"']+["']\s*,?\s*)+)`) })
	rubyFromAll = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^\s*ruby[\s(]\s*(?::file\s*=>|file:)\s*["']([^"']+)["']`)
	})
	rubyWord   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\s*ruby\b`) })
	quotedText = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`["']([^"']+)["']`) })
	dynamic    = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`\b(?:if|unless|case|each|eval_gemfile|eval|instance_eval|gemspec|require|require_relative|load|def|install_if|env)\b|\?\s|\#\{`)
	})
)

// readGemfile reads a Gemfile.
func readGemfile(data []byte) manifest {
	m := manifest{gems: map[string]string{}, plain: true}
	for line := range strings.SplitSeq(string(data), "\n") {
		code := withoutComment(strings.TrimRight(line, "\r"))
		m.namesRuby = m.namesRuby || rubyWord().MatchString(code)
		if match := rubyFromAll().FindStringSubmatch(code); match != nil {
			m.rubyFile = match[1]
			continue
		}
		if match := rubyWish().FindStringSubmatch(code); match != nil && m.ruby == "" {
			var all []string
			for _, text := range quotedText().FindAllStringSubmatch(match[1], -1) {
				all = append(all, text[1])
			}
			m.ruby = strings.Join(all, ", ")
			continue
		}
		match := gemLine().FindStringSubmatch(code)
		if match == nil {
			// What options of a gem are called decides nothing.
			m.plain = m.plain && !dynamic().MatchString(code)
			continue
		}
		wanted, rest := "", match[2]
		if first := wantedGem().FindStringSubmatch(rest); first != nil {
			wanted = first[1]
			if wantedGem().MatchString(rest[len(first[0]):]) {
				wanted = "" // of several, the lock file has its own order
			}
		}
		// A condition, or another version of the same gem beside it.
		_, twice := m.gems[match[1]]
		m.plain = m.plain && !twice && !regexp.MustCompile(`\b(?:if|unless)\b|install_if|platforms?:|:platforms?\b`).MatchString(rest)
		m.gems[match[1]] = wanted
	}
	return m
}

// withoutComment is a line of Ruby without a comment at its end.
func withoutComment(line string) string {
	quote := rune(0)
	for i, r := range line {
		switch {
		case quote != 0:
			if r == quote {
				quote = 0
			}
		case r == '"' || r == '\'':
			quote = r
		case r == '#':
			return line[:i]
		}
	}
	return line
}

// stale refuses a lock file that was made for another Gemfile, as far as that
// can be seen without running it; Bundler looks again at all.
func (a app) stale() error {
	m, l := a.manifest, a.lock
	update := "make it again and commit it:\n  bundle lock\n  git add " + a.lockName + "\n  git commit -m \"Lock the gems\""
	if !m.plain {
		return nil
	}
	if l.ruby != "" && !m.namesRuby && len(m.gems) > 0 {
		return appfile.Error("%s is out of step with %s: it was made for Ruby %s, and that does not name one\nname its line, and lock again:\n  ruby \"~> %s.0\"    # in %s\n  bundle lock\n  git add %s %s",
			a.lockName, a.gemfile, l.ruby, version.Line(l.ruby), a.gemfile, a.gemfile, a.lockName)
	}
	for _, name := range sortedKeys(m.gems) {
		locked, there := l.dependencies[name]
		if !there {
			return appfile.Error("%s is out of step with %s: it was made without %s\n%s", a.lockName, a.gemfile, name, update)
		}
		if wanted := m.gems[name]; wanted != "" && !strings.Contains(locked, ",") && normalWish(wanted) != normalWish(locked) {
			return appfile.Error("%s is out of step with %s: that wants %s %s, and it was made for %s\n%s",
				a.lockName, a.gemfile, name, wanted, cmp.Or(locked, "any version"), update)
		}
	}
	for _, name := range sortedKeys(l.dependencies) {
		if _, there := m.gems[name]; !there && len(m.gems) > 0 {
			return appfile.Error("%s is out of step with %s: it was made with %s, which that does not name\n%s", a.lockName, a.gemfile, name, update)
		}
	}
	return nil
}

// normalWish is a requirement as Bundler writes it.
func normalWish(text string) string {
	text = strings.TrimSpace(text)
	at := strings.IndexFunc(text, func(r rune) bool { return !strings.ContainsRune("~<>=!", r) })
	if at <= 0 {
		return "= " + strings.TrimSpace(strings.TrimPrefix(text, "="))
	}
	return text[:at] + " " + strings.TrimSpace(text[at:])
}

// groupsWithout are the groups of gems that are not installed.
func groupsWithout(env map[string]string) string {
	if text := env["BUNDLE_WITHOUT"]; text != "" {
		groups := strings.FieldsFunc(text, func(r rune) bool { return r == ':' || r == ' ' || r == ',' })
		slices.Sort(groups)
		return strings.Join(slices.Compact(groups), ":")
	}
	return "development:test"
}
