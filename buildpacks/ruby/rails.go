package ruby

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync"

	"github.com/slugc/slugc/buildpacks/language/appfile"
)

// isRails tells whether it is an app of Rails.
func (a app) isRails() bool { return a.lock.has("railties") }

// The files of Rails that say how a build goes.
const (
	binRails       = "bin/rails"
	productionFile = "config/environments/production.rb"
	sealedFile     = "config/credentials.yml.enc"
	masterKey      = "RAILS_MASTER_KEY"
)

// rails is the command of Rails. Git notes of a file from Windows that it is no
// program, and its first line then ends in another way than Linux knows.
func (a app) rails() string {
	text, err := os.ReadFile(filepath.Join(a.dir, binRails))
	first, _, _ := bytes.Cut(text, []byte("\n"))
	info, statErr := os.Stat(filepath.Join(a.dir, binRails))
	if errors.Join(err, statErr) == nil && info.Mode()&0o111 != 0 && !bytes.HasSuffix(first, []byte("\r")) {
		return binRails
	}
	return "bundle exec ruby " + binRails
}

var requiresKey = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?m)^\s*config\.require_master_key\s*=\s*true`) })

// refuseWithoutKey refuses an app of Rails that will not load without the key of its
// credentials, where a build loads it.
func (a app) refuseWithoutKey(env map[string]string) error {
	if wants, _ := a.wantsAssets(); !a.isRails() || !wants || a.hasKey(env) {
		return nil
	}
	text, err := os.ReadFile(filepath.Join(a.dir, productionFile))
	if err != nil || !requiresKey().Match(text) {
		return nil
	}
	return appfile.Error("%s has config.require_master_key, and the build has no key: %s is not set\nassets are precompiled by the app itself, which does not load without it. Give it to the build, which keeps it to itself:\n"+
		"  slugc build --secret %s=\"$(cat config/master.key)\"\nor take the line out of %s", productionFile, masterKey, masterKey, productionFile)
}

// hasKey tells whether there is a key for the credentials of the app.
func (a app) hasKey(env map[string]string) bool {
	return env[masterKey] != "" || slices.ContainsFunc([]string{"config/master.key", "config/credentials/production.key"}, a.exists)
}

// databases are gems for databases, and an address for each where nobody listens:
// most apps read the address when they are loaded, and connect later.
var databases = []struct{ gem, address string }{
	{"pg", "postgresql://nobody:nothing@127.0.0.1:1/none"},
	{"mysql2", "mysql2://nobody:nothing@127.0.0.1:1/none"},
	{"trilogy", "trilogy://nobody:nothing@127.0.0.1:1/none"},
	{"sqlite3", "sqlite3::memory:"},
}

// noDatabase is the address that an app has while its assets are precompiled, ""
// for an app without a database.
func (a app) noDatabase() string {
	for _, database := range databases {
		if a.lock.has(database.gem) {
			return database.address
		}
	}
	return ""
}

// warnings are what an author should know of how the app will run. Home is where the gems were installed.
func (a app) warnings(home string) []string {
	var warnings []string
	if number := a.lock.version("puma"); takesTextForTime(number) {
		warnings = append(warnings, "Puma "+number+" fails where PUMA_PERSISTENT_TIMEOUT is set, so it is not set here; do not set it either.\nTake a later one, which is mended:\n  bundle update --conservative puma\n  git add "+a.lockName)
	}
	if !a.isRails() {
		return warnings
	}
	if !a.exists(binRails) {
		warnings = append(warnings, "There is no bin/rails, without which Rails has no commands, so the app has no process console.\nMake it, and commit it:\n  bundle exec rake app:update:bin\n  git add bin")
	}
	others := slices.ContainsFunc([]string{"pg", "mysql2", "trilogy"}, a.lock.has)
	installed, err := filepath.Glob(filepath.Join(home, "specifications", "sqlite3-*.gemspec"))
	if err == nil && len(installed) > 0 && !others {
		warnings = append(warnings, "SQLite keeps its database in a file, which ends with the process that it is of, and no other one sees it.\nUnless it lies on a disk that stays, keep what has to stay in another database:\n  bundle add pg\n  git add "+a.gemfile+" "+a.lockName)
	}
	return warnings
}
