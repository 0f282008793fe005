package python

import (
	"regexp"
	"syscall"

	"github.com/slugc/slugc/buildpacks/language/failure"
	"github.com/slugc/slugc/buildpacks/runtime/tool"
	"github.com/slugc/slugc/stack/download"
)

// causes are the known reasons for which packages are not installed, the surest
// first.
//
// Long: it is one table; a row is one cause, in the order in which they are looked for.
func (a app) causes() []failure.Cause {
	update := "Update it and commit it:\n  " + a.lock + "\n  git add " + a.file
	return []failure.Cause{
		{
			Pattern: regexp.MustCompile("Hash mismatch for `([^`]+)`"), Fault: download.Registry,
			Why: "the index serves another file of $1 than " + a.file + " has the checksum of. When that is right, because it was\n" +
				"published anew, lock its new checksum after a look at what changed:\n  " + a.lock + "\n" +
				"otherwise the operator of the index should clear its cache of the package",
		},
		{
			Pattern: regexp.MustCompile(`(?i)In .--require-hashes. mode, all requirements must have a hash[^\n]*?(?:: ([^\n]+))?\n`), Fault: download.App,
			Why: a.file + " has checksums, so every package needs one, also those that others bring. Write all of them:\n" +
				"  pip-compile --generate-hashes requirements.in\n  git add " + a.file,
		},
		{
			Pattern: regexp.MustCompile(`(?i)In .--require-hashes. mode, all requirements must have their versions? pinned`), Fault: download.App,
			Why: a.file + " has checksums, so every package needs one version. Write them:\n" +
				"  pip-compile --generate-hashes requirements.in\n  git add " + a.file,
		},
		{
			Pattern: regexp.MustCompile(`(?i)\b(401 Unauthorized|403 Forbidden|An index URL \S+ could not be queried due to a lack of valid authentication credentials)`), Fault: download.App,
			Why: "the index wants credentials for a package, or refuses those that it got ($1). Give the build some, without writing them down:\n" +
				"  slugc build --secret PIP_INDEX_URL=https://USER:TOKEN@HOST/PATH/simple\n" +
				"or in ~/.netrc:\n  machine HOST login USER password TOKEN",
		},
		{
			Pattern: regexp.MustCompile(`HTTP status client error \((?:404|410) [^)]*\) for url \(\S*/([^/\s)]+)\)`), Fault: download.App,
			Why: "the index lists $1, but does not have the file any more. Take another version of the package; to see them:\n  pip index versions PACKAGE\n" + update + "\n" +
				"or look whether the address of the index is right: " + "PIP_INDEX_URL, or index-url in pip.conf",
		},
		{
			Pattern: regexp.MustCompile(`Failed to (?:read from zip file|extract archive)|has an invalid package format`), Fault: download.Passing,
			Why: "a package arrived damaged, or was cut off on the way. Try again later. When it stays so, the operator of the index should\n" +
				"clear its cache of the package",
		},
		{
			Pattern: regexp.MustCompile("Because ([^\n]+?) was not found in the (?:package registry|provided package locations)"), Fault: download.App,
			Why: "the index has no package $1. See whether the name is right; a private package needs its index:\n" +
				"  slugc build --secret PIP_EXTRA_INDEX_URL=https://USER:TOKEN@HOST/PATH/simple",
		},
		{
			Pattern: regexp.MustCompile(`Because ([^\n]+?) was yanked`), Fault: download.App,
			Why: "the author of $1 took that version back, mostly for a grave fault. Take another one:\n  pip index versions PACKAGE\n" + update,
		},
		{
			Pattern: regexp.MustCompile(`Because (?:there is|there are) no versions? of ([^\n]+?) and`), Fault: download.App,
			Why: "the index does not have $1. Take a version that it has; to see them:\n  pip index versions PACKAGE\n" + update,
		},
		{
			Pattern: regexp.MustCompile(`Because ([^\n]+?) (?:has no wheels? with a matching|has no usable wheels)`), Fault: download.App,
			Why: "$1 has no wheel for this Python and machine. Take a version that has one, or another Python:\n  pip index versions PACKAGE\n  echo 3.13 > " + versionFile,
		},
		{
			Pattern: regexp.MustCompile(`Because the (?:current|requested) Python version \([^)]+\) does not satisfy ([^\n]+?) and`), Fault: download.App,
			Why: "a package wants another Python: $1. Ask for one, or take another version of the package:\n  echo 3.13 > " + versionFile,
		},
		{
			Pattern: regexp.MustCompile(`No solution found when resolving dependencies`), Fault: download.App,
			Why: "packages in " + a.file + " exclude one another, or one that is wanted is not there. Find versions that go together:\n" +
				"  pip-compile requirements.in",
		},
		{
			Pattern: regexp.MustCompile(`(?m)fatal error: (Python\.h): No such file`), Fault: download.App,
			Why: "a package is compiled when it is installed, which needs the headers of Python, and there are none for this one.\n" +
				"Take a version of the package that has a wheel, or the Python of the stack, which has headers:\n  rm " + versionFile,
		},
		{
			Pattern: regexp.MustCompile(`(?m)fatal error: ([^\s:]+): No such file`), Fault: download.App,
			Why: "a package is compiled when it is installed, which needs the header $1, and the stack does not have it.\n" +
				"Take a version of the package that has a wheel (psycopg2-binary in the place of psycopg2, for instance),\n" +
				"or build on a stack with the library",
		},
		{
			Pattern: regexp.MustCompile(`(?i)(?:error: )?command '([^']*(?:gcc|g\+\+|cc|clang)[^']*)' failed: No such file|unable to execute '([^']*gcc[^']*)'|No such file or directory: '([^']*(?:gcc|g\+\+|cc)[^']*)'|Unknown compiler\(s\)`), Fault: download.App,
			Why: "a package is compiled when it is installed, which needs a C compiler, and the stack has none.\n" +
				"Build on a stack with gcc (slugc build --stack slugc-13), or take a version of the package that has a wheel",
		},
		{
			Pattern: regexp.MustCompile(`(?i)pg_config executable not found`), Fault: download.App,
			Why: "psycopg2 is compiled when it is installed, which needs PostgreSQL's library. Its wheel has it:\n  sed -i 's/^psycopg2=/psycopg2-binary=/' " + requirementsFile,
		},
		{
			Pattern: regexp.MustCompile(`(?i)error: can't find Rust compiler|cargo, the Rust package manager, is not installed|Cargo.*is not installed or is not on PATH`), Fault: download.App,
			Why: "a package is compiled with Rust when it is installed, and the stack has none. Take a version of the package, or a Python, for which there is a wheel",
		},
		{
			Code: regexp.MustCompile(`^killed$`), Pattern: regexp.MustCompile(`(?i)killed signal terminated program|signal: 9|MemoryError|Cannot allocate memory|c\+\+: fatal error: Killed`), Fault: download.App,
			Why: "there was not enough memory. Compile less at a time, or take versions of the packages that have a wheel:\n  slugc build -e UV_CONCURRENT_BUILDS=1 -e MAKEFLAGS=-j1",
		},
		{
			Pattern: regexp.MustCompile(`(?i)invalid peer certificate|UnknownIssuer|certificate verify failed`), Fault: download.App,
			Why: "the index's certificate is signed by an authority that this machine does not know, such as a company's own.\n" +
				"Name its certificate file:\n  export PIP_CERT=/path/to/ca.pem",
		},
		{
			Pattern: regexp.MustCompile(`(?i)Request failed after \d+ retries|client error \(Connect\)|dns error|operation timed out|connection closed before|error decoding response body|unexpected EOF|50[0-9] (?:Internal|Bad|Service|Gateway)|Network connectivity is disabled`), Fault: download.Passing,
			Why: "the index could not be reached, or did not answer as it should. Try again later, or name another one:\n  export PIP_INDEX_URL=https://HOST/PATH/simple",
		},
		{
			Pattern: regexp.MustCompile("Failed to build `([^`@]+) @ file://[^`]+`"), Fault: download.App,
			Why: "the directory of $1, which is in the source, does not build. What its build backend says of it stands above; see it fail on your machine:\n  pip wheel --no-deps DIRECTORY",
		},
		{
			Pattern: regexp.MustCompile("(?:Failed to build|Failed to download and build) `([^`]+)`"), Fault: download.App,
			Why: "the source of $1 does not build here. Take a version that has a wheel for this Python, if there is one:\n  pip download --only-binary :all: --no-deps PACKAGE",
		},
		{
			Pattern: regexp.MustCompile(`Git operation failed|failed to (?:fetch|clone) (?:into|repository)`), Fault: download.App,
			Why: "a package comes from a git repository that could not be read. A private one needs credentials in ~/.netrc; better is a package index",
		},
	}
}

// explain says why packages were not installed.
func (b *build) explain(a app, what string, err error, output *tool.Tail) error {
	code := ""
	if exit, byItself := failure.Ended(err); byItself && exit.Signal == syscall.SIGKILL {
		// Nobody else here ends a program like that.
		code = "killed"
	}
	return failure.Explain(failure.Failure{
		What: what + " with " + a.name + " failed", Err: err, Output: output, Code: code,
		Unknown: "see it fail on your machine:\n  python -m venv /tmp/try && /tmp/try/bin/pip install -r " + requirementsFile,
	}, append(a.causes(), failure.Common()...))
}
