//go:build acceptance

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// stops starts a server again and again, and counts the codes with which it ends
// when it is told to stop, right after an answer.
const stops = `
require "net/http"
ended = Hash.new(0)
Integer(ARGV.shift).times do
  port = TCPServer.open("127.0.0.1", 0) { |server| server.addr[1] }
  server = spawn({ "PORT" => port.to_s }, *ARGV.map { |word| word.sub("PORT", port.to_s) }, in: File::NULL, out: "/tmp/log", err: %i[child out])
  begin
    Net::HTTP.get(URI("http://127.0.0.1:#{port}/"))
  rescue SystemCallError
    abort(File.read("/tmp/log")) if Process.wait(server, Process::WNOHANG)
    sleep 0.01
    retry
  end
  Process.kill(:TERM, server)
  watch = Thread.new { sleep 10; Process.kill(:KILL, server) }
  status = Process.wait2(server).last
  watch.kill
  ended[status.exitstatus || 128 + status.termsig] += 1
end
puts "ended with #{ended}"
`

// TestRails changes an app of Rails as its author does, in ways that end well and
// in others, and stops the servers of apps often.
func TestRails(t *testing.T) {
	t.Parallel()
	s := newStackedSlugc(t)
	s.env = ownIndex(t, "gems")
	app := s.copyApp("ruby-rails", "app", time.Unix(1e9, 0), 0)
	build := func(more ...string) (code int, out string) {
		return s.run(append([]string{"build", app, "--stack", "slugc-13", "--cache", "cache"}, more...)...)
	}
	change := func(name, from, to string) {
		t.Helper()
		file := filepath.Join(app, name)
		text, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(text), from) {
			t.Fatalf("%s has no %q (%v)", name, from, err)
		}
		if err := os.WriteFile(file, []byte(strings.Replace(string(text), from, to, 1)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	code, out := build()
	holds(t, out, code, 0, "application-b549cd78")

	// One line of a stylesheet is one asset, and nothing of Bundler.
	change("app/assets/stylesheets/application.css", "#600", "#006")
	code, out = build()
	holds(t, out, code, 0, "Reusing the gems (Gemfile.lock unchanged)", "rake assets:precompile (the app changed)", "Writing /app/public/assets/application-", "Packed again: app")
	if strings.Contains(out, "application-b549cd78") {
		t.Errorf("the asset is the old one:\n%s", out)
	}
	if kept, err := filepath.Glob(filepath.Join(s.dir, "cache/apps/*/app/.slugc/layers/slugc_ruby/assets-cache/sprockets/*/*/*.cache")); err != nil || len(kept) == 0 {
		t.Errorf("Sprockets keeps nothing for the next build (%v)", err)
	}

	for _, mistake := range []struct {
		text string
		says []string
	}{
		{"ENV.fetch(\"API_KEY\")\n", []string{"slugc build -e API_KEY=for-the-build"}},
		{"raise ActiveSupport::EncryptedFile::MissingKeyError.new(key_path: \"config/master.key\", env_key: \"RAILS_MASTER_KEY\")\n", []string{"the build has no key for them", "slugc build --secret RAILS_MASTER_KEY="}},
		{"Rails.application.credentials.fetch(:api) { nil }[:key]\n", []string{"rake says: NoMethodError: undefined method"}},
		{"require \"debug/prelude\"\n", []string{"the file debug/prelude is in no gem that is installed"}},
	} {
		s.write("app/config/initializers/mistake.rb", mistake.text)
		code, out = build()
		holds(t, out, code, 51, append(mistake.says, "rake assets:precompile failed: exit status 1")...)
	}

	s.write("app/config/initializers/mistake.rb", "# mended\n")
	s.write("app/stops.rb", stops)
	code, out = build()
	holds(t, out, code, 0)
	out = s.must("run", "-e", "SECRET_KEY_BASE=0123456789", "slug:slug.tgz", "--", "bash", "-c", "cd /app && ruby stops.rb 5 bundle exec puma --port PORT --config config/puma.rb")
	holds(t, out, 0, 0, "ended with {143=>5}")
	out = s.must("run", "slug:slug.tgz", "--", "bash", "-c", "cd /app && echo 'run ->(_) { [200, {}, []] }' >/tmp/config.ru && ruby stops.rb 25 bundle exec puma --port PORT /tmp/config.ru")
	holds(t, out, 0, 0, "ended with {143=>25}")
}
