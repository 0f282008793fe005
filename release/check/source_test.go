package check_test

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/release/check"
)

// files makes a tree of names and texts in turn.
func files(words ...string) fstest.MapFS {
	tree := fstest.MapFS{}
	for i := 0; i < len(words); i += 2 {
		tree[words[i]] = &fstest.MapFile{Data: []byte(words[i+1])}
	}
	return tree
}

// rulesOf are the rules and places of findings.
func rulesOf(findings []check.Finding) []string {
	var rules []string
	for _, f := range findings {
		rules = append(rules, f.Rule+" "+f.Place())
	}
	return rules
}

func TestSource(t *testing.T) {
	key := "AK" + "IA" + strings.Repeat("Q", 16)
	for _, test := range []struct {
		about string
		files fstest.MapFS
		want  []string
	}{
		{"a repository inside", files("lib/x/.git/HEAD", "ref: x", "lib/x/a.txt", ""), []string{"nested-repository lib/x"}},
		{"a submodule", files("lib/x/.git", "gitdir: ../../.git/modules/x"), nil},

		{"npm without a lock", files("package.json", `{"engines":{"node":"22"},"dependencies":{"a":"1"}}`), []string{"lock-missing package.json"}},
		{"npm with a lock", files("package.json", `{"engines":{"node":"22"},"dependencies":{"a":"1"}}`, "package-lock.json", "{}"), nil},
		{"a workspace", files("packages/a/package.json", `{"dependencies":{"a":"1"}}`, "pnpm-lock.yaml", ""), nil},
		{"npm without dependencies", files("package.json", `{"engines":{"node":"22"}}`), nil},
		{"go without sums", files("go.mod", "module x\n\nrequire example.com/y v1.0.0\n"), []string{"lock-missing go.mod"}},
		{"go alone", files("go.mod", "module example.com/x\n\ngo 1.25\n"), nil},
		{"pip without versions", files("requirements.txt", "# ours\nflask==3.0.0\nrequests\nnumpy>=2\n", ".python-version", "3.13"), []string{"lock-missing requirements.txt:3"}},
		{"pip with versions", files("requirements.txt", "-r base.txt\nflask==3.0.0 \\\n    --hash=sha256:00\nx @ https://example.com/x.whl\n./local\n", ".python-version", "3.13"), nil},
		{"poetry without a lock", files("pyproject.toml", "[tool.poetry.dependencies]\npython = \"^3.13\"\n"), []string{"lock-missing pyproject.toml"}},
		{"uv without a lock", files("pyproject.toml", "[project]\nrequires-python = \">=3.13\"\ndependencies = [\"flask\"]\n"), []string{"lock-missing pyproject.toml"}},
		{"uv with a lock", files("pyproject.toml", "[project]\nrequires-python = \">=3.13\"\ndependencies = [\"flask\"]\n", "uv.lock", ""), nil},
		{"pipenv without a lock", files("Pipfile", "[packages]\nflask = \"*\"\n\n[requires]\npython_version = \"3.13\"\n"), []string{"lock-missing Pipfile"}},
		{"bundler without a lock", files("Gemfile", "ruby '3.4.1'\ngem 'rack'\n"), []string{"lock-missing Gemfile"}},
		{"composer without a lock", files("composer.json", `{"require": {"php": "8.4", "slim/slim": "4"}}`), []string{"lock-missing composer.json"}},
		{"composer with php alone", files("composer.json", `{"require": {"php": "8.4"}}`), nil},
		{"node_modules committed", files("package.json", `{"engines":{"node":"22"}}`, "node_modules/a/index.js", ""), []string{"modules-committed node_modules"}},
		{"node_modules ignored", files("package.json", `{"engines":{"node":"22"}}`, "node_modules/a/index.js", "", ".gitignore", "/node_modules/\n"), nil},
		{"programs", files("a.js", "const { exec } = require('child_process');\nexec('ffmpeg -i a b');\n", "b.py", "subprocess.run([\"pdftotext\", name])\n", "c.go", "package c\n\nvar x = exec.CommandContext(ctx, \"pg_dump\", url)\n", "D.java", "new ProcessBuilder(\"wkhtmltopdf\", in, out)"),
			[]string{"program-undeclared D.java:1", "program-undeclared a.js:2", "program-undeclared b.py:1", "program-undeclared c.go:3"}},
		{"programs that are declared", files("a.js", "exec('ffmpeg -i a b');\nspawn('convert');\n", "Aptfile", "ffmpeg\nimagemagick\n"), nil},
		{"programs of its own", files("a.py", "subprocess.run([sys.executable, \"x.py\"])\nsubprocess.run([\"./tool\"])\n"), nil},

		{"credentials", files("a.py", "KEY = '"+key+"'\nDB = 'https://ada:s3cr3t9@api.shop.internal/'\n", "key.conf", "-----BEGIN RSA "+"PRIVATE KEY-----\n", "b.js", "const apiKey = 'f81d4fae7dec11d0';\n"),
			[]string{"credential a.py:1", "credential a.py:2", "credential b.js:1", "credential key.conf:1"}},
		{"no credentials", files("a.py", "password = os.environ['PASSWORD']\n# password = 'Tr0mbone12'\nDB = 'https://user:password@example.com/'\npassword_field = 'password1'\npasswd = 'root:x:0:0:root:/root:/bin/sh'\nlabel = {'password': 'Your passw0rd here'}\nKEY = 'AKIA"+"IOSFODNN7EXAMPLE'\ntoken_url = 'https://example.com/oauth2/token'\n",
			"b.js", "const passwordReset = '/password/reset/v2';\nconst apiKey = process.env.API_KEY;\nform.password = `${input1}`;\n", "a_test.go", "var password = \"Tr0mbone12\"", "tests/x.py", "password = 'Tr0mbone12'\n"), nil},
		{"a file for one environment", files("config/production.yml", "host: db.internal\npassword: Tr0mbone12\n", "application-prod.properties", "spring.datasource.password=Tr0mbone12\n"), []string{"config-file application-prod.properties:1", "config-file config/production.yml:2"}},
		{"a .env that is committed", files(".env", "# ours\nKEY=x\n"), []string{"env-file .env:2"}},
		{"a .env with a secret", files(".env", "MODE=x\nAPI_KEY=x\n"), []string{"env-file .env:2"}},
		{"files of tools", files(".ci.yml", "url: redis://localhost:6379\n", ".env.example", "REDIS_URL=redis://localhost:6379\nPASSWORD=Tr0mbone12\n"), nil},
		{"a .env that is ignored", files(".env", "KEY=x\n", ".gitignore", "*.log\n.env\n"), nil},
		{"a .env to copy", files(".env.example", "KEY=x\n", ".env.template", "KEY=x\n"), nil},
		{"a .env for pages", files(".env.production", "VITE_TITLE=Shop\n"), nil},

		{"addresses of services", files("a.js", "const a = 'redis://localhost';\nconst b = 'mongodb://db.internal/shop';\n", "b.py", "conn = psycopg2.connect(\n    host='localhost',\n)\n", "c.go", "package c\n\nvar db = \"127.0.0.1:5432\"\n"),
			[]string{"service-literal a.js:1", "service-literal a.js:2", "service-literal b.py:2", "service-literal c.go:3"}},
		{"a database of Sequelize", files("app/config/db.config.js", "module.exports = {\n  HOST: \"localhost\",\n  PASSWORD: \"123456\",\n  dialect: \"mysql\",\n};\n"), []string{"credential app/config/db.config.js:3", "service-literal app/config/db.config.js:2"}},
		{"addresses as defaults", files("a.js", "const a = process.env.REDIS_URL || 'redis://localhost';\n", "b.py", "db = os.environ.get(\n    'DATABASE_URL',\n    'postgres://localhost/shop')\n", "c.go", "package c\n\nfunc f() {\n\tdb := os.Getenv(\"DATABASE_URL\")\n\tif db == \"\" {\n\t\tdb = \"postgres://localhost/shop\"\n\t}\n}\n", "application.properties", "spring.datasource.url=${DATABASE_URL:jdbc:postgresql://localhost/shop}\n", "docker-compose.yml", "URL: redis://redis:6379\n", "d.js", "// see redis://localhost:6379\nif (url.startsWith('postgres://')) pg();\napp.listen(port, 'localhost:' + port);\n"), nil},

		{"what builds at run time", files("Procfile", "web: npm run build && node server.js\nworker: git pull && ./worker\nrelease: npm run build\n"), []string{"build-at-run Procfile:1", "build-at-run Procfile:2"}},
		{"a start script that builds", files("package.json", "{\n \"engines\": {\"node\": \"22\"},\n \"scripts\": {\n  \"start\": \"tsc && node dist/server.js\"\n }\n}\n"), []string{"build-at-run package.json:4"}},
		{"a start script that nobody calls", files("package.json", "{\"engines\": {\"node\": \"22\"}, \"scripts\": {\"start\": \"tsc -w\"}}", "Procfile", "web: node dist/server.js\n"), nil},
		{"what only starts", files("Procfile", "web: gunicorn --bind 0.0.0.0:$PORT make.app:app\nworker: bin/go-worker\n", "bin/x", ""), nil},

		{"sessions in memory", files("a.js", "const session = require('express-session');\napp.use(session({\n  secret: process.env.SECRET,\n}));\n"), []string{"session-memory a.js:2"}},
		{"sessions in a store", files("a.js", "const session = require('express-session');\napp.use(session({\n  secret: process.env.SECRET,\n  store: new RedisStore({ client }),\n}));\n"), nil},
		{"sessions in files", files("settings.py", "SESSION_ENGINE = \"django.contrib.sessions.backends.file\"\n"), []string{"session-file settings.py:1"}},
		{"uploads", files("a.js", "const upload = multer({ dest: 'uploads/' });\n", "b.py", "app.config['UPLOAD_FOLDER'] = 'uploads'\n"), []string{"upload-local a.js:1", "upload-local b.py:1"}},
		{"uploads of Django", files("settings.py", "MEDIA_ROOT = BASE_DIR / 'media'\n"), []string{"upload-local settings.py:1"}},
		{"uploads to an object store", files("settings.py", "MEDIA_ROOT = BASE_DIR / 'media'\n", "requirements.txt", "django-storages==1.14\n", ".python-version", "3.13"), nil},
		{"uploads on their way", files("a.js", "const upload = multer({ dest: '/tmp/uploads' });\nconst m = multer({ storage: multer.memoryStorage() });\n"), nil},

		{"ports", files("a.js", "app.listen(3000);\n", "b.js", "const PORT = 8080;\napp.listen(PORT, () => {});\n", "c.py", "app.run(host='0.0.0.0', port=5000)\n", "d.go", "package d\n\nvar _ = http.ListenAndServe(\":8080\", nil)\n", "E.java", "new Server(8080)\n", "Procfile", "web: gunicorn --bind 0.0.0.0:8000 app:app\n", "f.ts", "Bun.serve({ port: 3000, fetch });\n"),
			[]string{"port-literal E.java:1", "port-literal Procfile:1", "port-literal a.js:1", "port-literal b.js:1", "port-literal d.go:3", "port-literal f.ts:1"}},
		{"a port of Python", files("c.py", "app.run(host='0.0.0.0', port=5000)\n"), []string{"port-literal c.py:1"}},
		{"ports of the environment", files("a.js", "app.listen(process.env.PORT || 3000);\n", "b.js", "const PORT = process.env.PORT ?? 8080;\napp.listen(PORT, () => {});\n", "c.py", "app.run(host='0.0.0.0', port=int(os.environ.get('PORT', 5000)))\n", "d.go", "package d\n\nvar _ = http.ListenAndServe(\":\"+os.Getenv(\"PORT\"), nil)\n", "Procfile", "web: uvicorn app:app --host 0.0.0.0 --port ${PORT:-8000}\n", "f.js", "const port = process.env.PORT;\nif (port) app.listen(port); else app.listen(3000);\nserver.listen(0);\n"), nil},
		{"a run by hand beside gunicorn", files("app.py", "if __name__ == '__main__':\n    app.run(port=5000)\n", "requirements.txt", "flask==3.0.0\ngunicorn==23.0.0\n", ".python-version", "3.13"), nil},
		{"this machine by default", files("a.js", "app.listen(process.env.PORT, process.env.HOST || '127.0.0.1');\n"), nil},
		{"this machine alone", files("a.js", "app.listen(process.env.PORT, '127.0.0.1');\n", "d.go", "package d\n\nvar _ = http.ListenAndServe(\"localhost:\"+os.Getenv(\"PORT\"), nil)\n", "Procfile", "web: python app.py --host localhost --port $PORT\n"), []string{"bound-local Procfile:1", "bound-local a.js:1", "bound-local d.go:3"}},

		{"daemons", files("Procfile", "a: nohup ./a\nb: ./b &\nc: pm2 start x.js\nd: supervisord -c x\ne: gunicorn x -D\nf: ./f & ./g\n", "x.py", "with daemon.DaemonContext():\n", "y.js", "fs.writeFileSync('x.pid', process.pid);\n"),
			[]string{"daemon Procfile:1", "daemon Procfile:2", "daemon Procfile:3", "daemon Procfile:4", "daemon Procfile:5", "daemon Procfile:6", "daemon x.py:1", "pid-file y.js:1"}},
		{"no daemons", files("Procfile", "a: ./a && ./b\nb: ./b 2>&1\nc: pm2-runtime x.js\nd: pm2 start x.js --no-daemon\ne: curl 'http://x/?a=1&b=2'\nf: ./b &> /dev/stdout\n"), nil},

		{"SIGTERM ignored", files("a.js", "process.on('SIGTERM', () => {});\n", "b.py", "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n", "c.go", "package c\n\nfunc f() { signal.Ignore(os.Interrupt, syscall.SIGTERM) }\n", "d.sh", "trap '' TERM\n"),
			[]string{"sigterm-ignored a.js:1", "sigterm-ignored b.py:1", "sigterm-ignored c.go:3", "sigterm-ignored d.sh:1"}},
		{"SIGTERM heard", files("a.js", "process.on('SIGTERM', () => { server.close(); });\nprocess.on('SIGTERM', () => {\n  server.close();\n});\n", "d.sh", "trap 'kill $child' TERM\n", "e.py", "signal.signal(signal.SIGPIPE, signal.SIG_IGN)\n"), nil},
		{"a script that stays", files("Procfile", "web: bash bin/start.sh\n", "bin/start.sh", "#!/bin/sh\nset -e\nnode server.js # the server\n\n"), []string{"no-exec bin/start.sh:3"}},
		{"a script that becomes", files("Procfile", "web: ./start.sh\nworker: sh worker.sh x\n", "start.sh", "#!/bin/sh\nexec node server.js\n", "worker.sh", "for i in 1 2; do\n  run $i\ndone\n"), nil},

		{"another database", files("settings.py", "ENGINE = 'django.db.backends.sqlite3'\n", "requirements.txt", "psycopg==3.2.0\n", ".python-version", "3.13"), []string{"other-database settings.py:1"}},
		{"SQLite alone", files("settings.py", "ENGINE = 'django.db.backends.sqlite3'\n", "requirements.txt", "django==5.2\n", ".python-version", "3.13"), nil},
		{"no version", files("requirements.txt", "flask==3.0.0\n"), []string{"runtime-unpinned requirements.txt"}},
		{"a server for development", files("Procfile", "web: python manage.py runserver 0.0.0.0:$PORT\n"), []string{"development-server Procfile:1"}},

		{"log files", files("a.py", "logging.handlers.RotatingFileHandler('app.log')\n", "b.js", "const out = fs.createWriteStream('access.log', { flags: 'a' });\nnew winston.transports.File({ filename: 'x' })\n", "src/main/resources/logback.xml", "<appender name=\"F\" class=\"ch.qos.logback.core.FileAppender\">\n", "application.properties", "logging.file.name=app.log\n", "Procfile", "web: ./web >> web.log 2>&1\nworker: gunicorn x --access-logfile access.log\n"),
			[]string{"log-file a.py:1", "log-file application.properties:1", "log-file b.js:1", "log-file b.js:2", "log-file src/main/resources/logback.xml:1", "log-redirect Procfile:1", "log-redirect Procfile:2"}},
		{"a log file by choice", files("a.py", "if app.config['LOG_TO_STDOUT']:\n    h = logging.StreamHandler()\nelse:\n    h = RotatingFileHandler('app.log')\n"), nil},
		{"logs to stdout", files("a.py", "from logging import FileHandler\nlogging.StreamHandler(sys.stdout)\n", "b.js", "new winston.transports.Console()\nconst out = fs.createWriteStream('report.csv');\n", "logback.xml", "<!-- class=\"ch.qos.logback.core.FileAppender\" -->\n<appender class=\"ch.qos.logback.core.ConsoleAppender\">\n", "Procfile", "web: ./web 2>&1\nworker: gunicorn x --access-logfile - 2>/dev/null\nmany: node x.js --filter 'a > b'\n"), nil},

		{"migrations of nobody", files("shop/migrations/0001_initial.py", "", "alembic.ini", "x"), []string{"migrations-unreleased alembic.ini", "migrations-unreleased shop/migrations/0001_initial.py"}},
		{"migrations of the release", files("shop/migrations/0001_initial.py", "", "Procfile", "release: python manage.py migrate\n"), nil},
		{"migrations at each start", files("shop/migrations/0001_initial.py", "", "Procfile", "web: python manage.py migrate && gunicorn x\n"), []string{"migrate-on-start Procfile:1"}},

		{"broken files", files("package.json", "{", "Procfile", "<<<<<<< HEAD\n", "x.py", "'''\npassword = 'Tr0mbone12'", "go.mod", "\xff\xfe", "bin.js", "a\x00app.listen(3000)"), []string{"runtime-unpinned package.json"}},
	} {
		t.Run(test.about, func(t *testing.T) {
			found, err := check.Source(test.files, check.Options{Versioned: true})
			if err != nil {
				t.Fatal(err)
			}
			got := rulesOf(found)
			slices.Sort(got)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			for _, f := range found {
				if f.Problem == "" || f.Why == "" || f.Next == "" || f.Factor < 1 || f.Factor > 12 || f.Severity != check.Miss && f.Severity != check.Warning {
					t.Errorf("incomplete: %+v", f)
				}
			}
		})
	}
}

// TestSlug looks at what was built: it has no version control, and what a package
// manager installed.
func TestSlug(t *testing.T) {
	tree := files(".env", "KEY=x\n", ".gitignore", ".env\n", "package.json", `{"engines":{"node":"22"}}`, "node_modules/a/index.js", "app.listen(3000)")
	found, err := check.Source(tree, check.Options{Slug: true})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"env-file .env:1"}, rulesOf(found)); diff != "" || !strings.Contains(found[0].Problem, "in the slug") {
		t.Errorf("%s %+v", diff, found)
	}
	if r := check.NewReport(found, 1); r.Factors[0].Verdict != check.Unchecked || r.Factors[2].Verdict != check.Missed || r.Factors[3].Verdict != check.OK {
		t.Errorf("%+v", r)
	}
}

// TestMember looks at a member of a workspace, which has its lock file above it.
func TestMember(t *testing.T) {
	tree := files("package.json", `{"dependencies":{"a":"1"}}`)
	o := check.Options{Versioned: true, Above: func(names ...string) bool {
		return slices.Contains(names, "pnpm-lock.yaml") || slices.Contains(names, "package.json")
	}}
	if found, err := check.Source(tree, o); err != nil || len(found) > 0 {
		t.Errorf("%+v, %v", found, err)
	}
	tree = files("package.json", "{}", "packages/web/package.json", "{}", "packages/web/Procfile", "web: bash start.sh\n", "packages/web/start.sh", "node x.js\n")
	found, err := check.Source(tree, check.Options{Slug: true, Dir: "packages/web"})
	if diff := cmp.Diff([]string{"no-exec packages/web/start.sh:1"}, rulesOf(found)); err != nil || diff != "" {
		t.Error(diff, err)
	}
}

// TestSamples looks at the sample apps: what is expected stands beside each.
func TestSamples(t *testing.T) {
	root := filepath.Join("..", "..", "testdata", "apps")
	expectations, err := filepath.Glob(filepath.Join(root, "*.toml"))
	if err != nil || len(expectations) == 0 {
		t.Fatalf("no sample apps: %v", err)
	}
	for _, name := range expectations {
		var want struct{ Check []string }
		if _, err := toml.DecodeFile(name, &want); err != nil {
			t.Fatal(err)
		}
		found, err := check.Source(os.DirFS(strings.TrimSuffix(name, ".toml")), check.Options{Versioned: true})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range found {
			got = append(got, f.Rule)
		}
		if diff := cmp.Diff(want.Check, got); diff != "" {
			t.Errorf("%s: %s\n%+v", path.Base(name), diff, found)
		}
	}
}

// TestBad looks at an app that misses all twelve.
func TestBad(t *testing.T) {
	app := t.TempDir()
	if err := os.CopyFS(app, os.DirFS(filepath.Join("..", "..", "testdata", "check", "bad"))); err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(app, "lib", "cart", ".git")
	if err := errors.Join(os.MkdirAll(copied, 0o755), os.WriteFile(filepath.Join(copied, "HEAD"), []byte("ref: refs/heads/main\n"), 0o644)); err != nil {
		t.Fatal(err)
	}
	found, err := check.Source(os.DirFS(app), check.Options{})
	if err != nil {
		t.Fatal(err)
	}
	report := check.NewReport(found)
	for _, f := range report.Factors {
		if f.Verdict != check.Missed {
			t.Errorf("factor %d, %s: %s", f.Number, f.Name, f.Verdict)
		}
	}
	var missed *check.MissError
	if err := report.Err(); !errors.As(err, &missed) || len(missed.Factors) != 12 || !strings.Contains(err.Error(), "12 of the twelve") {
		t.Errorf("Err is %v", err)
	}
	if all := fmt.Sprintf("%+v", report); strings.Contains(all, "Tr0mbone") || strings.Contains(all, "not-for-anybody") {
		t.Error("a secret is told")
	}
	if err := check.NewReport(nil).Err(); err != nil {
		t.Errorf("Err of nothing is %v", err)
	}
}
