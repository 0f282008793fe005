package check

import (
	"encoding/json"
	"fmt"
	"path"
	"strings"
)

// webCommands are the commands of the processes: those of the Procfile, and the start
// script of the root where the Procfile has none for web or calls it.
func (t *tree) webCommands() []command {
	all := t.commands
	web, declared := t.command("web")
	if declared && !callsStart.in(web.text) {
		return all
	}
	f := t.file(path.Join(t.Dir, "package.json"))
	if f == nil {
		return all
	}
	var manifest struct {
		Scripts map[string]string `json:"scripts"`
	}
	if json.Unmarshal([]byte(f.text), &manifest) != nil || manifest.Scripts["start"] == "" {
		return all
	}
	start := command{file: f.name, name: "start", text: manifest.Scripts["start"]}
	for i, line := range f.lines {
		if startLine.in(line) {
			start.line = i + 1
		}
	}
	return append(all[:len(all):len(all)], start)
}

func (t *tree) addCommand(c command, found Finding) {
	found.File, found.Line = c.file, c.line
	t.add(found)
}

var (
	callsStart = re(`\b(npm|yarn|pnpm|bun)\s+(run\s+)?start\b`)
	startLine  = re(`^\s*"start"\s*:`)
	builds     = re(`(?:^|[;&|({]\s*|\b(?:then|do|exec)\s+)(?:\w+=\S*\s+)*(npm (?:ci|install|i|run build)\b|yarn (?:install|build|run build)|pnpm (?:install|i|run build|build)\b|bun (?:install|run build)|pip3? install|python3? -m pip install|pipenv (?:install|sync)|poetry (?:install|sync)|uv sync|bundle install|composer install|go (?:build|run|install|get)|mvnw? |\./mvnw|\./gradlew|gradle |cargo (?:build|run)|tsc\b|npx tsc|webpack\b|vite build|next build|ng build|git (?:pull|clone)|apt-get (?:install|update)|apt install|make(?:\s|$)|(?:python3? )?(?:\./)?manage\.py collectstatic)`)
	devServer  = re(`(manage\.py runserver|\bflask run\b|\bnext dev\b|\bnodemon\b|\bng serve\b|\bvite(\s+--?\S+)*\s*$|\bwebpack-dev-server\b|\bwebpack serve\b|\buvicorn\b.*--reload\b|\bfastapi dev\b)`)
	migrates   = re(`(manage\.py migrate\b|\balembic upgrade\b|\bprisma (migrate deploy|db push)\b|\bknex migrate|\bsequelize(-cli)? db:migrate|\btypeorm\b.*migration:run|\bflyway\b.*\bmigrate\b|\bliquibase\b.*\bupdate\b|\bdb:migrate\b|\bflask db upgrade\b|\bmigrate -(path|source|database)\b|\bartisan migrate\b)`)
	background = re(`[^&>|]&\s*($|[^&>\s])|[^&>|]&\s+[^&>]`)
	detaches   = re(`\bnohup\s|\bsetsid\s|\bdaemonize\s|\s--daemon(ize)?\b|\bgunicorn\b.*\s-D\b|\bforever start\b|\bstart-stop-daemon\b`)
	pm2        = re(`\bpm2\s+(start|restart|reload)\b`)
	supervisor = re(`\bsupervisord\b`)
	pidOption  = re(`\s--pid(file)?[= ]\s*\S+|\.pid\b`)
	redirect   = re(`(?:^|[^0-9&>-])(?:1|&)?>>?\s*([^&\s>|;)]+)|2>>?\s*([^&\s>|;)]+)|\|\s*tee\s+(?:-a\s+)?(\S+)`)
	logOption  = re(`\s--(?:access-logfile|error-logfile|log-file|logfile|logto|access-log)[= ]\s*(\S+)`)
	portOption = re(`(?:--port[= ]|\s-p\s*|--bind[= ]\S*:|\s-b\s*\S*:|--http-?port[= ]|-Dserver\.port=|--listen[= ]\S*:|--server\.port=|\s[\d.]+:)([1-9]\d{1,4})\b`)
	localOpt   = re(`(?:--bind[= ]|\s-b\s*|--host(?:name)?[= ]|--address[= ]|--listen[= ]|-H\s*|\s)(?:localhost|127\.0\.0\.1)\b`)
)

// commandLines looks at how the processes are started.
func commandLines(t *tree) {
	for _, c := range t.webCommands() {
		text := " " + c.text
		if m := builds.groups(c.text); m != nil && c.name != "release" {
			t.addCommand(c, Finding{Factor: 5, Rule: "build-at-run", Severity: Miss,
				Problem: fmt.Sprintf("%s builds while it starts: %s", c.name, strings.TrimSpace(m[1])),
				Why:     "A release is built once and then only run; what is built at each start is slow, may fail, and may be another thing each time.",
				Next:    "move it to the build (a build script, or bin/post_compile), and start what was built"})
		}
		if c.name == "release" {
			continue
		}
		if m := devServer.find(c.text); m != "" {
			t.addCommand(c, Finding{Factor: 10, Rule: "development-server", Severity: Warning,
				Problem: fmt.Sprintf("%s starts a server for development: %s", c.name, m),
				Why:     "It watches files and shows its insides, and does not bear many requests.",
				Next:    "start the server for production, such as gunicorn, uvicorn without --reload, next start or node"})
		}
		if m := migrates.find(c.text); m != "" {
			t.addCommand(c, Finding{Factor: 12, Rule: "migrate-on-start", Severity: Miss,
				Problem: fmt.Sprintf("%s migrates the database when it starts: %s", c.name, m),
				Why:     "Every process of every restart does it, several at once; an admin task runs once, in a process of its own.",
				Next:    "write a line in the Procfile: release: " + m})
		}
		t.background(c, text)
		t.redirected(c, text)
		if c.name == "web" {
			if !strings.Contains(c.text, "PORT") && portOption.in(text) {
				t.addCommand(c, Finding{Factor: 7, Rule: "port-literal", Severity: Miss,
					Problem: "web listens on a port that stands in its command", Why: portWhy, Next: "write $PORT in its place"})
			}
			if localOpt.in(text) && !strings.Contains(text, "://localhost") {
				t.addCommand(c, Finding{Factor: 7, Rule: "bound-local", Severity: Miss,
					Problem: "web listens on this machine alone", Why: localWhy, Next: "write 0.0.0.0 in its place"})
			}
		}
	}
}

// background looks for what leaves the process that was started.
func (t *tree) background(c command, text string) {
	found := Finding{Factor: 8, Rule: "daemon", Severity: Miss,
		Why:  "Whoever started the process watches, restarts and ends it; one in the background cannot be scaled, and its end is not seen.",
		Next: "run it in the foreground, each process as a type of its own: a line in the Procfile, and slugc scale APP TYPE=N"}
	switch {
	case detaches.in(text):
		found.Problem = c.name + " puts its process into the background: " + strings.TrimSpace(detaches.find(text))
	case pm2.in(text) && !strings.Contains(text, "--no-daemon"):
		found.Problem = c.name + " hands its process to a daemon: pm2"
		found.Next = "start the program itself, such as node server.js; slugc scale APP web=N makes more of it"
	case supervisor.in(text):
		found.Problem = c.name + " starts a manager of processes: supervisord"
	case background.in(quoted.cut(text, "''")):
		found.Problem = c.name + " starts a process in the background with &"
	default:
		found.Problem = ""
	}
	if found.Problem != "" {
		t.addCommand(c, found)
	}
	if pidOption.in(text) {
		t.addCommand(c, Finding{Factor: 8, Rule: "pid-file", Severity: Miss,
			Problem: c.name + " writes a PID file",
			Why:     "The process manager knows its processes; a file that is left behind names somebody else, and keeps the next start from happening.",
			Next:    "remove the option; slugc ps APP shows what runs"})
	}
}

// quoted are strings of a shell.
var quoted = re(`'[^']*'|"[^"]*"`)

// redirected looks for output that goes to a file.
func (t *tree) redirected(c command, text string) {
	var to string
	for _, m := range redirect.all(quoted.cut(text, "''")) {
		for i, name := range m[1:] {
			// Who throws errors away knows why.
			if name == "" || strings.HasPrefix(name, "/dev/") && (name != "/dev/null" || i == 1) {
				continue
			}
			to = name
		}
	}
	for _, m := range logOption.all(text) {
		if m[1] != "-" && !strings.HasPrefix(m[1], "/dev/") && !strings.HasPrefix(m[1], "/proc/") {
			to = m[1]
		}
	}
	if to == "" {
		return
	}
	t.addCommand(c, Finding{Factor: 11, Rule: "log-redirect", Severity: Miss,
		Problem: fmt.Sprintf("the output of %s goes to %s", c.name, to),
		Why:     "The log is a stream that the platform collects from stdout; a file is lost with the process, and fills its disk.",
		Next:    "leave it on stdout and stderr; slugc logs APP shows it, slugc start --drain sends it elsewhere"})
}

var (
	sessionCall = re(`\bsession\(\s*\{|\bexpressSession\(\s*\{`)
	store       = re(`\bstore\b`)
)

// sessions looks for those that express-session keeps in the memory of a process.
func sessions(t *tree) {
	for _, f := range t.files {
		if f.kind != javaScript || !strings.Contains(f.text, "express-session") {
			continue
		}
		for i, line := range f.lines {
			if sessionCall.in(line) && !store.in(f.around(i, 0, 15)) {
				t.addAt(f, i, Finding{Factor: 6, Rule: "session-memory", Severity: Miss,
					Problem: "keeps sessions in the memory of the process",
					Why:     "The next request may reach another process, and a restart forgets all: people are logged out.",
					Next:    "name a store, such as store: new RedisStore({ client }) of connect-redis"})
			}
		}
	}
}

var (
	// client is code that opens a connection to a backing service.
	client = re(`(?i)createConnection|createPool\b|new Pool\(|new Client\(|createClient|new Redis\(|new Sequelize\(|new MongoClient|MongoClient\(|createTransport|psycopg2?\.connect|asyncpg\.|mysql\.connector|pymysql\.|redis\.(Strict)?Redis|pika\.|smtplib\.SMTP|DATABASES|\bENGINE\b|dialect\s*:|knex\(|DataSource\(`)
	host   = re(`(?i)["']?\b(host|hostname|server)["']?\s*[:=]\s*["'](localhost|127\.0\.0\.1)["']|\b(SMTP|Redis|StrictRedis|MongoClient)\(\s*["'](localhost|127\.0\.0\.1)["']`)
)

// localHosts looks for clients of databases on localhost.
func localHosts(t *tree) {
	for _, f := range t.files {
		if f.kind&(javaScript|python|ruby|php) == 0 || development.in(f.name) {
			continue
		}
		for i, line := range f.lines {
			if !hasOne(line, []string{"localhost", "127.0.0.1"}) || !host.in(line) || environment.in(line) || !client.in(f.around(i, 8, 8)) {
				continue
			}
			t.addAt(f, i, Finding{Factor: 4, Rule: "service-literal", Severity: Miss,
				Problem: "has the host of a backing service in it",
				Why:     "A database, cache, queue or mail server is attached by the deploy's config, so that another one needs no change of code.",
				Next:    "read the address from the environment, such as DATABASE_URL, and set it: slugc config set APP DATABASE_URL=..."})
		}
	}
}

// script is a command that is a shell script of the app.
var script = re(`^(?:exec\s+)?(?:(?:ba|da)?sh\s+)?(?:\./)?([\w./-]+\.(?:sh|bash))(?:\s+[^;&|]*)?$`)

// lasting is a last line that becomes the program, or that does not start one.
var lasting = re(`\bexec\s|^\s*(wait|fi|done|esac|\}|exit)\b`)

// wrappers looks for scripts that stay before the process that they start.
func wrappers(t *tree) {
	told := map[string]bool{}
	for _, c := range t.commands {
		m := script.groups(strings.TrimSpace(c.text))
		if m == nil || c.name == "release" {
			continue
		}
		f := t.file(path.Join(t.Dir, m[1]))
		if f == nil || told[f.name] {
			continue
		}
		told[f.name] = true
		last := -1
		for i, line := range f.lines {
			if strings.TrimSpace(line) != "" {
				last = i
			}
		}
		if last < 0 || lasting.in(f.lines[last]) || strings.Contains(f.text, "\nexec ") {
			continue
		}
		t.addAt(f, last, Finding{Factor: 9, Rule: "no-exec", Severity: Warning,
			Problem: fmt.Sprintf("the script of %s stays before the program that it starts", c.name),
			Why:     "A shell does not hand SIGTERM on: where the platform tells the first process alone, the program is killed in the middle of its work.",
			Next:    "write exec before the last command"})
	}
}
