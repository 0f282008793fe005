package nodejs

import (
	"regexp"
	"strings"

	"github.com/slugc/slugc/buildpacks/language/failure"
	"github.com/slugc/slugc/buildpacks/runtime/tool"
	"github.com/slugc/slugc/stack/download"
)

// ran is a run of npm that did not succeed.
type ran struct {
	// what says it in words, script is the line of package.json that ran.
	what, script string
	err          error
	output       *tool.Tail
	// lock is the name of the lock file.
	lock string
}

// npmCode is the line in which npm says what kind of error it met.
var npmCode = regexp.MustCompile(`(?m)^npm (?:ERR!|error) code (\S+)`)

// npmPath is the line in which npm says whose script failed.
var npmPath = regexp.MustCompile(`(?m)^npm (?:ERR!|error) path (\S+)`)

// causes are the known ones, the surest first.
func causes(lock string) []failure.Cause {
	return append([]failure.Cause{
		{
			Code: regexp.MustCompile(`^EUSAGE$`), Fault: download.App,
			Why: lock + " is out of step with package.json. Update it and commit it:\n" +
				"  npm install --package-lock-only\n" +
				"  git add " + lock + "\n" +
				"  git commit -m \"Update " + lock + "\"",
		},
		{
			Code: regexp.MustCompile(`^ERESOLVE$`), Fault: download.App,
			Why: "two packages want versions of a third that exclude each other. See which:\n" +
				"  npm install --package-lock-only\n" +
				"then update one of them, or let npm pass over such wishes and commit that:\n" +
				"  npm config set legacy-peer-deps=true --location=project\n" +
				"  git add .npmrc",
		},
		{
			Code: regexp.MustCompile(`^EINTEGRITY$`), Fault: download.Registry,
			Why: "the registry serves something else than " + lock + " says. When a package was published anew\n" +
				"under the same version, lock its new checksum after a look at what changed:\n" +
				"  rm " + lock + "\n" +
				"  npm install --package-lock-only\n" +
				"otherwise the registry's operator should clear its cache of the package",
		},
		{
			Code: regexp.MustCompile(`^(E401|E403|ENEEDAUTH)$`), Fault: download.App,
			Why: "the registry wants credentials for a package, or refuses those that it got. Give the build some:\n" +
				"  npm config set //HOST/PATH/:_authToken='${NPM_TOKEN}' --location=project\n" +
				"and set NPM_TOKEN when you build",
		},
		{
			Code: regexp.MustCompile(`^(E404|ETARGET|ENOVERSIONS)$`), Fault: download.App,
			Why: "the registry does not have a package, or not the version that is locked. If it is a private package,\n" +
				"name the registry of its scope and commit that:\n" +
				"  npm config set @SCOPE:registry=https://HOST/PATH/ --location=project\n" +
				"  git add .npmrc",
		},
		{
			Code:  regexp.MustCompile(`^(SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_[A-Z_]+|CERT_[A-Z_]+|ERR_TLS_[A-Z_]+)$`),
			Fault: download.App,
			Why: "the registry's certificate is signed by an authority that Node.js does not know, such as a company's own.\n" +
				"Name its certificate file:\n" +
				"  export NODE_EXTRA_CA_CERTS=/path/to/ca.pem",
		},
		{
			Code: regexp.MustCompile(`^(ECONNRESET|ECONNREFUSED|ECONNABORTED|ETIMEDOUT|ESOCKETTIMEDOUT|ERR_SOCKET_TIMEOUT|EIDLETIMEOUT|EAI_AGAIN|ENOTFOUND|` +
				`ENETUNREACH|EHOSTUNREACH|EPIPE|FETCH_ERROR|E429|E5\d\d|ERR_HTTP2_[A-Z_]+|ERR_STREAM_PREMATURE_CLOSE)$`),
			Fault: download.Passing,
			Why:   "the registry could not be reached, or did not answer as it should. Try again later",
		},
		{
			Pattern: regexp.MustCompile(`JavaScript heap out of memory`), Fault: download.App,
			Why: "the script needs more memory than Node.js takes by default. Allow it some:\n" +
				"  slugc build -e NODE_OPTIONS=--max-old-space-size=4096",
		},
		{
			Pattern: regexp.MustCompile(`(?i)gyp ERR! find Python|gyp ERR! stack Error: Could not find any Python`), Fault: download.App,
			Why: "a package is compiled when it is installed, which needs python3, and the stack has none.\n" +
				"Build on a stack with python3, make and g++, or use a version of the package that comes compiled",
		},
		{
			Pattern: regexp.MustCompile(`gyp ERR! stack Error: not found: make|make: (g\+\+|gcc|cc|c\+\+): (No such file or directory|not found)|(g\+\+|gcc|cc|make): (command )?not found`),
			Fault:   download.App,
			Why: "a package is compiled when it is installed, which needs make and g++, and the stack does not have both.\n" +
				"Build on a stack with python3, make and g++, or use a version of the package that comes compiled",
		},
		{
			Pattern: regexp.MustCompile(`ERR_OSSL_EVP_UNSUPPORTED`), Fault: download.App,
			Why: "a tool, often webpack 4, uses a hash that OpenSSL 3 has no more. Update the tool, or for now:\n" +
				"  slugc build -e NODE_OPTIONS=--openssl-legacy-provider",
		},
		{
			Pattern: regexp.MustCompile(`version .GLIBC_[0-9.]+. not found`), Fault: download.App,
			Why: "a package brings a program that was made for a newer system than the stack.\nBuild on a newer stack, or use an older version of the package",
		},
		{
			Pattern: regexp.MustCompile(`ENOSPC|No space left on device`), Fault: download.Passing,
			Why: "there is no space left on the disk. Make some:\n  slugc cache prune",
		},
		{
			Pattern: regexp.MustCompile(`(?m)^(?:sh: )?(?:\d+: |line \d+: )?(\S+): (?:command )?not found`), Fault: download.App,
			Why: "the script calls a command that is neither in a package of the app nor in the stack.\n" +
				"If it belongs to a package, add that and commit it:\n" +
				"  npm install --save-dev PACKAGE\n" +
				"  git add " + manifestFile + " " + lock,
		},
	}, failure.Common()...)
}

// explain says whose fault a failure is, how it ended, and what to do.
func explain(r ran) error {
	f := failure.Failure{What: r.what, Err: r.err, Output: r.output}
	text := r.output.Text()
	if match := npmCode.FindStringSubmatch(text); match != nil {
		f.Code = match[1]
	}
	known := causes(r.lock)
	switch path := npmPath.FindStringSubmatch(text); {
	case r.script != "":
		f.Details = append(f.Details, "it is the app's own: "+r.script)
		f.Unknown = "see it fail on your machine:\n  npm ci\n  npm run " + strings.Trim(strings.SplitN(r.script, ":", 2)[0], `"`)
	case path != nil && strings.Contains(path[1], "/node_modules/") && !f.Known(known):
		name := path[1][strings.LastIndex(path[1], "/node_modules/")+len("/node_modules/"):]
		f.Details = append(f.Details, "the install script of the package "+name+" failed")
	}
	return failure.Explain(f, known)
}
