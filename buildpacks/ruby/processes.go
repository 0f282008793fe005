package ruby

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language"
)

// start is how an app starts.
type start struct {
	command string
	// what is what it was recognised by.
	what string
	// warning is what a person should know of it.
	warning string
}

// exists tells whether there is a file in the app.
func (a app) exists(name string) bool {
	info, err := os.Stat(filepath.Join(a.dir, name))
	return err == nil && info.Mode().IsRegular()
}

// processes says how the app starts. What a Procfile says goes before it.
func (b *build) processes(a app, home string) ([]libcnb.Process, error) {
	b.Print.Step("Looking for how the app starts")
	for _, text := range a.warnings(home) {
		b.Print.Warn("%s", text)
	}
	declared, err := language.ReadProcfile(a.dir)
	if err != nil {
		return nil, err
	}
	var all []libcnb.Process
	add := func(kind string, s start, standard bool) {
		if declared.Has(kind) || s.command == "" {
			return
		}
		b.Print.Detail("%s: %s (%s)", kind, s.command, s.what)
		all = append(all, libcnb.Process{Type: kind, Command: language.Command(s.command), Default: standard})
	}
	switch {
	case declared.Has("web"):
		b.Print.Detail("The Procfile says it")
	default:
		web := a.web()
		if web.warning != "" {
			b.Print.Warn("%s", web.warning)
		}
		if web.command == "" && len(declared) == 0 {
			b.Print.Warn("Nothing says how the app starts. Say it in a Procfile, for example:\n  echo 'web: bundle exec puma --port $PORT' > Procfile\n  git add Procfile")
		}
		add("web", web, true)
	}
	switch {
	case !a.isRails():
		add("console", start{command: "bundle exec irb", what: "Ruby's own"}, false)
	case a.exists(binRails):
		add("console", start{command: a.rails() + " console", what: "Rails"}, false)
	}
	for _, name := range []string{"Rakefile", "rakefile", "Rakefile.rb", "rakefile.rb"} {
		if a.lock.has("rake") && a.exists(name) {
			add("rake", start{command: "bundle exec rake", what: name + " is there"}, false)
			break
		}
	}
	return all, nil
}

// web serves the app with the server that is in its bundle.
func (a app) web() start {
	rack := a.exists("config.ru")
	what := "config.ru"
	if a.isRails() {
		what = "Rails"
	} else if a.lock.has("sinatra") {
		what = "Sinatra"
	}
	switch {
	case rack && a.lock.has("unicorn"):
		return start{command: "bundle exec unicorn --port " + language.Port + a.config("--config-file", "config/unicorn.rb", "unicorn.rb"), what: what + ", on Unicorn"}
	case rack && a.lock.has("puma"):
		return start{command: "bundle exec puma --port " + language.Port + a.config("--config", "config/puma.rb", "puma.rb"), what: what + ", on Puma"}
	case rack && a.lock.has("thin"):
		return start{command: "bundle exec thin start -R config.ru -p " + language.Port, what: what + ", on Thin"}
	case a.isRails() && a.exists(binRails):
		return start{command: a.rails() + " server --binding 0.0.0.0 --port " + language.Port, what: what}
	case rack && (a.lock.has("rackup") || a.lock.has("rack") && strings.HasPrefix(a.lock.version("rack"), "2.")):
		s := start{command: "bundle exec rackup --host 0.0.0.0 --port " + language.Port + " config.ru", what: what}
		if !slices.ContainsFunc([]string{"falcon", "iodine", "passenger"}, a.lock.has) {
			s.warning = "No server for production is in the bundle, so WEBrick serves the app, which is slow and not made for it.\nAdd one, and commit what that changes:\n  bundle add puma\n  git add " + a.gemfile + " " + a.lockName
		}
		return s
	case rack:
		return start{warning: fmt.Sprintf("There is a config.ru, and no server for it in the bundle.\nAdd one, and commit what that changes:\n  bundle add puma\n  git add %s %s", a.gemfile, a.lockName)}
	}
	if a.lock.has("sinatra") {
		for _, name := range []string{"app.rb", "main.rb", "server.rb", "web.rb"} {
			text, err := os.ReadFile(filepath.Join(a.dir, name))
			if err == nil && classicSinatra().Match(text) {
				return start{command: "bundle exec ruby " + name + " -o 0.0.0.0 -p " + language.Port, what: "Sinatra in " + name}
			}
		}
	}
	return start{}
}

// classicSinatra is how a file begins that is a whole app of Sinatra.
var classicSinatra = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?m)^\s*require ["']sinatra["']`) })

// config is a flag with the first of some files that is there.
func (a app) config(flag string, names ...string) string {
	for _, name := range names {
		if a.exists(name) {
			return " " + flag + " " + name
		}
	}
	return ""
}
