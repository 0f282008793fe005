package ruby

import (
	"strings"
	"testing"

	"github.com/slugc/slugc/buildpacks/language/languagetest"
	"github.com/slugc/slugc/buildpacks/language/version"
)

// What cannot be built is refused before anything is downloaded.
func TestRefused(t *testing.T) {
	const pathLock = "PATH\n  remote: ../shared\n  specs:\n    shared (1.0.0)\n\nPLATFORMS\n  ruby\n\nDEPENDENCIES\n  shared!\n"
	for name, c := range map[string]struct {
		change func(files map[string]string)
		says   []string
	}{
		"no lock file":            {func(f map[string]string) { delete(f, gemfileLock) }, []string{"there is no Gemfile.lock", "bundle lock --add-platform x86_64-linux\n  git add Gemfile.lock"}},
		"no Gemfile":              {func(f map[string]string) { delete(f, gemfile) }, []string{"there is Gemfile.lock, but no Gemfile", "git add -f Gemfile"}},
		"neither":                 {func(f map[string]string) { delete(f, gemfile); delete(f, gemfileLock); f["config.ru"] = "" }, []string{"there is no Gemfile in the app's root", "bundle init", "bundle add rack puma"}},
		"another name":            {func(f map[string]string) { delete(f, gemfile); delete(f, gemfileLock); f["Gemfile.txt"] = "" }, []string{"git mv Gemfile.txt Gemfile"}},
		"two Gemfiles":            {func(f map[string]string) { f[gemsRB] = "" }, []string{"there are both Gemfile and gems.rb", "git rm -f gems.rb gems.locked    # when Gemfile is right"}},
		"another lock file":       {func(f map[string]string) { f[gemsLocked] = "" }, []string{"another name of the Gemfile: gems.locked", "git rm gems.locked\n  bundle lock\n  git add Gemfile.lock"}},
		"a merge":                 {func(f map[string]string) { f[gemfileLock] = "<<<<<<< HEAD\n" + f[gemfileLock] }, []string{"Gemfile.lock holds an unfinished merge", "git checkout --ours Gemfile.lock"}},
		"an empty lock file":      {func(f map[string]string) { f[gemfileLock] = "" }, []string{"Gemfile.lock is empty", "bundle lock"}},
		"a gem too few":           {func(f map[string]string) { f[gemfile] += "gem 'sinatra'\n" }, []string{"it was made without sinatra", "bundle lock\n  git add Gemfile.lock"}},
		"a gem too many":          {func(f map[string]string) { f[gemfile] = "gem 'rack'\n" }, []string{"it was made with puma, which that does not name"}},
		"a Ruby in the lock file": {func(f map[string]string) { f[gemfileLock] += "\nRUBY VERSION\n   ruby 3.3.8p144\n" }, []string{"it was made for Ruby 3.3.8, and that does not name one", "ruby \"~> 3.3.0\"    # in Gemfile", "bundle lock"}},
		"another requirement":     {func(f map[string]string) { f[gemfile] = "gem 'rack', '~>3.2'\ngem 'puma'\n" }, []string{"that wants rack ~>3.2, and it was made for any version"}},
		"installed gems":          {func(f map[string]string) { f["vendor/bundle/ruby/3.3.0/x"] = "" }, []string{"vendor/bundle/ holds gems", "git rm -r --cached vendor/bundle\n  echo vendor/bundle/ >> .gitignore"}},
		"settings of a machine":   {func(f map[string]string) { f[".bundle/config"] = "---\nBUNDLE_WITHOUT: \"test\"\n" }, []string{".bundle/config has a setting of another machine: BUNDLE_WITHOUT", "git rm --cached .bundle/config"}},
		"broken settings":         {func(f map[string]string) { f[".bundle/config"] = "a: [" }, []string{".bundle/config cannot be read"}},
		"a gem outside":           {func(f map[string]string) { f[gemfile] = "gem 'shared', path: '../shared'\n"; f[gemfileLock] = pathLock }, []string{"shared in ../shared, which is outside of the app", "git mv ../shared vendor/shared"}},
		"a gem that is compiled in the app": {
			func(f map[string]string) {
				f[gemfile], f[gemfileLock] = "gem 'shared', path: 'vendor/shared'\n", strings.ReplaceAll(pathLock, "../shared", "vendor/shared")
				f["vendor/shared/ext/shared/extconf.rb"] = "\n"
			},
			[]string{"shared in vendor/shared, which is compiled when it is installed", "git: \"https://git.example.com/shared.git\""},
		},
		"foreign gems": {
			func(f map[string]string) {
				f[gemfile], f[gemfileLock] = "gem 'nokogiri'\n", "GEM\n  specs:\n    nokogiri (1.18.0-arm64-darwin)\n\nPLATFORMS\n  arm64-darwin-23\n\nDEPENDENCIES\n  nokogiri\n"
			},
			[]string{"it has nokogiri for arm64-darwin-23 alone", "bundle lock --add-platform x86_64-linux\n  git add Gemfile.lock"},
		},
		"an unknown line": {func(f map[string]string) { f[versionFile] = "3.4.2\n" }, []string{"there is no Ruby 3.4.2 on this stack, which has Ruby 3.3", ".ruby-version asks for it", "slugc-13 has Ruby 3.3", "echo 3.3 > .ruby-version"}},
		"an old line in the lock": {func(f map[string]string) {
			f[gemfile] += "ruby \"~> 2.6\"\n"
			f[gemfileLock] += "\nRUBY VERSION\n   ruby 2.6.10p210\n"
		}, []string{"there is no Ruby 2.6.10", "RUBY VERSION in Gemfile.lock asks for it"}},
		"no version":                {func(f map[string]string) { f[versionFile] = "\n" }, []string{".ruby-version names no version"}},
		"another Ruby":              {func(f map[string]string) { f[versionFile] = "jruby-9.4\n" }, []string{`.ruby-version says "jruby-9.4"`, "CRuby"}},
		"words in .tool-versions":   {func(f map[string]string) { f[version.ToolFile] = "ruby latest\n" }, []string{`.tool-versions says "ruby latest"`}},
		"a misspelled version file": {func(f map[string]string) { f[".ruby_version"] = "3.3\n" }, []string{"git mv .ruby_version .ruby-version"}},
		"a Procfile's other name":   {func(f map[string]string) { f["procfile"] = "web: x\n" }, []string{"git mv procfile Procfile"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.gems("rack 3.1.20", "puma 6.6.0")
			c.change(s.files)
			out, err := s.build()
			languagetest.Refused(t, out, err, c.says...)
			if asked := s.archive.Requests(); len(asked) > 0 {
				t.Errorf("it asks for %v", asked)
			}
		})
	}
}

func TestVersions(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		lock  string
		env   map[string]string
		want  string
	}{
		"nothing":       {want: ""},
		"the lock file": {lock: "3.3.8", files: map[string]string{versionFile: "3.3.1"}, want: `RUBY VERSION "3.3.8" in Gemfile.lock`},
		"the file":      {files: map[string]string{versionFile: "ruby-3.3.1", version.ToolFile: "ruby 3.3.2"}, want: `.ruby-version "3.3.1"`},
		"asdf":          {files: map[string]string{version.ToolFile: "nodejs 22\nruby 3.3.2 # x\n"}, want: `ruby "3.3.2" in .tool-versions`},
		"a variable":    {lock: "3.3.8", env: map[string]string{"BP_MRI_VERSION": "3.3"}, want: `BP_MRI_VERSION "3.3"`},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.files = c.files
			s.fresh()
			asked, err := rubyVersion(app{dir: s.App, lockName: gemfileLock, lock: lock{ruby: c.lock}}, c.env)
			if err != nil || asked.String() != c.want {
				t.Errorf("got %s, %v", asked, err)
			}
		})
	}
}
