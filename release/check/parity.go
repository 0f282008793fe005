package check

import (
	"path"
	"strings"
)

// runtimeVersion is a language, by its manifest, and where its version stands.
type runtimeVersion struct {
	name      string
	manifests []string
	files     []string
	// in is the text of a manifest that names the version.
	in   *pattern
	next string
}

var runtimeVersions = []runtimeVersion{
	{"Node.js or Bun", []string{"package.json"}, []string{".nvmrc", ".node-version", ".tool-versions", "mise.toml", ".bun-version"},
		re(`"engines"\s*:\s*\{[^}]*"(node|bun)"|"volta"\s*:|"packageManager"\s*:\s*"bun@`), `npm pkg set engines.node=22.x, or engines.bun=1.x`},
	{"Python", []string{"requirements.txt", "pyproject.toml", "Pipfile"}, []string{".python-version", "runtime.txt", ".tool-versions", "mise.toml"},
		re(`requires-python|python(_full)?_version\s*=|(?m)^\s*python\s*=`), `echo 3.13 > .python-version && git add .python-version`},
	{"Ruby", []string{"Gemfile"}, []string{".ruby-version", ".tool-versions", "mise.toml"},
		re(`(?m)^\s*ruby\b`), `bundle lock, with the line ruby "3.4.1" in the Gemfile`},
	{"Java", []string{"pom.xml", "build.gradle", "build.gradle.kts"}, []string{"system.properties", ".java-version", ".tool-versions", "mise.toml", ".sdkmanrc"},
		re(`maven\.compiler\.(release|source|target)|java\.version|<release>|jdk\.version|languageVersion|sourceCompatibility|jvmToolchain|options\.release`), `echo java.runtime.version=21 > system.properties && git add system.properties`},
}

// parity: the version of the runtime is the same everywhere.
func parity(t *tree) {
	for _, r := range runtimeVersions {
		var manifest *file
		pinned := false
		for _, name := range r.manifests {
			if f := t.file(path.Join(t.Dir, name)); f != nil {
				if manifest == nil {
					manifest = f
				}
				pinned = pinned || r.in.in(f.text)
			}
		}
		// A workspace says it for its members.
		if manifest == nil || pinned || t.above(path.Clean(t.Dir), r.files...) || t.Dir != "" && t.above(".", r.manifests...) || t.Above != nil && t.Above(r.manifests...) {
			continue
		}
		t.add(Finding{Factor: 10, Rule: "runtime-unpinned", Severity: Warning, File: manifest.name,
			Problem: "does not say which version of " + r.name + " the app wants, nor does another file",
			Why:     "The build takes what the stack has then, which need not be what the app was written with.",
			Next:    r.next})
	}
}

// migration is a framework, and how it migrates a database.
type migration struct {
	name string
	// pattern matches a file that has a migration or says where they are.
	pattern *pattern
	command string
}

var migrationsOf = []migration{
	{"Django", re(`(^|/)migrations/\d{4}_\w+\.py$`), "python manage.py migrate"},
	{"Alembic", re(`(^|/)alembic\.ini$`), "alembic upgrade head"},
	{"Prisma", re(`(^|/)prisma/migrations/.+\.sql$`), "npx prisma migrate deploy"},
	{"Knex", re(`(^|/)knexfile\.\w+$`), "npx knex migrate:latest"},
	{"Sequelize", re(`(^|/)\.sequelizerc$`), "npx sequelize-cli db:migrate"},
	{"TypeORM", re(`(^|/)migrations?/\d{13}-\w+\.[jt]s$`), "npx typeorm migration:run -d dist/data-source.js"},
	{"Flyway", re(`(^|/)(resources/db|flyway|sql)/migrations?/[VRU]\w*__\w+\.sql$`), "flyway migrate"},
	{"Liquibase", re(`(^|/)db/changelog/[\w.-]+\.(xml|ya?ml|sql|json)$`), "liquibase update"},
	{"golang-migrate", re(`(^|/)\w*migrations?/\d+_\w+\.up\.sql$`), `migrate -path migrations -database "$DATABASE_URL" up`},
	{"Rails", re(`(^|/)db/migrate/\d{14}_\w+\.rb$`), "bin/rails db:migrate"},
}

// migrations: they run once for a release.
func migrations(t *tree) {
	if _, is := t.command("release"); is {
		return
	}
	if f := t.file("app.json"); f != nil && strings.Contains(f.text, `"postdeploy"`) {
		return
	}
	for _, c := range t.webCommands() {
		if migrates.in(c.text) {
			// That is the finding.
			return
		}
	}
	for _, m := range migrationsOf {
		for _, f := range t.files {
			if !m.pattern.in(f.name) {
				continue
			}
			line := "release: " + m.command
			t.add(Finding{Factor: 12, Rule: "migrations-unreleased", Severity: Warning, File: path.Clean(f.name),
				Problem: "the app has migrations of " + m.name + ", and no process that runs them for a release",
				Why:     "New code meets an old database when somebody forgets; the release process runs once, before the release is current.",
				Next:    "echo '" + line + "' >> Procfile"})
			break
		}
	}
}
