package php

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/buildpacks/language/languagetest"
	"github.com/slugc/slugc/buildpacks/php/composertest"
	"github.com/slugc/slugc/stack/debian/debiantest"
)

// fakePHP is the interpreter of these tests. Composer, when it is told to run that,
// installs what stands in the lock file, or says what the app's fake-composer.txt says
// and fails; a program of a framework notes how it was called.
const fakePHP = `#!/bin/sh
case "$1 $2 $3" in
*/intl.php\ */composer)
	shift 3
	echo "ran composer $*"
	if [ -f fake-composer.txt ]; then cat fake-composer.txt; exit 7; fi
	if [ -f fake-kill ]; then kill -9 $$; fi
	if [ "$1" = run-script ]; then echo compiled >compiled.txt; exit; fi
	mkdir -p vendor/composer "$COMPOSER_CACHE_DIR/files" vendor/psr/log/.git
	[ -f vendor/psr/log/made ] && echo "Nothing to install"
	echo made >vendor/psr/log/made
	echo $$ >vendor/psr/log/.git/HEAD
	echo "$APP_ENV $SOURCE_DATE_EPOCH ${COMPOSER_AUTH:-no credentials}" >vendor/autoload.php
	cat "$COMPOSER_HOME/config.json" >"$COMPOSER_CACHE_DIR/config"
	echo "1 package you are using is looking for funding."
	echo "install [--prefer-source] [--prefer-dist]"
	;;
-d\ *)
	shift 2
	echo "ran $*"
	if [ -f fake-script.txt ]; then cat fake-script.txt; exit 1; fi
	case "$2" in
	cache:warmup) mkdir -p "var/cache/$APP_ENV"; echo "$SOURCE_DATE_EPOCH ${COMPOSER_AUTH:-no credentials}" >"var/cache/$APP_ENV/container"
		echo "'container.build_id' => '00abcdef', 'container.build_time' => $$," >"var/cache/$APP_ENV/App_Container.php" ;;
	package:discover) echo made >bootstrap/cache/packages.php ;;
	esac
	;;
esac
`

// site is the place of a build, with the archive that PHP comes from.
type site struct {
	*languagetest.Site
	files   map[string]string
	archive *debiantest.Archive
}

// newSite is a site whose packages come from an archive that others use too.
func newSite(t *testing.T, archive *debiantest.Archive) *site {
	t.Helper()
	s := &site{Site: languagetest.New(t, TOML), files: map[string]string{}}
	s.Distro = "debian"
	if s.archive = archive; archive != nil {
		archive.Requests() // of other tests
	}
	return s
}

// newArchive is an archive of Debian with what these tests install.
func newArchive(t *testing.T) *debiantest.Archive {
	t.Helper()
	return debiantest.New(t,
		debiantest.Package{Name: "php8.4-cli", Version: "8.4.27-1", Fields: map[string]string{"Depends": "php8.4-common"}, Files: map[string]string{"/usr/bin/php8.4*": fakePHP}},
		debiantest.Package{Name: "php8.4-common", Version: "8.4.27-1", Files: map[string]string{
			"/usr/lib/php/20240924/ctype.so": "\n", "/usr/share/php8.4-common/common/ctype.ini": "extension=ctype.so\n", "/usr/lib/php/8.4/php.ini-production": "\n",
		}},
		extension("curl"), extension("mbstring"), extension("mysql"), extension("pgsql"), extension("sqlite3"), extension("xml"), extension("zip"), extension("intl"),
		debiantest.Package{Name: "php8.4-redis", Version: "6.2.0-1", Files: map[string]string{"/usr/lib/php/20240924/redis.so": "\n", "/etc/php/8.4/mods-available/redis.ini": "; priority=25\nextension=redis.so\n"}},
		debiantest.Package{Name: "php8.4-fpm", Version: "8.4.27-1", Files: map[string]string{"/usr/sbin/php-fpm8.4*": "#!/bin/sh\n"}},
		debiantest.Package{Name: "composer", Version: "2.8.8-1", Architecture: "all", Files: map[string]string{"/usr/bin/composer*": "#!/usr/bin/php\n<?php\n"}},
		debiantest.Package{Name: "nginx", Version: "1.26.3-3", Files: map[string]string{"/usr/sbin/nginx*": "#!/bin/sh\n"}},
		debiantest.Package{Name: "apache2-bin", Version: "2.4.62-1", Files: map[string]string{"/usr/sbin/apache2*": "#!/bin/sh\n"}},
	)
}

// extension is a Debian package with an extension.
func extension(name string) debiantest.Package {
	return debiantest.Package{Name: "php8.4-" + name, Version: "8.4.27-1", Files: map[string]string{
		"/usr/lib/php/20240924/" + name + ".so": "\n", "/usr/share/php8.4-" + name + "/" + name + "/" + name + ".ini": "extension=" + name + ".so\n",
	}}
}

// require is a composer.json that requires some packages, as "name constraint".
func require(all ...string) string {
	table := map[string]string{}
	for _, one := range all {
		name, wanted, _ := strings.Cut(one, " ")
		table[name] = wanted
	}
	text, err := json.Marshal(map[string]any{"name": "example/app", "require": table})
	if err != nil {
		panic(err)
	}
	return string(text)
}

// lock gives the app a composer.json and the lock file of it with some packages.
func (s *site) lock(manifest string, packages ...composertest.Package) {
	s.T.Helper()
	hash, err := ContentHash([]byte(manifest))
	if err != nil {
		s.T.Fatal(err)
	}
	s.files[composerJSON] = manifest
	s.files[composerLock] = string(composertest.Lock(s.T, hash, nil, packages...))
}

// psrLog is a package.
func psrLog() composertest.Package {
	return composertest.Package{Name: "psr/log", Version: "3.0.2", Licenses: []string{"MIT"}, Require: map[string]string{"php": ">=8.0.0"}}
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

// run is Build but for where PHP comes from.
func (s *site) run(ctx context.Context, common *language.Build) (libcnb.BuildResult, error) {
	b := &build{Build: common, registries: func() error { return languagetest.DebianAlone(s.T, s.archive, common) }}
	return b.run(ctx)
}

func (s *site) mustBuild() string {
	s.T.Helper()
	return s.Must(s.build())
}

// stamps are those of the layers that an unchanged build does not touch.
func (s *site) stamps() (all []map[string]string) {
	s.T.Helper()
	for _, name := range []string{phpLayer, nginxLayer, serversLayer, settingsLayer, composerLayer, madeLayer} {
		all = append(all, s.Stamps("layers", name))
	}
	return all
}
