package php

import (
	"cmp"
	"regexp"
	"syscall"

	"github.com/slugc/slugc/buildpacks/language/failure"
	"github.com/slugc/slugc/buildpacks/runtime/tool"
	"github.com/slugc/slugc/stack/download"
)

// causes are the known reasons for which Composer does not install packages, the
// surest first.
//
// Long: it is one table; a row is one cause, in the order in which they are looked for.
func (a app) causes() []failure.Cause {
	commit := "\n  git add " + a.manifestName + " " + cmp.Or(a.lockName, composerLock)
	credentials := "Give the build some, without writing them down:\n  slugc build --secret COMPOSER_AUTH='{\"http-basic\": {\"HOST\": {\"username\": \"USER\", \"password\": \"TOKEN\"}}}'\n" +
		"or on this machine, once:\n  composer config --global http-basic.HOST USER TOKEN"
	return []failure.Cause{
		{
			Pattern: regexp.MustCompile(`The checksum verification of the file failed \(downloaded from ([^)\s]+)\)`), Fault: download.Registry,
			Why: "a server gives another file than the lock file has the checksum of: $1\nwhen that is right, because the package was published anew, lock it again after a look at what changed:\n  composer update VENDOR/NAME" + commit +
				"\notherwise the operator of the server should clear its cache of the package",
		},
		{
			Pattern: regexp.MustCompile(`(?:Invalid credentials \(HTTP 40[13]\) for '|Could not authenticate against )([^'\s]+)`), Fault: download.App,
			Why: "a server of packages refuses the credentials that it got: $1\n" + credentials,
		},
		{
			Pattern: regexp.MustCompile(`The ["']([^"']+)["'] (?:file could not be downloaded \(HTTP/\S+ 40[13]|URL required authentication)`), Fault: download.App,
			Why: "a server of packages wants credentials: $1\n" + credentials,
		},
		{
			Pattern: regexp.MustCompile(`Could not fetch (\S+), please review your configured (?:GitHub|GitLab|Bitbucket)`), Fault: download.App,
			Why: "a package comes from a private repository, which wants a token, or too many builds have asked without one: $1\ngive the build one:\n  slugc build --secret COMPOSER_AUTH='{\"github-oauth\": {\"HOST\": \"TOKEN\"}}'",
		},
		{
			Pattern: regexp.MustCompile(`The "([^"]+)" file could not be downloaded \(HTTP/\S+ (?:404|410)`), Fault: download.App,
			Why: "the server does not have a file that is locked any more: $1\nits author took that release back, or moved it. Lock the package again:\n  composer update VENDOR/NAME" + commit,
		},
		{
			Pattern: regexp.MustCompile(`Your configuration does not allow connections to (http://[^\s.]+\S*[^\s.])`), Fault: download.App,
			Why: "Composer does not take packages over a connection that anybody can change: $1\nlet the server speak https, or, in a network that is yours alone:\n  composer config secure-http false\n  composer update --lock" + commit,
		},
		{
			Pattern: regexp.MustCompile(`(?m)^\s*-? ?(?:Root composer\.json requires|\S+ \S+ requires|\S+ requires) (?:PHP extension )?(ext-[a-z0-9_-]+)[^\n]*(?:missing from your system|wrong version|is missing)`), Fault: download.App,
			Why: "a package wants $1 of PHP in a version that the stack does not have. Require it where the build can see it, or lock what fits:\n  composer require 'ext-NAME:*'\n  composer update" + commit,
		},
		{
			Pattern: regexp.MustCompile(`requires php(?:-64bit)? ([^\n]+?) (?:-> your php version|but your php version)`), Fault: download.App,
			Why: "a package wants PHP $1, which is not that of the stack. Lock releases that work there:\n  composer update" + commit,
		},
		{
			Pattern: regexp.MustCompile(`lock file does not contain a compatible set of packages|Required (?:\(in require-dev\) )?package "[^"]+" is not present in the lock file|but that does not satisfy your constraint`), Fault: download.App,
			Why: "the lock file is out of step with " + a.manifestName + ": what is wrong with it stands above. Lock again, and commit it:\n  composer update" + commit,
		},
		{
			Pattern: regexp.MustCompile(`(?s)([a-z0-9_.-]+/[a-z0-9_.-]+)\s+(?:\(installed globally\) )?contains a Composer plugin which is (?:currently not in your|blocked by your) allow-plugins`), Fault: download.App,
			Why: "$1 is a plugin of Composer, and composer.json does not say that it may run. Allow it, or not:\n  composer config allow-plugins.$1 true" + commit,
		},
		{
			Code: regexp.MustCompile(`^killed$`), Pattern: regexp.MustCompile(`Allowed memory size of [0-9]+ bytes exhausted|Cannot allocate memory|out of memory`), Fault: download.App,
			Why: "there was not enough memory. Let Composer have more, or let a script of the app use less:\n  slugc build -e COMPOSER_MEMORY_LIMIT=-1",
		},
		{
			Pattern: regexp.MustCompile(`(?i)curl error (?:60|77|58)\b|certificate verify failed|SSL certificate problem`), Fault: download.App,
			Why: "a server's certificate is signed by an authority that this machine does not know, such as a company's own.\n" +
				"Name its certificate file:\n  composer config --global cafile /path/to/ca.pem",
		},
		{
			Pattern: regexp.MustCompile(`(?i)curl error (?:5|6|7|16|18|28|35|52|55|56|92) while downloading (\S+?):?\s`), Fault: download.Passing,
			Why: "a server of packages could not be reached, or did not answer as it should: $1\ntry again later",
		},
		{
			Pattern: regexp.MustCompile(`(?i)The "([^"]+)" file could not be downloaded(?: \(HTTP/\S+ (?:429|5[0-9][0-9])|: (?:failed to open stream|Connection))`), Fault: download.Passing,
			Why: "a server of packages could not be reached, or did not answer as it should: $1\ntry again later",
		},
		{
			Pattern: regexp.MustCompile(`(?i)(?:Failed to (?:open|extract)[^\n]*zip|end of central directory|zip archive is corrupt|Content-Length mismatch|is not a zip archive|End-of-central-directory signature not found)`), Fault: download.Passing,
			Why: "a server of packages gave something else than an archive. Try again later",
		},
		{
			Pattern: regexp.MustCompile(`(?:Failed to (?:execute|clone)[^\n]*|fatal: [^\n]*(?:repository|Authentication|could not read)[^\n]*|git was not found in your PATH)`), Fault: download.App,
			Why: "a package comes from a git repository that could not be read. A private one needs credentials:\n  slugc build --secret COMPOSER_AUTH='{\"http-basic\": {\"HOST\": {\"username\": \"USER\", \"password\": \"TOKEN\"}}}'",
		},
		{
			Pattern: regexp.MustCompile(`Script (.+?) handling the \S+ event (?:returned with error code|terminated with an exception)`), Fault: download.App,
			Why: "a script of the app failed: $1\nwhat it says stands above. See it fail on your machine, as a build runs it:\n  composer install --no-dev\nwhat it wants from the environment, the build needs too:\n  slugc build -e NAME=VALUE",
		},
	}
}

// explain says why packages were not installed, or a script of Composer failed.
func (a app) explain(what string, err error, output *tool.Tail) error {
	code := ""
	if exit, byItself := failure.Ended(err); byItself && exit.Signal == syscall.SIGKILL {
		// Nobody else here ends a program like that.
		code = "killed"
	}
	causes := a.causes()
	// The last one tells that a script failed, and the others of a script why.
	last := len(causes) - 1
	all := append(append(append([]failure.Cause(nil), causes[:last]...), a.scriptCauses()...), causes[last])
	return failure.Explain(failure.Failure{
		What: what + " with Composer failed", Err: err, Output: output, Code: code,
		Unknown: "see it fail on your machine:\n  composer install --no-dev --prefer-dist",
	}, append(all, failure.Common()...))
}
