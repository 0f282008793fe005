package nodejs

import (
	"regexp"
	"sync"

	"github.com/slugc/slugc/buildpacks/language/failure"
	"github.com/slugc/slugc/stack/download"
)

// pnpmCode is the code that pnpm gives an error, between narrow spaces or in
// brackets.
var pnpmCode = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?m)^[\s\x{2009}]*\[?(ERR_PNPM_[A-Z0-9_]+)\b`) })

// yarnCode is the code of the first error of Yarn 2 and later among those that
// have a meaning of their own.
var yarnCode = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?m)^➤ (YN00(?:09|16|18|28|41|56|81|82)):`) })

// causes are the known ones of a package manager, the surest first. Command is
// what mends the lock file.
func causes(m manager, lock, command string) []failure.Cause {
	var own []failure.Cause
	switch m {
	case yarnManager:
		own = yarnCauses(lock, command)
	case pnpmManager:
		own = pnpmCauses(lock, command)
	case bunManager:
		own = bunCauses(lock, command)
	default:
		own = npmCauses(lock)
	}
	return append(append(own, scriptCauses(m, lock)...), failure.Common()...)
}

// outOfStep says how a lock file is brought up to date.
func outOfStep(lock, command string) string {
	return lock + " is out of step with package.json. Update it and commit it:\n" +
		"  " + command + "\n" +
		"  git add " + lock + "\n" +
		"  git commit -m \"Update " + lock + "\""
}

// otherContent says what to do about a checksum that does not fit.
func otherContent(lock, command string) string {
	return "the registry serves something else than " + lock + " says. When a package was published anew\n" +
		"under the same version, lock its new checksum after a look at what changed:\n" +
		"  " + command + "\n" +
		"otherwise the registry's operator should clear its cache of the package"
}

const (
	notThere = "the registry does not have a package, or not the version that is locked. "
	passed   = "the registry could not be reached, or did not answer as it should. Try again later"
	builds   = "the install script of the package $1 failed. If the app does not need what it does, tell the package manager\n" +
		"not to run it; otherwise see it fail on your machine, and see that the stack has what it needs"
)

func yarnCauses(lock, command string) []failure.Cause {
	return []failure.Cause{
		{Code: regexp.MustCompile(`^YN0028$`), Fault: download.App, Why: outOfStep(lock, command) + "\n" +
			"a Yarn of another version than the one that made it may want that too; the version to build with is that of packageManager"},
		{Pattern: regexp.MustCompile(`Your lockfile needs to be updated`), Fault: download.App, Why: outOfStep(lock, command)},
		{Code: regexp.MustCompile(`^YN0018$`), Fault: download.Registry, Why: otherContent(lock, "YARN_CHECKSUM_BEHAVIOR=update yarn install")},
		{Pattern: regexp.MustCompile(`Integrity check failed for`), Fault: download.Registry, Why: otherContent(lock, "yarn install --update-checksums")},
		{Code: regexp.MustCompile(`^YN0041$`), Fault: download.App, Why: "the registry wants credentials for a package, or refuses those that it got. Give the build some:\n" +
			"  yarn config set npmAuthToken '${NPM_TOKEN}'\n" +
			"  git add .yarnrc.yml\n" +
			"and set NPM_TOKEN when you build"},
		{Pattern: regexp.MustCompile(`Request failed "40[13] |Response Code: 40[13]`), Fault: download.App, Why: "the registry wants credentials for a package, or refuses those that it got. Give the build some:\n" +
			"  npm config set //HOST/PATH/:_authToken='${NPM_TOKEN}' --location=project\n" +
			"and set NPM_TOKEN when you build"},
		{Pattern: regexp.MustCompile(`Request failed "404 |Response Code: 404|Couldn't find (?:any versions for|package) "`), Fault: download.App, Why: notThere + "If it is a private package,\n" +
			"name the registry of its scope: for Yarn 2 and later as npmScopes in .yarnrc.yml, for Yarn 1 in .npmrc:\n" +
			"  npm config set @SCOPE:registry=https://HOST/PATH/ --location=project"},
		{Code: regexp.MustCompile(`^YN0016$`), Fault: download.App, Why: notThere + "If it was taken back, choose another:\n  yarn up PACKAGE\n  git add package.json " + lock},
		{Pattern: regexp.MustCompile(`(?m)^➤ YN0009: │ (\S+?)@\S+ couldn't be built`), Fault: download.App, Why: builds},
		{Pattern: regexp.MustCompile(`(?m)^error \S*/node_modules/(\S+): Command failed`), Fault: download.App, Why: builds},
		{Pattern: regexp.MustCompile(`(?m)^error (\S+): The engine "`), Fault: download.App, Why: "$1 wants another version of Node.js. Ask for it:\n  npm pkg set engines.node=VERSION"},
		{Pattern: regexp.MustCompile(`SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_(?:GET|VERIFY)_[A-Z_]+|unable to (?:get|verify)[a-z ]+certificate`), Fault: download.App, Why: unknownAuthority},
		{Pattern: regexp.MustCompile(`ZlibError|zlib: unexpected end of file|incorrect header check|Unexpected end of data`), Fault: download.Passing, Why: "a package arrived damaged, or was cut off on the way. Try again later. When it stays so, the operator of the registry should\n" +
			"clear its cache of the package"},
		{Pattern: regexp.MustCompile(`Response Code: (?:429|5\d\d)|Request failed "(?:429|5\d\d) |ECONN[A-Z]+|ETIMEDOUT|ESOCKETTIMEDOUT|EAI_AGAIN|ENOTFOUND|` +
			`SOCKET_CLOSED_BEFORE|server aborted|Error: aborted|RequestError|TimeoutError|trouble with your network connection`), Fault: download.Passing, Why: passed},
	}
}

func pnpmCauses(lock, command string) []failure.Cause {
	return []failure.Cause{
		{Code: regexp.MustCompile(`^ERR_PNPM_(?:OUTDATED_LOCKFILE|LOCKFILE_CONFIG_MISMATCH|FROZEN_LOCKFILE_WITH_OUTDATED_LOCKFILE|NO_LOCKFILE)$`), Fault: download.App, Why: outOfStep(lock, command)},
		{Code: regexp.MustCompile(`^ERR_PNPM_(?:LOCKFILE_BREAKING_CHANGE|BROKEN_LOCKFILE|LOCKFILE_MISSING_DEPENDENCY)$`), Fault: download.App, Why: lock + " is of a form that this pnpm does not read. Ask for the pnpm that made it:\n" +
			"  npm pkg set packageManager=pnpm@VERSION\nor make it again:\n  rm " + lock + "\n  " + command + "\n  git add " + lock},
		{Code: regexp.MustCompile(`^ERR_PNPM_TARBALL_INTEGRITY$`), Fault: download.Registry, Why: otherContent(lock, "pnpm install --lockfile-only --fix-lockfile")},
		{Code: regexp.MustCompile(`^ERR_PNPM_FETCH_40[13]$`), Fault: download.App, Why: "the registry wants credentials for a package, or refuses those that it got. Give the build some:\n" +
			"  npm config set //HOST/PATH/:_authToken='${NPM_TOKEN}' --location=project\n" +
			"and set NPM_TOKEN when you build"},
		{Code: regexp.MustCompile(`^ERR_PNPM_(?:FETCH_404|NO_MATCHING_VERSION)$`), Fault: download.App, Why: notThere + "If it is a private package,\n" +
			"name the registry of its scope and commit that:\n" +
			"  npm config set @SCOPE:registry=https://HOST/PATH/ --location=project\n" +
			"  git add .npmrc"},
		{Code: regexp.MustCompile(`^ERR_PNPM_IGNORED_BUILDS$`), Fault: download.App, Why: "packages have install scripts of which the app does not say whether they may run. Say so and commit it:\n" +
			"  pnpm approve-builds\n" +
			"  git add " + pnpmWorkspaceFile + " " + manifestFile},
		{Code: regexp.MustCompile(`^ERR_PNPM_UNSUPPORTED_ENGINE$`), Fault: download.App, Why: "a package, or the app, wants another version of Node.js or pnpm. Ask for them:\n" +
			"  npm pkg set engines.node=VERSION packageManager=pnpm@VERSION"},
		{Pattern: regexp.MustCompile(`(?m)^\S*node_modules/(\S+) (?:pre|post)?install: Failed`), Fault: download.App, Why: builds},
		{Pattern: regexp.MustCompile(`SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_(?:GET|VERIFY)_[A-Z_]+`), Fault: download.App, Why: unknownAuthority},
		{Code: regexp.MustCompile(`^ERR_PNPM_(?:FETCH_(?:429|5\d\d)|META_FETCH_FAIL|TARBALL_FETCH)$`), Fault: download.Passing, Why: passed},
		{Pattern: regexp.MustCompile(`(?m)^[\s\x{2009}]*\[?(?:ECONN[A-Z]+|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|ERR_SOCKET_TIMEOUT)\b|ERR_PNPM_META_FETCH_FAIL|FetchError`), Fault: download.Passing, Why: passed},
	}
}

func bunCauses(lock, command string) []failure.Cause {
	return []failure.Cause{
		{Pattern: regexp.MustCompile(`lockfile had changes, but lockfile is frozen`), Fault: download.App, Why: outOfStep(lock, command)},
		{Pattern: regexp.MustCompile(`Integrity check failed for tarball|IntegrityCheckFailed`), Fault: download.Registry, Why: otherContent(lock, "rm "+lock+"\n  "+command)},
		{Pattern: regexp.MustCompile(`error: GET \S+ - 40[13]`), Fault: download.App, Why: "the registry wants credentials for a package, or refuses those that it got. Give the build some:\n" +
			"  npm config set //HOST/PATH/:_authToken='${NPM_TOKEN}' --location=project\n" +
			"and set NPM_TOKEN when you build"},
		{Pattern: regexp.MustCompile(`error: GET \S+ - 404|No version matching "`), Fault: download.App, Why: notThere + "If it is a private package,\n" +
			"name the registry of its scope and commit that:\n" +
			"  npm config set @SCOPE:registry=https://HOST/PATH/ --location=project\n" +
			"  git add .npmrc"},
		{Pattern: regexp.MustCompile(`(?m)^error: \w+ script from "([^"]+)" exited with`), Fault: download.App, Why: builds},
		{Pattern: regexp.MustCompile(`(?i)(?:SELF_SIGNED|UNABLE_TO_(?:GET|VERIFY))[A-Z_]*CERT|unknown certificate`), Fault: download.App, Why: unknownAuthority},
		{Pattern: regexp.MustCompile(`error: GET \S+ - (?:429|5\d\d)|error: (?:ConnectionRefused|ConnectionClosed|ConnectionReset|Timeout|FailedToOpenSocket|DNS\w*|\w*HostNotFound)`), Fault: download.Passing, Why: passed},
	}
}

const unknownAuthority = "the registry's certificate is signed by an authority that Node.js does not know, such as a company's own.\n" +
	"Name its certificate file:\n" +
	"  export NODE_EXTRA_CA_CERTS=/path/to/ca.pem"

// addCommand adds a package that only development needs.
func addCommand(m manager) string {
	switch m {
	case yarnManager:
		return "yarn add --dev PACKAGE"
	case pnpmManager:
		return "pnpm add --save-dev PACKAGE"
	case bunManager:
		return "bun add --dev PACKAGE"
	}
	return "npm install --save-dev PACKAGE"
}

func npmCauses(lock string) []failure.Cause {
	return []failure.Cause{
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
			Why:   unknownAuthority,
		},
		{
			Code: regexp.MustCompile(`^(ECONNRESET|ECONNREFUSED|ECONNABORTED|ETIMEDOUT|ESOCKETTIMEDOUT|ERR_SOCKET_TIMEOUT|EIDLETIMEOUT|EAI_AGAIN|ENOTFOUND|` +
				`ENETUNREACH|EHOSTUNREACH|EPIPE|FETCH_ERROR|E429|E5\d\d|ERR_HTTP2_[A-Z_]+|ERR_STREAM_PREMATURE_CLOSE)$`),
			Fault: download.Passing,
			Why:   passed,
		},
	}
}

// scriptCauses are those of scripts, whoever runs them.
func scriptCauses(m manager, lock string) []failure.Cause {
	return []failure.Cause{
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
			Pattern: regexp.MustCompile(`(?m)(?:sh: |^)(?:\d+: |line \d+: )?(\S+): (?:command )?not found|^error: script "[^"]+" exited with code 127|^(?:Usage Error: |➤ YN\d+: )?(?:Couldn't find a script named|command not found: )`), Fault: download.App,
			Why: "the script calls a command that is neither in a package of the app nor in the stack.\n" +
				"If it belongs to a package, add that and commit it:\n" +
				"  " + addCommand(m) + "\n" +
				"  git add " + manifestFile + " " + lock,
		},
	}
}
