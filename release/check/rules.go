package check

import (
	"slices"
	"strings"
	"sync"
)

// lineRule finds something in a line of the files of some kinds.
type lineRule struct {
	Finding
	kinds kind
	// hints are texts in lower case of which a line has one, which is soon looked up.
	hints []string
	// pattern is what is looked for, and unless what makes it good in the same line.
	pattern, unless *pattern
	// fallback is whether it is good as the default of an environment variable.
	fallback bool
	// deployed is whether it is fine in what is for development alone.
	deployed bool
}

// environment is where code and configuration read an environment variable.
var environment = re(`(?i)process\.env|\bmeta\.env|\b(bun|deno)\.env|os\.environ|getenv|lookupenv|\benviron\b|\benv[.(\[]|\$ENV\{|<%=|(?-i:\$\{?[A-Z_][A-Z0-9_]*)|\bdecouple\b|\bconfig\(|BaseSettings`)

// development is the name of a file that is not for production.
var development = re(`(?i)(^|[/._-])(dev|develop|development|local|test|tests|testing|seed|seeds|mock|docker-compose|compose)([/._-]|$)`)

// lineRules are the rules over lines.
var lineRules = sync.OnceValue(func() []lineRule {
	const log = `[^"'\x60]*\.log["'\x60]`
	return []lineRule{
		{
			Finding: Finding{Factor: 4, Rule: "service-literal", Severity: Miss,
				Problem: "has the address of a backing service in it",
				Why:     "A database, cache, queue or mail server is attached by the deploy's config, so that another one needs no change of code.",
				Next:    "read the address from the environment, such as DATABASE_URL, and set it: slugc config set APP DATABASE_URL=..."},
			kinds:    code | settings,
			hints:    []string{"://", "localhost:", "127.0.0.1:"},
			pattern:  re(`(?i)["'\x60=:\s]((jdbc:)?(postgres|postgresql|postgis|mysql2?|mariadb|mongodb(\+srv)?|rediss?|amqps?|memcached?|smtps?|nats|kafka|sqlserver)(\+\w+)?://[^\s"'\x60/$%{<]|(localhost|127\.0\.0\.1):(5432|3306|27017|6379|5672|11211|9092|1433|9200|1025)\b)`),
			unless:   re(`(?i)@?example\.|placeholder|\bhelp\s*=|usage|throw |raise |\b(startsWith|replace|match|test|HasPrefix|TrimPrefix|startswith)\(`),
			fallback: true, deployed: true,
		},
		{
			Finding: Finding{Factor: 6, Rule: "session-file", Severity: Miss,
				Problem: "keeps sessions in files of the process",
				Why:     "The next request may reach another process, and a restart loses the files: people are logged out.",
				Next:    "keep sessions in a backing service, such as SESSION_ENGINE = \"django.contrib.sessions.backends.cached_db\""},
			kinds:   python,
			hints:   []string{"session_"},
			pattern: re(`SESSION_ENGINE\s*=\s*["']django\.contrib\.sessions\.backends\.file["']|["']?SESSION_TYPE["']?\]?\s*[=:]\s*["']filesystem["']`),
		},
		{
			Finding: Finding{Factor: 6, Rule: "upload-local", Severity: Miss,
				Problem: "keeps what people upload in a directory of the process",
				Why:     "The file system of a process is its own and goes with it: the upload is gone after a restart, and no other process has it.",
				Next:    "send uploads to an object store, with its address and keys in the environment; /tmp is for the time of one request"},
			kinds:    javaScript | python,
			hints:    []string{"multer", "upload_folder", "media_root"},
			pattern:  re(`\bmulter\(\s*\{\s*dest\s*:\s*["'\x60]|\bmulter\.diskStorage\(|["']?UPLOAD_FOLDER["']?\]?\s*=\s*["']|^\s*MEDIA_ROOT\s*=\s*`),
			unless:   re(`["'\x60/]tmp\b|tmpdir|gettempdir`),
			fallback: true,
		},
		{
			Finding: Finding{Factor: 8, Rule: "daemon", Severity: Miss,
				Problem: "puts itself into the background",
				Why:     "Whoever started the process watches, restarts and ends it; one that left cannot be scaled, and its end is taken for a crash.",
				Next:    "run in the foreground: remove the call, and let slugc start keep the process"},
			kinds:   python | ruby | perl | php,
			hints:   []string{"daemon", "setsid", "fork"},
			pattern: re(`\bDaemonContext\(|\bdaemonize\(|\bProcess\.daemon\b|\bos\.setsid\(\s*\)|\bpcntl_fork\(|Proc::Daemon`),
			unless:  re(`^\s*(def|sub|function)\b|preexec_fn`),
		},
		{
			Finding: Finding{Factor: 8, Rule: "pid-file", Severity: Miss,
				Problem: "writes a PID file",
				Why:     "The process manager knows its processes; a file that is left behind names somebody else, and keeps the next start from happening.",
				Next:    "remove it; slugc ps APP shows what runs"},
			kinds:   code,
			hints:   []string{".pid", "pidfile"},
			pattern: re(`(?i)(open|write\w*|create|touch|pidfile|pid_file)[^"'\x60]*["'\x60][^"'\x60]*\.pid["'\x60]|\bpidfile\s*[=(]\s*["'\x60]`),
			unless:  re(`(?i)readFile|unlink|["']r["']|os\.(Open|ReadFile|Remove)\(`),
		},
		{
			Finding: Finding{Factor: 9, Rule: "sigterm-ignored", Severity: Miss,
				Problem: "ignores SIGTERM",
				Why:     "It is how a process is told to end; what ignores it is killed 30 seconds later, in the middle of its work.",
				Next:    "finish the requests under way and exit, or remove the handler"},
			kinds:   code | shell,
			hints:   []string{"term", "15"},
			pattern: re(`signal\.signal\(\s*(signal\.)?SIGTERM\s*,\s*(signal\.)?SIG_IGN|signal\.Ignore\([^)]*SIGTERM|process\.on\(\s*["']SIGTERM["']\s*,\s*(\(\w*\)|function\s*\(\w*\)|\w+)\s*(=>)?\s*\{\s*\}\s*\)|\btrap\s+(''|"")\s+([A-Z0-9 ]+ )?(SIG)?(TERM|15)\b|\bSignal\.trap\(\s*["'](SIG)?TERM["']\s*,\s*["'](SIG_IGN|IGNORE)["']|\btrap\(?\s*["'](SIG)?TERM["']\s*,\s*["'](SIG_IGN|IGNORE)["']|\$SIG\{\s*['"]?TERM['"]?\s*\}\s*=\s*['"]IGNORE|pcntl_signal\(\s*SIGTERM\s*,\s*SIG_IGN|new Signal\("TERM"\)\s*,\s*SignalHandler\.SIG_IGN`),
		},
		{
			Finding: Finding{Factor: 11, Rule: "log-file", Severity: Miss,
				Problem: "writes its log to a file",
				Why:     "The log is a stream that the platform collects from stdout; a file is lost with the process, and fills its disk.",
				Next:    "write to stdout, such as logging.StreamHandler(), winston's transports.Console() or a ConsoleAppender; slugc logs APP shows it"},
			kinds: code | settings | markup,
			hints: []string{"filehandler", "filename", ".log", "file(", "fileappender", "rollingfile", "<file", "<rolling", "<random", "logging.file", "log.file", "lumberjack"},
			pattern: re(`(?i:\b(Rotating|TimedRotating|Watched|ConcurrentRotating)?FileHandler\b["']?\s*[(,}]|["']class["']\s*:\s*["']logging\.(handlers\.)?\w*FileHandler["'])|` +
				`^\s*class\s*=\s*(handlers\.)?\w*FileHandler\s*$|\blogging\.basicConfig\([^)]*\bfilename\s*=|\blogger\.add\(\s*["']` + log + `|` +
				`\btransports\.(DailyRotate)?File\(|\b(createWriteStream|appendFile|appendFileSync)\([^)]*["'\x60/]` + log + `|` +
				`\bos\.(OpenFile|Create)\([^)]*["\x60]` + log + `|&?lumberjack\.Logger\{|` +
				`\bopen\([^)]*["'/]` + log + `\s*,\s*["'][aw]|` +
				`\bclass\s*=\s*"[\w.]*\bFileAppender"|\bclass\s*=\s*"[\w.]*RollingFileAppender"|<(Rolling)?(RandomAccess)?File\s+name=|` +
				`^\s*logging\.file(\.name|\.path)?\s*[=:]\s*\S|^\s*quarkus\.log\.file\.enable(d)?\s*=\s*true|\bLogger\.new\(\s*["']` + log),
			unless:   re(`(?i)^\s*(import|from)\s|["'/]dev/std|tempfile|tmpdir`),
			deployed: true,
		},
		{
			Finding: Finding{Factor: 10, Rule: "other-database", Severity: Miss,
				Problem: "uses SQLite, and the app declares another database for production",
				Why:     "What works on one database breaks on the other, and it is found out in production.",
				Next:    "use the same database everywhere; slugc run and start take the address with -e DATABASE_URL=..."},
			kinds:   code | settings,
			hints:   []string{"sqlite"},
			pattern: re(`django\.db\.backends\.sqlite3|["'\x60]sqlite(\+\w+)?://|\bdialect\s*:\s*["']sqlite["']|\bclient\s*:\s*["'](better-)?sqlite3["']|^\s*adapter:\s*sqlite3|jdbc:sqlite:`),
		},
	}
})

// toStdout is a variable by which the log goes to stdout.
var toStdout = re(`(?i)LOG_(TO_)?STD|LOG_TO_CONSOLE`)

// servers are drivers of databases that a manifest declares.
var servers = re(`(?m)^\s*(["']?(pg|pg-promise|postgres|mysql2?|mariadb|tedious)["']\s*:|["']?(psycopg2?(-binary|-c)?|psycopg\[[\w,-]+\]|asyncpg|pg8000|mysqlclient|PyMySQL|pymysql|aiomysql)\b["']?\s*([=<>~!;\[,"']|$)|gem\s+["'](pg|mysql2)["'])|\bgithub\.com/(lib/pq|jackc/pgx|go-sql-driver/mysql)\b|<artifactId>(postgresql|mysql-connector-j|mariadb-java-client)</artifactId>`)

// lineByLine looks at every line that is written by people.
func lineByLine(t *tree) {
	declared, stored := false, false
	for _, f := range t.files {
		switch f.base() {
		case "base.txt", "production.txt", "settings.py", "production.py":
			stored = stored || strings.Contains(f.text, "storages")
		case "package.json", "pyproject.toml", "Pipfile", "Gemfile", "go.mod", "pom.xml", "requirements.txt":
			declared = declared || servers.in(f.text)
			stored = stored || strings.Contains(f.text, "django-storages")
		}
	}
	for _, f := range t.files {
		// Hidden files are those of tools: of editors, of CI, of examples.
		if f.kind&written == 0 || strings.HasPrefix(f.base(), ".") {
			continue
		}
		t.secrets(f)
		for i, line := range f.lines {
			lower := strings.ToLower(line)
			for _, r := range lineRules() {
				switch {
				case f.kind&r.kinds == 0 || !hasOne(lower, r.hints) || !r.pattern.in(line),
					r.unless != nil && r.unless.in(line),
					r.fallback && f.beside(i),
					r.deployed && development.in(f.name),
					r.Rule == "log-file" && toStdout.in(f.around(i, 10, 1)),
					// An object store takes the uploads of Django.
					r.Rule == "upload-local" && stored && strings.Contains(line, "MEDIA_ROOT"),
					r.Rule == "other-database" && !declared:
					continue
				}
				t.addAt(f, i, r.Finding)
			}
		}
	}
}

// hasOne is whether a text has one of some.
func hasOne(text string, of []string) bool {
	return slices.ContainsFunc(of, func(part string) bool { return strings.Contains(text, part) })
}

// addAt is a finding in a line of a file, which counts from 0.
func (t *tree) addAt(f *file, i int, found Finding) {
	found.File, found.Line = f.name, i+1
	t.add(found)
}

// beside is whether an environment variable is read at a line, or a little before it.
func (f *file) beside(i int) bool {
	for _, line := range f.lines[max(0, i-3):min(len(f.lines), i+2)] {
		if environment.in(line) {
			return true
		}
	}
	return false
}

// around has the lines from so many before one to so many behind it.
func (f *file) around(i, before, behind int) string {
	return strings.Join(f.lines[max(0, i-before):min(len(f.lines), i+behind+1)], "\n")
}

func (f *file) base() string {
	return f.name[strings.LastIndexByte(f.name, '/')+1:]
}
