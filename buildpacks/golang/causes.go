package golang

import (
	"regexp"

	"github.com/slugc/slugc/buildpacks/language/failure"
	"github.com/slugc/slugc/stack/download"
)

const tidy = "  go mod tidy\n  git add go.mod go.sum\n  git commit -m \"Lock the versions of modules\""

// causes are the known reasons for a go command to fail, the surest first.
//
// Long: it is one table; a row is one cause, in the order in which they are looked for.
func causes() []failure.Cause {
	return append([]failure.Cause{
		{
			Pattern: regexp.MustCompile(`zip: (?:not a valid zip file|checksum error|unsupported|not a)|flate: corrupt input`), Fault: download.Registry,
			Why: "the module proxy serves a file that is damaged. Its operator should clear its cache of the module; until then, name another one:\n" +
				"  export GOPROXY=https://HOST/PATH",
		},
		{
			Pattern: regexp.MustCompile(`(?m)(?:read|Get) "?https?://[^\n]*: (?:unexpected EOF|EOF)$|connection reset by peer`), Fault: download.Passing,
			Why: "the module proxy broke off. Try again later, or name another one:\n  export GOPROXY=https://HOST/PATH",
		},
		{
			Pattern: regexp.MustCompile(`SECURITY ERROR|checksum mismatch`), Fault: download.Registry,
			Why: "a module is not the one that go.sum has the checksum of. Its author may have moved a tag, or somebody changed it on the way.\n" +
				"Look at what changed before you trust it. If it is meant, lock the new one:\n  go clean -modcache\n  rm go.sum\n" + tidy,
		},
		{
			Pattern: regexp.MustCompile(`missing go\.sum entry|updates to go\.(?:mod|sum) needed|no required module provides package (\S+)|go: updating go\.(?:mod|sum): existing contents have changed`),
			Fault:   download.App,
			Why:     "go.mod and go.sum do not hold all that the packages need. Update them and commit them:\n" + tidy,
		},
		{
			Pattern: regexp.MustCompile(`inconsistent vendoring|cannot find module providing package \S+: import lookup disabled by -mod=vendor|is explicitly required in go\.mod, but`),
			Fault:   download.App,
			Why:     "the vendor directory is out of step with go.mod. Make it again and commit it:\n  go mod vendor\n  git add -f vendor\n  git commit -m \"Update vendor\"",
		},
		{
			Pattern: regexp.MustCompile(`requires go >= ([0-9.]+[0-9a-z]*)`), Fault: download.App,
			Why: "a module needs Go $1 or later. Ask for it, or for an older version of the module:\n  go get go@$1\n" + tidy,
		},
		{
			Pattern: regexp.MustCompile(`https?://[^\s"]+/@(?:v|latest)\S*: (?:401|403) `), Fault: download.App,
			Why: "the module proxy wants credentials for a module, or refuses those that it got. Give the build some, without writing them down:\n" +
				"  slugc build --secret GOPROXY=https://USER:TOKEN@HOST/PATH\n" +
				"or a service binding of the type netrc with a file .netrc",
		},
		{
			Pattern: regexp.MustCompile(`terminal prompts disabled|could not read Username|Authentication failed for|Invalid username or (?:password|token)|Permission denied \(publickey\)|Host key verification failed|401 Unauthorized`),
			Fault:   download.App,
			Why: "a module is private, and the build has no credentials for it that its host takes. Say that it is private, and hand some over:\n" +
				"  slugc build -e GOPRIVATE=git.example.com/TEAM --secret GO_GIT_CRED__HTTPS__GIT__EXAMPLE__COM=USER:TOKEN\n" +
				"or a service binding of the type netrc with a file .netrc",
		},
		{
			Pattern: regexp.MustCompile(`exec: "git": executable file not found|git: (?:command )?not found`), Fault: download.App,
			Why: "a module does not come from a module proxy, which takes git, and the stack has none.\n" +
				"Build on a stack with git, or put its modules into the app:\n  go mod vendor\n  git add -f vendor",
		},
		{
			Pattern: regexp.MustCompile(`(\S+@\S+): (?:reading|verifying) [^\n]*: (?:404|410|403)|(?:404 Not Found|410 Gone)|unknown revision|invalid version: |module lookup disabled by GOPROXY=off|repository '?[^\n]*'? not found`),
			Fault:   download.App,
			Why: "a module or its version is not where it is asked for. Look whether the name is right and the version still exists:\n" +
				"  go list -m -versions MODULE\n" +
				"if it is private, say so, so that the module proxy is not asked:\n  slugc build -e GOPRIVATE=git.example.com/TEAM",
		},
		{
			Pattern: regexp.MustCompile(`exec: "?(gcc|clang|g\+\+|cc)"?: executable file not found|C compiler "(\S+)" not found`), Fault: download.App,
			Why: "a package is compiled with C, and the stack has no C compiler.\nBuild on a stack that has one, or without C if the app can do without:\n" +
				"  slugc build --stack slugc-13\n  slugc build -e CGO_ENABLED=0",
		},
		{
			Pattern: regexp.MustCompile(`fatal error: (\S+\.h): No such file or directory`), Fault: download.App,
			Why: "a package is compiled with C and wants the header $1, which the stack does not have.\n" +
				"Build on a stack with the library's headers, or use a module that brings its C source",
		},
		{
			Pattern: regexp.MustCompile(`cannot find -l(\S+)`), Fault: download.App,
			Why: "a package is linked with the library $1, which the stack does not have.\nBuild on a stack with it, or use a module that brings its C source",
		},
		{
			Pattern: regexp.MustCompile(`build constraints exclude all Go files in`), Fault: download.App,
			Why: "a package has no files for this system, or only some that use C. If it needs C, build with it:\n  slugc build -e CGO_ENABLED=1",
		},
		{
			Pattern: regexp.MustCompile(`signal: killed|cannot allocate memory|out of memory`), Fault: download.App,
			Why: "the compiler or linker needs more memory than the build may have. Let it do one thing at a time:\n  slugc build -e BP_GO_BUILD_FLAGS=-p=1",
		},
	}, failure.Common()...)
}
