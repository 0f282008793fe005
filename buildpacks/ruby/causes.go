package ruby

import (
	"regexp"
	"syscall"

	"github.com/slugc/slugc/buildpacks/language/failure"
	"github.com/slugc/slugc/buildpacks/runtime/tool"
	"github.com/slugc/slugc/stack/download"
)

// causes are the known reasons for which Bundler does not install gems, the
// surest first.
//
// Long: it is one table; a row is one cause, in the order in which they are looked for.
func (a app) causes() []failure.Cause {
	update := "Lock again, and commit it:\n  bundle lock\n  git add " + a.lockName
	return []failure.Cause{
		{
			Pattern: regexp.MustCompile(`(?i)(?:mismatched checksums|checksum mismatch|Checksum of \S+ does not match|SecurityError)`), Fault: download.Registry,
			Why: "the index serves another file of a gem than it, or " + a.lockName + ", has the checksum of. When that is right, because it was\n" +
				"published anew, lock its new checksum after a look at what changed:\n  bundle lock --add-checksums\n" +
				"otherwise the operator of the index should clear its cache of the gem",
		},
		{
			Pattern: regexp.MustCompile(`(?:Authentication is required for|Bad username or password for) (\S+?)[.\s]`), Fault: download.App,
			Why: "the index of gems wants credentials, or refuses those that it got: $1\ngive the build some, without writing them down. The name is the host in capital letters, with __ for a dot:\n" +
				"  slugc build --secret BUNDLE_GEMS__EXAMPLE__COM=USER:TOKEN\nor on this machine, once:\n  bundle config set --global gems.example.com USER:TOKEN",
		},
		{
			Pattern: regexp.MustCompile(`Access token could not be authenticated|Forbidden|\b403\b`), Fault: download.App,
			Why: "the index of gems refuses the credentials that it got. Give the build others:\n  slugc build --secret BUNDLE_GEMS__EXAMPLE__COM=USER:TOKEN",
		},
		{
			Pattern: regexp.MustCompile(`(?s)locked to (\S+ \([^)]*\)).{0,300}?but that version can\s+no longer\s+be found`), Fault: download.App,
			Why: "the index does not have $1 any more: its author took that version back. Take another one:\n  bundle update --conservative GEM\n  git add " + a.lockName,
		},
		{
			Pattern: regexp.MustCompile(`Could not find (gem '[^']+'|\S+(?: \([^)]*\))?)[^\n]* in (?:any of the sources|locally installed gems|cached gems|rubygems repository|gem repository|[^\n]+ or installed locally)`), Fault: download.App,
			Why: "there is no $1 where gems come from. See whether the name is right; a private gem needs its index in " + a.gemfile + ":\n" +
				"  source \"https://gems.example.com\" do ... end\nwhere vendor/cache has the gems, it needs all of them:\n  bundle cache --all-platforms\n  git add vendor/cache",
		},
		{
			Pattern: regexp.MustCompile(`(?s)(?:The dependencies in your gemfile changed|your lockfile (?:does not satisfy|is missing|has)|incorrect dependencies in the lockfile|the lockfile can't be updated because frozen mode|You are trying to install in deployment mode after changing|The gemspecs? for \S+ (?:at \S+ )?changed|frozen mode is set)`), Fault: download.App,
			Why: a.lockName + " is out of step with " + a.gemfile + ". " + update,
		},
		{
			Pattern: regexp.MustCompile(`Your bundle only supports platforms`), Fault: download.App,
			Why: a.lockName + " was made on another system. Add this one, and commit it:\n  bundle lock --add-platform x86_64-linux\n  git add " + a.lockName,
		},
		{
			Pattern: regexp.MustCompile(`Your Ruby version is ([0-9.]+), but your Gemfile specified`), Fault: download.App,
			Why: a.gemfile + " excludes Ruby $1, which the stack has. Allow its line, and lock again:\n  ruby \"~> 3.3.0\"    # in " + a.gemfile + "\n  bundle lock\n  git add " + a.gemfile + " " + a.lockName,
		},
		{
			Pattern: regexp.MustCompile(`There was an error (?:parsing|while loading) .([^` + "`" + `'\s]+)`), Fault: download.App,
			Why: "$1 cannot be read. What is wrong with it stands above; see it on your machine:\n  bundle check",
		},
		{
			Pattern: regexp.MustCompile(`([A-Za-z0-9._-]+)-[0-9][^ ]* requires ruby version ([^\n,]+),`), Fault: download.App,
			Why: "the gem $1 wants another Ruby than the stack has. Take a version of it for this one:\n  bundle update --conservative $1\n  git add " + a.lockName,
		},
		{
			Pattern: regexp.MustCompile(`(?:fatal error: |cannot find header file )([^\s:]+)(?:: No such file)?`), Fault: download.App,
			Why: "a gem is compiled when it is installed, which needs the header $1, and the stack does not have it.\n" +
				"Take a version of the gem that is compiled for Linux, or build on a stack with the library",
		},
		{
			Pattern: regexp.MustCompile(`(?:pg_config|mysql_config|[a-z0-9]+-config)(?:\.\.\.)? (?:no|not found)|(?:missing|not found|cannot find)[^\n]*(libpq|libmysqlclient|libsqlite3|libxml2|libffi|libyaml)`), Fault: download.App,
			Why: "a gem is compiled when it is installed, which needs a library that the stack does not have.\n" +
				"Take a version of the gem that is compiled for Linux, or build on a stack with the library",
		},
		{
			Pattern: regexp.MustCompile(`The compiler failed to generate an executable file|You have to install development tools first|(?:gcc|cc|make): (?:command )?not found|No such file or directory - (?:make|gcc)`), Fault: download.App,
			Why: "a gem is compiled when it is installed, which needs a C compiler, and the stack has none.\nBuild on a stack with gcc:\n  slugc build --stack slugc-13",
		},
		{
			Code: regexp.MustCompile(`^killed$`), Pattern: regexp.MustCompile(`(?i)killed signal terminated program|signal: 9|NoMemoryError|Cannot allocate memory|fatal error: Killed`), Fault: download.App,
			Why: "there was not enough memory. Compile less at a time:\n  slugc build -e BUNDLE_JOBS=1 -e MAKEFLAGS=-j1",
		},
		{
			Pattern: regexp.MustCompile(`(?i)certificate verify failed|SSL_connect returned=1|could not verify the SSL certificate`), Fault: download.App,
			Why: "the index's certificate is signed by an authority that this machine does not know, such as a company's own.\n" +
				"Name its certificate file:\n  export BUNDLE_SSL_CA_CERT=/path/to/ca.pem",
		},
		{
			Pattern: regexp.MustCompile(`(?i)Could not reach host|Could not fetch specs from|Network error|Gem::RemoteFetcher::(?:FetchError|UnknownHostError)|Net::(?:Open|Read)Timeout|Connection refused|Connection reset|Errno::ECONN|SocketError|Bundler::HTTPError|bad response [^\n]*5[0-9][0-9]|EOFError|Gem::Package::(?:Format|TarInvalid)|package is corrupt|unexpected end of file|Zlib::|premature end`), Fault: download.Passing,
			Why: "the index of gems could not be reached, or did not answer as it should. Try again later, or name a mirror:\n" +
				"  bundle config set --global mirror.all https://HOST/PATH",
		},
		{
			Pattern: regexp.MustCompile(`(?:Git error: command|Could not read from remote repository|fatal: [^\n]*(?:repository|clone|Authentication|could not read))`), Fault: download.App,
			Why: "a gem comes from a git repository that could not be read. A private one needs credentials:\n  slugc build --secret BUNDLE_GIT__EXAMPLE__COM=USER:TOKEN",
		},
		{
			Pattern: regexp.MustCompile(`An error occurred while installing (\S+ \([^)]+\))`), Fault: download.App,
			Why: "the gem $1 does not install here. What it says of it stands above; see it fail on your machine:\n  bundle install --redownload",
		},
	}
}

// explain says why gems were not installed.
func (b *build) explain(a app, what string, err error, output *tool.Tail) error {
	code := ""
	if exit, byItself := failure.Ended(err); byItself && exit.Signal == syscall.SIGKILL {
		// Nobody else here ends a program like that.
		code = "killed"
	}
	return failure.Explain(failure.Failure{
		What: what + " with Bundler failed", Err: err, Output: output, Code: code,
		Unknown: "see it fail on your machine:\n  BUNDLE_DEPLOYMENT=true BUNDLE_PATH=/tmp/try bundle install",
	}, append(a.causes(), failure.Common()...))
}
