package check

import "strings"

var (
	// portRead is where code reads the port.
	portRead = re(`\bPORT\b`)
	// portLiteral are calls that listen on a port which stands there.
	portLiteral = []struct {
		kinds   kind
		pattern *pattern
	}{
		{javaScript, re(`\.listen\(\s*\{?\s*(?:host(?:name)?\s*:\s*["'][^"']*["']\s*,\s*)?(?:port\s*:\s*)?["']?([1-9]\d{1,4})\b|\bserve\(\s*\{[^}]*\bport\s*:\s*([1-9]\d{1,4})\b`)},
		{python, re(`\b(?:app|application|api|server|bottle|uvicorn|web|asyncio)?\.?(?:run|run_app|serve|run_server)\([^)]*\bport\s*=\s*([1-9]\d{1,4})\b|\.listen\(\s*([1-9]\d{1,4})\b|(?:HTTPServer|TCPServer|make_server)\(\s*\(?\s*["'][\w.]*["']\s*,\s*([1-9]\d{1,4})\b|\.bind\(\s*\(\s*["'][\w.]*["']\s*,\s*([1-9]\d{1,4})\b`)},
		{golang, re(`\b(?:ListenAndServe(?:TLS)?|Run|Start|Listen)\(\s*(?:"tcp[46]?"\s*,\s*)?"[\w.\[\]:]*:([1-9]\d{1,4})"|\bAddr:\s*"[\w.]*:([1-9]\d{1,4})"`)},
		{java, re(`\bnew\s+(?:Server|ServerSocket)\(\s*([1-9]\d{1,4})\s*[,)]|HttpServer\.create\(\s*new\s+InetSocketAddress\(\s*(?:"[^"]*"\s*,\s*)?([1-9]\d{1,4})\s*\)|\.start\(\s*([1-9]\d{3,4})\s*\)|\bembeddedServer\([^)]*port\s*=\s*([1-9]\d{1,4})`)},
		{ruby | perl | php, re(`(?i)^\s*set\s+:port\s*,\s*([1-9]\d{1,4})\b|\bTCPServer\.new\([^)]*\b([1-9]\d{1,4})\s*\)|^\s*port\s+([1-9]\d{3,4})\s*$|\bLocalPort\s*=>\s*["']?([1-9]\d{1,4})\b`)},
	}
	// named is a call that listens on what a name stands for.
	named = re(`\.listen\(\s*\{?\s*(?:port\s*:\s*)?([A-Za-z_]\w*)\s*[,)}]`)
	// constant is a name that stands for a number.
	constant = re(`^\s*(?:export\s+)?(?:const|let|var)?\s*([A-Za-z_]\w*)\s*(?::\s*number\s*)?=\s*["']?([1-9]\d{1,4})["']?\s*;?\s*$`)
	// loopback are calls that listen for this machine alone.
	loopback = []struct {
		kinds   kind
		pattern *pattern
	}{
		{javaScript, re(`\.listen\([^)]*["'](?:localhost|127\.0\.0\.1)["']|\bserve\(\s*\{[^}]*\bhost(?:name)?\s*:\s*["'](?:localhost|127\.0\.0\.1)["']`)},
		{python, re(`\b(?:run|run_app|serve|run_server)\([^)]*\bhost\s*=\s*["'](?:localhost|127\.0\.0\.1)["']|\.listen\([^)]*["'](?:localhost|127\.0\.0\.1)["']|(?:HTTPServer|TCPServer|make_server)\(\s*\(?\s*["'](?:localhost|127\.0\.0\.1)["']`)},
		{golang, re(`\b(?:ListenAndServe(?:TLS)?|Run|Start|Listen)\(\s*(?:"tcp[46]?"\s*,\s*)?"(?:localhost|127\.0\.0\.1):|\bAddr:\s*"(?:localhost|127\.0\.0\.1):`)},
		{java, re(`HttpServer\.create\(\s*new\s+InetSocketAddress\(\s*"(?:localhost|127\.0\.0\.1)"|\.setHost\(\s*"(?:localhost|127\.0\.0\.1)"`)},
		{ruby | perl, re(`^\s*set\s+:bind\s*,\s*["'](?:localhost|127\.0\.0\.1)["']|\bTCPServer\.new\(\s*["'](?:localhost|127\.0\.0\.1)["']|\bLocalAddr\s*=>\s*["'](?:localhost|127\.0\.0\.1)["']`)},
	}
	// chosenHost is an address that is the default of a variable.
	chosenHost = re(`(?i)\b\w*(HOST|ADDR|BIND)\w*["']?\s*[\])]?\s*(\|\||\?\?|,\s*["'])`)
	// serving are texts of which a line that listens has one.
	serving = []string{"listen", "Listen", "erve", "un", "port", "bind", "Addr", "Socket", "tart", "Host"}
	// gateway starts the app itself, whatever its code does when it is run alone.
	gateway = re(`(?i)\b(gunicorn|uvicorn|hypercorn|waitress|daphne|uwsgi|granian)\b`)
	byHand  = re(`\b(app|application|api|uvicorn|server)\.run\(`)
)

const (
	portWhy  = "The platform chooses the port and asks there; on another one nobody asks, and the app is taken for dead after 60 seconds."
	localWhy = "A router on another machine cannot reach an address of this machine alone."
)

// ports: the web process listens on PORT, and for everybody.
func ports(t *tree) {
	served := false
	if web, is := t.command("web"); is {
		served = gateway.in(web.text)
	}
	for _, f := range t.files {
		switch f.base() {
		case "requirements.txt", "pyproject.toml", "Pipfile":
			served = served || gateway.in(f.text)
		}
	}
	for _, f := range t.files {
		if f.kind&code == 0 || development.in(f.name) {
			continue
		}
		reads := strings.Contains(f.text, "PORT") && portRead.in(environmentLines(f))
		listens := strings.Contains(f.text, ".listen(")
		numbers := map[string]int{}
		for i, line := range f.lines {
			if f.kind == javaScript && listens && strings.Contains(line, "=") {
				if m := constant.groups(line); m != nil {
					numbers[m[1]] = i + 1
				}
			}
			if !hasOne(line, serving) {
				continue
			}
			if served && f.kind == python && byHand.in(line) {
				continue
			}
			for _, p := range portLiteral {
				if f.kind&p.kinds != 0 && !reads && p.pattern.in(line) && !f.beside(i) {
					t.addAt(f, i, portFinding(f.kind))
				}
			}
			if m := named.groups(line); f.kind == javaScript && m != nil && !reads && numbers[m[1]] > 0 {
				t.addAt(f, numbers[m[1]]-1, portFinding(f.kind))
			}
			local := hasOne(line, []string{"localhost", "127.0.0.1"})
			for _, p := range loopback {
				if f.kind&p.kinds != 0 && local && p.pattern.in(line) && !chosenHost.in(line) {
					t.addAt(f, i, Finding{Factor: 7, Rule: "bound-local", Severity: Miss,
						Problem: "listens on this machine alone", Why: localWhy, Next: "listen on 0.0.0.0, or name no address"})
				}
			}
		}
	}
}

// environmentLines are the lines of a file that read the environment.
func environmentLines(f *file) string {
	var b strings.Builder
	for _, line := range f.lines {
		if environment.in(line) {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

func portFinding(in kind) Finding {
	how := `the variable PORT of the environment`
	switch in {
	case javaScript:
		how = `process.env.PORT || 3000`
	case python:
		how = `int(os.environ.get("PORT", "8000"))`
	case golang:
		how = `":" + os.Getenv("PORT")`
	case java:
		how = `Integer.parseInt(System.getenv().getOrDefault("PORT", "8080"))`
	case ruby:
		how = `ENV.fetch("PORT", 3000)`
	case perl:
		how = `$ENV{PORT} || 3000`
	}
	return Finding{Factor: 7, Rule: "port-literal", Severity: Miss,
		Problem: "listens on a port that stands in the code", Why: portWhy, Next: "write " + how}
}
