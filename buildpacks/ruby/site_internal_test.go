package ruby

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/buildpacks/language/languagetest"
	"github.com/slugc/slugc/stack/debian/debiantest"
)

// fakeRuby is the interpreter of these tests. "ruby -S bundle install" installs
// what stands in the lock file, or says what the app's fake-bundle.txt says and
// fails; "exec rake assets:precompile" makes a file.
const fakeRuby = `#!/bin/sh
echo "ran $3 $4 $5"
case "$3" in
install)
	if [ -f fake-bundle.txt ]; then cat fake-bundle.txt; exit 7; fi
	if [ -f fake-kill ]; then kill -9 $$; fi
	echo "Using bundler 2.6.7"
	home=$BUNDLE_PATH/ruby/3.3.0
	mkdir -p "$home/specifications" "$home/cache" "$home/gems/x/ext/x/" "$BUNDLE_USER_CACHE/gems"
	echo $$ >"$home/cache/x.gem"
	echo $$ >"$home/gems/x/ext/x/Makefile"
	echo $$ >"$home/gems/x/ext/x/mkmf.log"
	chmod 777 "$home/gems/x"
	echo >"$home/gems/x/x.rb"
	chmod 666 "$home/gems/x/x.rb"
	echo "$BUNDLE_WITHOUT $BUNDLE_DEPLOYMENT $BUNDLE_GEMS__EXAMPLE__COM" >"$BUNDLE_USER_CACHE/settings"
	sed -n 's/^    \([a-z0-9_-]*\) (\([0-9.]*\)).*/\1 \2/p' Gemfile.lock | while read -r name version; do
		printf "Gem::Specification.new do |s|\n  s.licenses = [\"MIT\".freeze]\nend\n" >"$home/specifications/$name-$version.gemspec"
	done
	;;
exec)
	if [ -f fake-rake.txt ]; then cat fake-rake.txt; exit 1; fi
	[ ! -f tmp/cache/assets/part ] || echo "the cache has a part"
	mkdir -p public/assets tmp/cache/assets
	echo "$SECRET_KEY_BASE_DUMMY $BUNDLE_GEMS__EXAMPLE__COM" >public/assets/made.txt
	echo $$ >tmp/cache/assets/part
	;;
esac
`

// site is the place of a build, with the archive that Ruby comes from.
type site struct {
	*languagetest.Site
	files   map[string]string
	archive *debiantest.Archive
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{Site: languagetest.New(t, TOML), files: map[string]string{}}
	s.Distro = "debian"
	s.archive = debiantest.New(t,
		debiantest.Package{Name: "ruby3.3", Version: "3.3.8-2", Files: map[string]string{"/usr/bin/ruby3.3*": fakeRuby}},
		debiantest.Package{Name: "ruby", Version: "1:3.3"},
		debiantest.Package{Name: "bundler", Version: "2.6.7-2", Files: map[string]string{"/usr/bin/bundle*": "#!/usr/bin/ruby\n"}},
		debiantest.Package{Name: "ruby3.3-dev", Version: "3.3.8-2", Files: map[string]string{"/usr/include/ruby-3.3.0/ruby.h": "\n", "/usr/lib/x86_64-linux-gnu/libruby-3.3-static.a": "\n"}},
		debiantest.Package{Name: "libjemalloc2", Version: "5.3.0-3", Files: map[string]string{"/usr/lib/x86_64-linux-gnu/libjemalloc.so.2": "\n"}},
	)
	return s
}

// locked is a lock file for gems, as "name version", that the Gemfile names.
func locked(gems ...string) (gemfileText, lockText string) {
	gemfileText, lockText = "source \"https://gems.example.com\"\n", "GEM\n  remote: https://gems.example.com/\n  specs:\n"
	dependencies := ""
	slices.Sort(gems)
	for _, gem := range gems {
		name, version, _ := strings.Cut(gem, " ")
		gemfileText += fmt.Sprintf("gem %q\n", name)
		lockText += "    " + name + " (" + version + ")\n"
		dependencies += "  " + name + "\n"
	}
	return gemfileText, lockText + "\nPLATFORMS\n  ruby\n  x86_64-linux\n\nDEPENDENCIES\n" + dependencies + "\nBUNDLED WITH\n   2.6.7\n"
}

// gems are files of an app with some gems.
func (s *site) gems(gems ...string) {
	s.files[gemfile], s.files[gemfileLock] = locked(gems...)
}

// fresh makes the app as its author left it, as every build finds it.
func (s *site) fresh() {
	s.T.Helper()
	s.Remake(s.files)
}

// build runs the whole of libcnb's build phase on a fresh copy of the app.
func (s *site) build() (string, error) {
	s.T.Helper()
	s.fresh()
	return s.BuildBy(s.run)
}

// run is Build but for where Ruby comes from.
func (s *site) run(ctx context.Context, common *language.Build) (libcnb.BuildResult, error) {
	b := &build{Build: common, registries: func() error { return languagetest.DebianAlone(s.T, s.archive, common) }}
	return b.run(ctx)
}

func (s *site) mustBuild() string {
	s.T.Helper()
	return s.Must(s.build())
}

// launchStamps are the stamps of the layers that processes have.
func (s *site) launchStamps() []map[string]string {
	s.T.Helper()
	return []map[string]string{s.Stamps("layers", rubyLayer), s.Stamps("layers", gemsLayer)}
}
