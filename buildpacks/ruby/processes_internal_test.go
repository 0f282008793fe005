package ruby

import (
	"strings"
	"testing"
)

func TestWeb(t *testing.T) {
	for name, c := range map[string]struct {
		gems  []string
		files []string
		want  string
		warns string
	}{
		"Unicorn":                      {gems: []string{"rack 3.1", "unicorn 6.1"}, files: []string{"config.ru"}, want: "bundle exec unicorn --port ${PORT:-8000}"},
		"Unicorn's configuration":      {gems: []string{"rack 3.1", "unicorn 6.1"}, files: []string{"config.ru", "config/unicorn.rb"}, want: "bundle exec unicorn --port ${PORT:-8000} --config-file config/unicorn.rb"},
		"Puma":                         {gems: []string{"rack 3.1", "puma 6"}, files: []string{"config.ru"}, want: "bundle exec puma --port ${PORT:-8000}"},
		"Rails on Puma":                {gems: []string{"railties 7.2", "puma 6"}, files: []string{"config.ru", "config/puma.rb", "bin/rails"}, want: "bundle exec puma --port ${PORT:-8000} --config config/puma.rb"},
		"Rails without a server":       {gems: []string{"railties 7.2"}, files: []string{"config.ru", "bin/rails"}, want: "bundle exec ruby bin/rails server --binding 0.0.0.0 --port ${PORT:-8000}"},
		"Rails without bin/rails":      {gems: []string{"railties 7.2", "rackup 2.1"}, files: []string{"config.ru"}, want: "bundle exec rackup --host 0.0.0.0 --port ${PORT:-8000} config.ru", warns: "bundle add puma"},
		"Thin":                         {gems: []string{"rack 2.2", "thin 1.8"}, files: []string{"config.ru"}, want: "bundle exec thin start -R config.ru -p ${PORT:-8000}"},
		"rackup":                       {gems: []string{"rack 3.1", "rackup 2.1"}, files: []string{"config.ru"}, want: "bundle exec rackup --host 0.0.0.0 --port ${PORT:-8000} config.ru", warns: "bundle add puma"},
		"rackup of Rack 2":             {gems: []string{"rack 2.2.9"}, files: []string{"config.ru"}, want: "bundle exec rackup --host 0.0.0.0 --port ${PORT:-8000} config.ru", warns: "bundle add puma"},
		"Rack without a server":        {gems: []string{"rack 3.1"}, files: []string{"config.ru"}, warns: "no server for it in the bundle"},
		"a file of Sinatra":            {gems: []string{"sinatra 4.1", "puma 6"}, files: []string{"app.rb"}, want: "bundle exec ruby app.rb -o 0.0.0.0 -p ${PORT:-8000}"},
		"a file that is no web server": {gems: []string{"puma 6"}, files: []string{"app.rb"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			for _, name := range c.files {
				s.files[name] = "require \"sinatra\"\n"
			}
			s.fresh()
			_, text := locked(c.gems...)
			l, err := readLock(gemfileLock, []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			got := app{dir: s.App, gemfile: gemfile, lockName: gemfileLock, lock: l}.web()
			if got.command != c.want || (got.warning != "") != (c.warns != "") || !strings.Contains(got.warning, c.warns) {
				t.Errorf("got %+v", got)
			}
		})
	}
}
