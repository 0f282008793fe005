package gemstest

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/slugc/slugc/stack/debian/control"
	"github.com/slugc/slugc/stack/debian/mirrortest"
	"github.com/slugc/slugc/stack/debian/repository"
)

// stackOf is the stack whose Debian the gems are of, olderStack one whose Debian
// has gems that were taken out of it since.
const (
	stackOf    = "slugc-13"
	olderStack = "slugc-12"
)

// usual are Debian packages with gems that apps of all kinds use.
func usual() []string {
	return []string{
		"ruby-rack", "ruby-rackup", "ruby-sinatra", "puma", "unicorn", "rake", "ruby-webrick", "ruby-base64",
		"ruby-railties", "racc", "ruby-sprockets", "ruby-rails-propshaft", "ruby-cssbundling-rails", "ruby-terser",
	}
}

// older are packages of the Debian before, with gems that run on any Ruby.
func older() []string { return []string{"ruby-sprockets-rails"} }

// settled are the versions that lock files of sample apps name. Debian mends
// gems within a release, and then has them under other numbers.
func settled() map[string]string {
	return map[string]string{
		"rack": "3.1.20", "rackup": "2.1.0", "sinatra": "4.1.1", "puma": "6.6.0", "unicorn": "6.1.0", "rake": "13.2.1", "webrick": "1.9.1",
		"base64": "0.2.0", "rack-session": "2.1.1", "rack-protection": "4.1.1", "mustermann": "3.0.0", "tilt": "2.4.0", "nio4r": "2.7.3",
		"raindrops": "0.20.0", "kgio": "2.11.0", "ruby2_keywords": "0.0.5",
		"railties": "7.2.2.2", "actionpack": "7.2.2.2", "actionview": "7.2.2.2", "activesupport": "7.2.2.2", "nokogiri": "1.18.2", "loofah": "2.24.0",
		"rails-html-sanitizer": "1.6.2", "rails-dom-testing": "2.2.0", "sprockets": "4.2.1", "sprockets-rails": "3.4.1", "propshaft": "1.1.0",
		"cssbundling-rails": "1.4.1", "terser": "1.2.5", "execjs": "2.8.1", "builder": "3.2.4", "concurrent-ruby": "1.3.5", "connection_pool": "2.4.1",
		"crass": "1.0.6", "erubi": "1.12.0", "i18n": "1.14.7", "minitest": "5.25.4", "mini_portile2": "2.8.7", "rack-test": "2.2.0", "thor": "1.3.2",
		"tzinfo": "2.0.6", "racc": "1.8.1", "useragent": "0.16.8", "zeitwerk": "2.6.8",
	}
}

// base is what no gem is in.
func base() []string {
	return []string{"ruby", "ruby3.3", "libruby3.3", "libruby", "ruby-rubygems", "rubygems-integration", "libc6", "bundler", "ruby-bundler"}
}

// Debian are the gems of Debian packages that apps of all kinds use, of those that
// these need, and some of the Debian before.
func Debian(t testing.TB) []Gem {
	t.Helper()
	from := mirrortest.Open(t)
	return append(gemsOf(t, from, stackOf, usual(), base()), gemsOf(t, from, olderStack, older(), []string{"ruby-sprockets", "ruby-actionpack", "ruby-activesupport"})...)
}

// gemsOf are the gems of packages of a stack's Debian, and of those that they need
// besides some.
func gemsOf(t testing.TB, from repository.Repository, of string, names, omit []string) []Gem {
	t.Helper()
	_, packages := mirrortest.Resolve(t, from, of, names, slices.DeleteFunc(omit, func(name string) bool { return slices.Contains(names, name) }))
	packages = slices.DeleteFunc(packages, func(p control.Package) bool {
		return !strings.HasPrefix(p.Name, "ruby-") && !strings.HasPrefix(p.Name, scripts) && !slices.Contains(names, p.Name)
	})
	files := mirrortest.Fetch(t, from, packages)
	var gems []Gem
	var linked []string
	for i, p := range packages {
		if strings.HasPrefix(p.Name, scripts) {
			linked = append(linked, files[i])
		}
	}
	for i, p := range packages {
		if !strings.HasPrefix(p.Name, scripts) {
			gems = append(gems, unpacked(t, append([]string{files[i]}, linked...))...)
		}
	}
	return gems
}

// scripts is how the names of packages with JavaScript begin, to which gems have
// links.
const scripts = "libjs-"

// unpacked are the gems of packages.
func unpacked(t testing.TB, files []string) []Gem {
	t.Helper()
	dir := mirrortest.Unpack(t, files...)
	var specs []string
	for _, pattern := range []string{"usr/share/rubygems-integration/*/specifications/*.gemspec", "usr/lib/*/rubygems-integration/*/specifications/*.gemspec"} {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		specs = append(specs, found...)
	}
	gems := make([]Gem, 0, len(specs))
	for _, spec := range specs {
		text, err := os.ReadFile(spec)
		if err != nil {
			t.Fatal(err)
		}
		g := readSpec(string(text))
		home := filepath.Dir(filepath.Dir(spec))
		number := g.Version
		if known := settled()[g.Name]; known != "" {
			g.Version = known
		}
		g.Files = map[string][]byte{}
		add(t, g.Files, filepath.Join(home, "gems", g.Name+"-"+number), "")
		extensions, err := filepath.Glob(filepath.Join(home, "extensions", "*", "*", g.Name+"-"+number))
		if err != nil {
			t.Fatal(err)
		}
		for _, from := range extensions {
			add(t, g.Files, from, "lib")
		}
		delete(g.Files, "lib/gem.build_complete")
		if len(g.Files) == 0 || len(g.Executables) > 0 && g.Files[g.Bindir+"/"+g.Executables[0]] == nil {
			// Its files lie where Debian's own Ruby looks for them.
			add(t, g.Files, filepath.Join(dir, "usr/lib/ruby/vendor_ruby"), "lib")
			libraries, err := filepath.Glob(filepath.Join(dir, "usr/lib/*/ruby/vendor_ruby/*"))
			if err != nil {
				t.Fatal(err)
			}
			for _, from := range libraries {
				add(t, g.Files, from, "lib")
			}
			for _, name := range g.Executables {
				if data, err := os.ReadFile(filepath.Join(dir, "usr/bin", name)); err == nil {
					g.Files[g.Bindir+"/"+name] = data
				}
			}
		}
		gems = append(gems, g)
	}
	return gems
}

// add adds the files of a directory, as those of another one.
func add(t testing.TB, to map[string][]byte, from, as string) {
	t.Helper()
	err := filepath.WalkDir(from, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		rel, err := filepath.Rel(from, name)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // a link into another package
		}
		to[filepath.ToSlash(filepath.Join(as, rel))] = data
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
}

// readSpec reads a specification as RubyGems writes it for what is installed.
func readSpec(text string) Gem {
	// What follows is for an older RubyGems, which took all dependencies for one kind.
	text, _, _ = strings.Cut(text, "\n  else\n")
	one := func(field string) string {
		match := regexp.MustCompile(`(?m)^  s\.` + field + ` = "([^"]*)"`).FindStringSubmatch(text)
		if match == nil {
			return ""
		}
		return match[1]
	}
	quoted := regexp.MustCompile(`"([^"]*)"`)
	many := func(field string) []string {
		var values []string
		if match := regexp.MustCompile(`(?m)^  s\.` + field + ` = \[(.*)\]`).FindStringSubmatch(text); match != nil {
			for _, value := range quoted.FindAllStringSubmatch(match[1], -1) {
				values = append(values, value[1])
			}
		}
		return values
	}
	g := Gem{
		Name: one("name"), Version: one("version"), Date: one("date"), Bindir: one("bindir"), Executables: many("executables"),
		RequirePaths: many("require_paths"), Licenses: many("licenses"), Dependencies: map[string]string{},
	}
	if g.Bindir == "" {
		g.Bindir = "bin"
	}
	for _, match := range regexp.MustCompile(`(?m)^\s+s\.add_(?:runtime_)?dependency\(%q<([^>]+)>\.freeze, \[(.*)\]\)`).FindAllStringSubmatch(text, -1) {
		var wanted []string
		for _, value := range quoted.FindAllStringSubmatch(match[2], -1) {
			if known := settled()[match[1]]; known != "" && strings.HasPrefix(value[1], "= ") {
				value[1] = "= " + known
			}
			wanted = append(wanted, value[1])
		}
		g.Dependencies[match[1]] = strings.Join(wanted, ", ")
	}
	return g
}
