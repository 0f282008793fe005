package check

import (
	"fmt"
	"strings"
)

// token is a credential that is known by its form.
type token struct {
	what string
	// hints are texts of which a line has one.
	hints   []string
	pattern *pattern
}

var tokens = []token{
	{"the id of a cloud access key", []string{"AKIA", "ASIA"}, re(`\b(AKIA|ASIA)[0-9A-Z]{16}\b`)},
	{"a private key", []string{"PRIVATE KEY"}, re(`-----BEGIN ([A-Z]+ )*PRIVATE KEY( BLOCK)?-----`)},
	{"a token of a code host", []string{"gh", "glpat-"}, re(`\b(gh[pousr]_[0-9A-Za-z]{30,}|github_pat_[0-9A-Za-z_]{30,}|glpat-[0-9A-Za-z_-]{20,})`)},
	{"a token of a chat service", []string{"xox"}, re(`\bxox[abeoprs]-[0-9A-Za-z-]{10,}`)},
	{"the live key of a payment service", []string{"k_live_"}, re(`\b[rs]k_live_[0-9A-Za-z]{10,}`)},
}

var (
	// withPassword is a URL with a user and a password: its password and its host.
	withPassword = re(`\b[a-zA-Z][a-zA-Z0-9+.-]*://[^\s:/@"'\x60$<{%]*:([^\s/@"'\x60$<{%]+)@([^\s:/"'\x60?]+)`)
	// literal is a string that is given to what is named like a secret.
	literal = re(`(?i)(?:^|[^a-z0-9])[a-z0-9_.-]*(?:password|passwd|passphrase|secret|secret[_-]?key|api[_-]?key|access[_-]?key|auth[_-]?token|access[_-]?token|private[_-]?token|client[_-]?secret)["']?\]?\s*(?::=|=>|[:=])\s*["'\x60]([^"'\x60\s]{6,})["'\x60]`)
	// setting is the same in a file of configuration, where strings need no quotes.
	setting = re(`(?i)^\s*(?:export\s+)?["']?[a-z0-9_.-]*(?:password|passwd|passphrase|secret|secret[_-]?key|api[_-]?key|access[_-]?key|auth[_-]?token|access[_-]?token|client[_-]?secret)["']?\s*[:=]\s*["']?([^"'\s#,]{8,})["']?\s*,?\s*$`)
	// stand is what stands for a secret and is none.
	stand  = re(`(?i)example|change|placeholder|dummy|sample|fake|your|xxx|\*\*\*|\.\.\.|todo|redacted|[$<{(\[\\]|:x:|^(pass|password|passwd|pwd|secret|token|user|username|test|guest|root|postgres|admin)[0-9]*$|^(AIza|pk_|file:|https?:|/)|^[a-z]+([._-][a-z]+)*$|^[A-Z]+(_[A-Z]+)*$`)
	digits = re(`[0-9]`)
	nearby = re(`^(localhost|127\.|\[?::1|0\.0\.0\.0|example\.)|\.example(\.|$)|example\.(com|org|net)$`)
	// perEnvironment is a file of configuration for one environment.
	perEnvironment = re(`(?i)(^|/)(config|settings|environments?)/(.*[/._-])?(development|production|staging|prod|stage)\.\w+$|(^|/)(application|appsettings|config|settings)[._-](production|staging|prod|stage|development)\.\w+$|(^|/)config/database\.yml$`)
)

const (
	sharedWhy  = "Whoever reads the code, or an artifact of it, has the secret, and it cannot differ between deploys."
	sharedNext = "read it from the environment, set it with slugc config set APP NAME=VALUE, and make a new one: this one is known"
)

// secrets looks for credentials in a file. Their values are not told.
func (t *tree) secrets(f *file) {
	rule, where := "credential", ""
	if f.kind == settings && perEnvironment.in(f.name) {
		rule, where = "config-file", ", in a file that is for one environment"
	}
	for i, line := range f.lines {
		what := secretIn(line, f.kind)
		if what == "" {
			continue
		}
		t.addAt(f, i, Finding{Factor: 3, Rule: rule, Severity: Miss,
			Problem: fmt.Sprintf("has %s in it%s", what, where), Why: sharedWhy, Next: sharedNext})
	}
}

// secretIn says what secret a line has; empty for none.
func secretIn(line string, in kind) string {
	for _, k := range tokens {
		if !hasOne(line, k.hints) {
			continue
		}
		if found := k.pattern.find(line); found != "" && !strings.Contains(found, "EXAMPLE") {
			return k.what
		}
	}
	if m := addressIn(line); m != nil && !stand.in(m[1]) && !nearby.in(m[2]) {
		return "an address with a password"
	}
	if !hasOne(strings.ToLower(line), []string{"pass", "secret", "key", "token"}) {
		return ""
	}
	if environment.in(line) && !strings.Contains(line, "||") && !strings.Contains(line, "??") && !strings.Contains(line, ",") {
		return ""
	}
	for _, pattern := range []*pattern{literal, setting} {
		if pattern == setting && in&(settings|shell) == 0 {
			continue
		}
		if m := pattern.groups(line); m != nil && digits.in(m[1]) && !stand.in(m[1]) {
			return "a password or a key"
		}
	}
	return ""
}

// addressIn are the password and the host of an address in a line.
func addressIn(line string) []string {
	if !strings.Contains(line, "://") {
		return nil
	}
	return withPassword.groups(line)
}

// envExample is the end of the name of a file that shows which variables there are.
var envExample = re(`(?i)example|sample|template|dist|default|schema|test|vault|rc$`)

// envFile is what a file of environment variables is for: "" when it is none or an
// example, else its name behind ".env", or ".".
func envFile(base string) string {
	rest, is := strings.CutPrefix(base, ".env")
	switch {
	case !is, envExample.in(rest):
		return ""
	case rest == "":
		return "."
	case rest[0] != '.':
		return ""
	}
	return rest
}

var (
	assignment = re(`^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*\S`)
	// secretName is a variable that has a secret, or the address of a service.
	secretName = re(`(?i)KEY|SECRET|TOKEN|PASS|PWD|CREDENTIAL|AUTH|PRIVATE|_UR[LI]|DSN`)
	// public are variables that a bundler writes into pages.
	public = re(`^(NEXT_PUBLIC_|VITE_|REACT_APP_|PUBLIC_|NUXT_PUBLIC_|EXPO_PUBLIC_|GATSBY_)`)
)

// environmentFiles looks for .env files that are committed.
func environmentFiles(t *tree) {
	for _, f := range t.files {
		if envFile(f.base()) == "" || !t.committed(f.name) {
			continue
		}
		first, name := -1, ""
		for i, line := range f.lines {
			m := assignment.groups(line)
			if m == nil || public.in(m[1]) {
				continue
			}
			if first < 0 || !secretName.in(name) && secretName.in(m[1]) {
				first, name = i, m[1]
			}
		}
		if first < 0 {
			continue
		}
		found := Finding{Factor: 3, Rule: "env-file", Severity: Miss,
			Problem: fmt.Sprintf("is in version control, with %s", name),
			Why:     sharedWhy,
			Next:    fmt.Sprintf("git rm --cached %s && echo %s >> .gitignore; slugc config import APP %s keeps it apart from the code", f.name, f.base(), f.name)}
		if t.Slug {
			found.Problem = fmt.Sprintf("is in the slug, with %s", name)
			found.Next = fmt.Sprintf("echo %s >> .slugignore, and build again; slugc config import APP %s keeps it apart from the code", f.base(), f.name)
		}
		if !secretName.in(name) {
			found.Severity = Warning
			found.Why = "Config differs between deploys and the code does not; and the next line of this file may be a secret."
		}
		t.addAt(f, first, found)
	}
}
