package nodejs

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/slugc/slugc/buildpacks/runtime/tool"
	"github.com/slugc/slugc/stack/download"
)

// failure is a run of npm that did not succeed.
type failure struct {
	// what says it in words, script is the line of package.json that ran.
	what, script string
	cause        error
	output       *tool.Tail
	// lock is the name of the lock file, node the value of NODE_ENV.
	lock, node string
}

// tailLines is how many of the last lines are repeated below an error.
const tailLines = 20

// cause is a known reason for a failure.
type cause struct {
	// code is an error code that npm prints, pattern what stands in the output.
	code, pattern *regexp.Regexp
	fault         download.Fault
	// why says it, and what to type.
	why string
}

// npmCode is the line in which npm says what kind of error it met.
var npmCode = regexp.MustCompile(`(?m)^npm (?:ERR!|error) code (\S+)`)

// npmPath is the line in which npm says whose script failed.
var npmPath = regexp.MustCompile(`(?m)^npm (?:ERR!|error) path (\S+)`)

// causes are the known ones, the surest first.
func causes(f failure) []cause {
	return []cause{
		{
			code: regexp.MustCompile(`^EUSAGE$`), fault: download.App,
			why: f.lock + " is out of step with package.json. Update it and commit it:\n" +
				"  npm install --package-lock-only\n" +
				"  git add " + f.lock + "\n" +
				"  git commit -m \"Update " + f.lock + "\"",
		},
		{
			code: regexp.MustCompile(`^ERESOLVE$`), fault: download.App,
			why: "two packages want versions of a third that exclude each other. See which:\n" +
				"  npm install --package-lock-only\n" +
				"then update one of them, or let npm pass over such wishes and commit that:\n" +
				"  npm config set legacy-peer-deps=true --location=project\n" +
				"  git add .npmrc",
		},
		{
			code: regexp.MustCompile(`^EINTEGRITY$`), fault: download.Registry,
			why: "the registry serves something else than " + f.lock + " says. When a package was published anew\n" +
				"under the same version, lock its new checksum after a look at what changed:\n" +
				"  rm " + f.lock + "\n" +
				"  npm install --package-lock-only\n" +
				"otherwise the registry's operator should clear its cache of the package",
		},
		{
			code: regexp.MustCompile(`^(E401|E403|ENEEDAUTH)$`), fault: download.App,
			why: "the registry wants credentials for a package, or refuses those that it got. Give the build some:\n" +
				"  npm config set //HOST/PATH/:_authToken='${NPM_TOKEN}' --location=project\n" +
				"and set NPM_TOKEN when you build",
		},
		{
			code: regexp.MustCompile(`^(E404|ETARGET|ENOVERSIONS)$`), fault: download.App,
			why: "the registry does not have a package, or not the version that is locked. If it is a private package,\n" +
				"name the registry of its scope and commit that:\n" +
				"  npm config set @SCOPE:registry=https://HOST/PATH/ --location=project\n" +
				"  git add .npmrc",
		},
		{
			code:  regexp.MustCompile(`^(SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_[A-Z_]+|CERT_[A-Z_]+|ERR_TLS_[A-Z_]+)$`),
			fault: download.App,
			why: "the registry's certificate is signed by an authority that Node.js does not know, such as a company's own.\n" +
				"Name its certificate file:\n" +
				"  export NODE_EXTRA_CA_CERTS=/path/to/ca.pem",
		},
		{
			code: regexp.MustCompile(`^(ECONNRESET|ECONNREFUSED|ECONNABORTED|ETIMEDOUT|ESOCKETTIMEDOUT|ERR_SOCKET_TIMEOUT|EIDLETIMEOUT|EAI_AGAIN|ENOTFOUND|` +
				`ENETUNREACH|EHOSTUNREACH|EPIPE|FETCH_ERROR|E429|E5\d\d|ERR_HTTP2_[A-Z_]+|ERR_STREAM_PREMATURE_CLOSE)$`),
			fault: download.Passing,
			why:   "the registry could not be reached, or did not answer as it should. Try again later",
		},
		{
			pattern: regexp.MustCompile(`JavaScript heap out of memory`), fault: download.App,
			why: "the script needs more memory than Node.js takes by default. Allow it some:\n" +
				"  slugc build -e NODE_OPTIONS=--max-old-space-size=4096",
		},
		{
			pattern: regexp.MustCompile(`(?i)gyp ERR! find Python|gyp ERR! stack Error: Could not find any Python`), fault: download.App,
			why: "a package is compiled when it is installed, which needs python3, and the stack has none.\n" +
				"Build on a stack with python3, make and g++, or use a version of the package that comes compiled",
		},
		{
			pattern: regexp.MustCompile(`gyp ERR! stack Error: not found: make|make: (g\+\+|gcc|cc|c\+\+): (No such file or directory|not found)|(g\+\+|gcc|cc|make): (command )?not found`),
			fault:   download.App,
			why: "a package is compiled when it is installed, which needs make and g++, and the stack does not have both.\n" +
				"Build on a stack with python3, make and g++, or use a version of the package that comes compiled",
		},
		{
			pattern: regexp.MustCompile(`ERR_OSSL_EVP_UNSUPPORTED`), fault: download.App,
			why: "a tool, often webpack 4, uses a hash that OpenSSL 3 has no more. Update the tool, or for now:\n" +
				"  slugc build -e NODE_OPTIONS=--openssl-legacy-provider",
		},
		{
			pattern: regexp.MustCompile(`version .GLIBC_[0-9.]+. not found`), fault: download.App,
			why: "a package brings a program that was made for a newer system than the stack.\nBuild on a newer stack, or use an older version of the package",
		},
		{
			pattern: regexp.MustCompile(`ENOSPC|No space left on device`), fault: download.Passing,
			why: "there is no space left on the disk. Make some:\n  slugc cache prune",
		},
		{
			pattern: regexp.MustCompile(`(?m)^(?:sh: )?(?:\d+: |line \d+: )?(\S+): (?:command )?not found`), fault: download.App,
			why: "the script calls a command that is neither in a package of the app nor in the stack.\n" +
				"If it belongs to a package, add that and commit it:\n" +
				"  npm install --save-dev PACKAGE\n" +
				"  git add " + manifestFile + " " + f.lock,
		},
	}
}

// explain says whose fault a failure is, how it ended, and what to do.
func explain(f failure) error {
	exit, byItself := ended(f.cause)
	if !byItself {
		return fmt.Errorf("%s: %w", f.what, f.cause)
	}
	text := f.output.Text()
	lines := []string{f.what + ": " + exit.Error()}
	fault := download.App
	code := ""
	if match := npmCode.FindStringSubmatch(text); match != nil {
		code = match[1]
	}
	var found *cause
	for _, c := range causes(f) {
		if c.code != nil && c.code.MatchString(code) || c.pattern != nil && c.pattern.MatchString(text) {
			found, fault = &c, c.fault
			break
		}
	}
	switch path := npmPath.FindStringSubmatch(text); {
	case f.script != "":
		lines = append(lines, "it is the app's own: "+f.script)
	case found == nil && path != nil && strings.Contains(path[1], "/node_modules/"):
		name := path[1][strings.LastIndex(path[1], "/node_modules/")+len("/node_modules/"):]
		lines = append(lines, "the install script of the package "+name+" failed")
	}
	if tail := f.output.Lines(tailLines); len(tail) > 0 {
		lines = append(lines, "its last lines:")
		for _, line := range tail {
			lines = append(lines, "  "+line)
		}
	}
	if found != nil {
		lines = append(lines, found.why)
	} else if f.script != "" {
		lines = append(lines, "see it fail on your machine:\n  npm ci\n  npm run "+strings.Trim(strings.SplitN(f.script, ":", 2)[0], `"`))
	}
	return &download.Error{Fault: fault, Err: &causedError{text: strings.Join(lines, "\n"), cause: f.cause}}
}

// causedError is a text with the error that led to it.
type causedError struct {
	text  string
	cause error
}

func (e *causedError) Error() string { return e.text }

// Unwrap returns the cause.
func (e *causedError) Unwrap() error { return e.cause }
