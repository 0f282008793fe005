package ruby

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const wholeLock = `GIT
  remote: https://git.example.com/one.git
  revision: 0123456789abcdef
  branch: main
  specs:
    one (1.0.0)
      rack

PATH
  remote: vendor/two
  specs:
    two (0.1.0)

GEM
  remote: https://gems.example.com/
  specs:
    nokogiri (1.18.0)
      racc (~> 1.4)
    nokogiri (1.18.0-x86_64-linux-gnu)
      racc (~> 1.4)
    racc (1.8.1)
    rack (3.1.20)

PLATFORMS
  ruby
  x86_64-linux

DEPENDENCIES
  nokogiri (>= 1.16)
  one!
  rack (~> 3.1)
  two!

CHECKSUMS
  rack (3.1.20) sha256=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
  racc (1.8.1)

RUBY VERSION
   ruby 3.3.8p144

BUNDLED WITH
   2.6.7
`

func TestReadLock(t *testing.T) {
	l, err := readLock(gemfileLock, []byte(wholeLock))
	if err != nil {
		t.Fatal(err)
	}
	const index = "https://gems.example.com/"
	want := []lockedGem{
		{name: "one", version: "1.0.0", kind: fromGit, remote: "https://git.example.com/one.git", needs: []string{"rack"}},
		{name: "two", version: "0.1.0", kind: fromPath, remote: "vendor/two"},
		{name: "nokogiri", version: "1.18.0", kind: fromIndex, remote: index, needs: []string{"racc"}},
		{name: "nokogiri", version: "1.18.0", platform: "x86_64-linux-gnu", kind: fromIndex, remote: index, needs: []string{"racc"}},
		{name: "racc", version: "1.8.1", kind: fromIndex, remote: index},
		{name: "rack", version: "3.1.20", kind: fromIndex, remote: index},
	}
	if diff := cmp.Diff(want, l.gems, cmp.AllowUnexported(lockedGem{})); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"nokogiri": ">= 1.16", "one": "", "rack": "~> 3.1", "two": ""}, l.dependencies); diff != "" {
		t.Error(diff)
	}
	if l.ruby != "3.3.8" || l.bundler != "2.6.7" || len(l.sums) != 1 || len(l.sums["rack-3.1.20"]) != 64 || strings.Join(l.platforms, " ") != "ruby x86_64-linux" {
		t.Errorf("got %+v", l)
	}
	if foreign := l.foreign("x86_64-linux"); len(foreign) > 0 {
		t.Errorf("got %v", foreign)
	}
	if fitted, why := l.fitted(wholeLock, "x86_64-linux"); fitted != wholeLock || why != "" {
		t.Errorf("got %s", why)
	}
}

func TestGemfile(t *testing.T) {
	for text, want := range map[string]manifest{
		"ruby '3.3.1'\ngem \"rack\", \"~> 3.1\" # a server\n":               {gems: map[string]string{"rack": "~> 3.1"}, plain: true, ruby: "3.3.1", namesRuby: true},
		"ruby \">= 3.2\", \"< 3.5\"\n":                                      {gems: map[string]string{}, plain: true, ruby: ">= 3.2, < 3.5", namesRuby: true},
		"ruby file: '.ruby-version'\n":                                      {gems: map[string]string{}, plain: true, rubyFile: ".ruby-version", namesRuby: true},
		"group :test do\n  gem 'rspec', '>= 3', '< 4', require: false\nend": {gems: map[string]string{"rspec": ""}, plain: true},
		"gem 'x', path: 'vendor/x'\n":                                       {gems: map[string]string{"x": ""}, plain: true},
		"gem('x', '1.0')\n":                                                 {gems: map[string]string{"x": "1.0"}, plain: true},
		"gem 'x' if ENV['X']\n":                                             {gems: map[string]string{"x": ""}},
		"if ENV['X']\n  gem 'x'\nend\n":                                     {gems: map[string]string{"x": ""}},
		"gemspec\n":                                                         {gems: map[string]string{}},
		"gem 'x', platforms: %i[mswin]\n":                                   {gems: map[string]string{"x": ""}},
		"%w[a b].each { |n| gem n }\n":                                      {gems: map[string]string{}},
		"# gem 'x'\n":                                                       {gems: map[string]string{}, plain: true},
	} {
		if diff := cmp.Diff(want, readGemfile([]byte(text)), cmp.AllowUnexported(manifest{})); diff != "" {
			t.Errorf("%s\n%s", text, diff)
		}
	}
}

func FuzzReadLock(f *testing.F) {
	for _, text := range []string{wholeLock, "", "GEM\n", "GEM\r\n  specs:\r\n    a (1)\r\n\r\nPLATFORMS\r\n  x64-mingw32\r\n", "PLATFORMS\n", "x"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		l, err := readLock(gemfileLock, []byte(text))
		if err != nil {
			return
		}
		fitted, _ := l.fitted(text, "x86_64-linux")
		again, err := readLock(gemfileLock, []byte(fitted))
		if err != nil {
			t.Fatalf("%q does not read: %v", fitted, err)
		}
		if len(again.gems) != len(l.gems) {
			t.Errorf("%q has %d gems, %q has %d", text, len(l.gems), fitted, len(again.gems))
		}
	})
}

func FuzzReadGemfile(f *testing.F) {
	for _, text := range []string{"gem 'a'\n", "ruby '3.3'\ngem \"b\", \"~> 1\"\n", "gem 'a\n", "#{'\n"} {
		f.Add(text)
	}
	f.Fuzz(func(_ *testing.T, text string) { readGemfile([]byte(text)) })
}
