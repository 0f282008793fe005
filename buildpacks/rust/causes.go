package rust

import (
	"regexp"

	"github.com/slugc/slugc/buildpacks/language/failure"
	"github.com/slugc/slugc/stack/download"
)

const relock = "  cargo update --workspace\n  git add Cargo.lock\n  git commit -m \"Lock the versions of packages\""

// causes are the known reasons for Cargo to fail, the surest first.
//
// Long: it is one table; a row is one cause, in the order in which they are looked for.
func causes() []failure.Cause {
	aptfile := func(packages string) string {
		return "Name Debian's packages with it in an Aptfile, and commit that:\n  echo " + packages + " >> Aptfile\n  git add Aptfile"
	}
	return append([]failure.Cause{
		{
			Pattern: regexp.MustCompile(`(?:needs to be updated|cannot (?:update|create) the lock file)[^\n]*--(?:locked|frozen)|--(?:locked|frozen) was passed to prevent this`), Fault: download.App,
			Why: "Cargo.lock is out of step with Cargo.toml. Bring it up to date and commit it:\n" + relock,
		},
		{
			Pattern: regexp.MustCompile(`checksum for .([^\x60']+). (?:changed between lock files|could not be calculated)|failed to verify the checksum of .([^\x60']+).|the listed checksum of`), Fault: download.Registry,
			Why: "a package is not the one that Cargo.lock has the checksum of: somebody changed it at the registry or on the way, or the cache there is damaged.\nLook at what changed before you trust it",
		},
		{
			Pattern: regexp.MustCompile(`requires rustc (\d[\d.]*)|feature \x60(?:edition2024)\x60 is required`), Fault: download.App,
			Why: "a package wants a newer Rust ($1) than the stack has. Lock an older version of that package, and commit it:\n" +
				"  cargo update PACKAGE --precise VERSION\n  git add Cargo.lock\nsaying which Rust the app is for lets Cargo choose such versions by itself:\n" +
				"  [package]\n  rust-version = \"1.85\"",
		},
		{
			Pattern: regexp.MustCompile(`E0554|may not be used on the stable release channel`), Fault: download.App,
			Why: "a package uses features of Rust that no release has. Use a version of it that does without",
		},
		{
			Pattern: regexp.MustCompile(`(?i)(?:got|failed with|returned) (?:HTTP )?(?:code )?(?:401|403)|status code: (?:401|403)|no token found for|failed to authenticate|authentication (?:required|failed)|token rejected for|please run .?cargo login`), Fault: download.App,
			Why: "a registry or git host wants credentials, or refuses those that it got. Give the build some, without writing them down:\n" +
				"  slugc build --secret CARGO_REGISTRIES_NAME_TOKEN=TOKEN\nor a service binding of the type cargo with a file credentials.toml, or of the type netrc for git",
		},
		{
			Pattern: regexp.MustCompile(`registry index was not found in any configuration: \x60([^\x60]+)\x60`), Fault: download.App,
			Why: "nobody says where the registry $1 is. Say it in .cargo/config.toml, and commit that:\n  [registries.$1]\n  index = \"sparse+https://HOST/PATH/\"",
		},
		{
			Pattern: regexp.MustCompile(`(?s)openssl-sys.*(?:Could not find directory of OpenSSL|pkg-config|openssl/[a-z]+\.h)`), Fault: download.App,
			Why: "openssl-sys wants the headers of OpenSSL, which the stack does not have.\n" + aptfile("libssl-dev pkg-config") +
				"\nor do without OpenSSL: many packages have a feature rustls, or vendored",
		},
		{
			Pattern: regexp.MustCompile(`[Tt]he system library .([a-zA-Z0-9_+.-]+). required by crate|[Pp]ackage '?([a-zA-Z0-9_+.-]+)'?,? required by '?virtual:world`), Fault: download.App,
			Why: "a package wants the library $1 with its headers, which the stack does not have.\n" + aptfile("lib$1-dev") + "\n(apt-file search $1.pc says the right name)",
		},
		{
			Pattern: regexp.MustCompile(`(?i)pkg-config (?:command )?could not be (?:found|run)|could not run .*pkg-config`), Fault: download.App,
			Why: "a package looks for a library with pkg-config, which the stack does not have.\n" + aptfile("pkg-config"),
		},
		{
			Pattern: regexp.MustCompile(`Could not find .?protoc`), Fault: download.App,
			Why: "a package compiles protocol buffers with protoc, which the stack does not have.\n" + aptfile("protobuf-compiler"),
		},
		{
			Pattern: regexp.MustCompile(`Unable to find libclang|libclang error`), Fault: download.App,
			Why: "a package makes bindings with libclang, which the stack does not have.\n" + aptfile("libclang-dev clang"),
		},
		{
			Pattern: regexp.MustCompile(`is .(cmake|nasm|perl|make). not installed|failed to execute command: No such file or directory[^\n]*\n[^\n]*(cmake)`), Fault: download.App,
			Why: "a package is built with $1, which the stack does not have.\n" + aptfile("$1"),
		},
		{
			Pattern: regexp.MustCompile(`fatal error: '?([^\s':]+\.h)'?(?:: No such file| file not found)`), Fault: download.App,
			Why: "a package is compiled with C and wants the header $1, which the stack does not have.\n" + aptfile("PACKAGE") + "\n(apt-file search $1 says which it is)",
		},
		{
			Pattern: regexp.MustCompile(`cannot find -l([A-Za-z0-9_+.-]+)`), Fault: download.App,
			Why: "a package is linked with the library $1, which the stack does not have.\n" + aptfile("lib$1-dev"),
		},
		{
			Pattern: regexp.MustCompile(`-fuse-ld=(\w+)['\x60]?$|cannot find .(ld\.\w+)|invalid linker name in argument .-fuse-ld=(\w+)`), Fault: download.App,
			Why: "the app's .cargo/config.toml names a linker that the stack does not have.\n" + aptfile("lld mold") + "\nor take its -fuse-ld out",
		},
		{
			Pattern: regexp.MustCompile(`set \x60DATABASE_URL\x60|cargo sqlx prepare`), Fault: download.App,
			Why: "queries are checked when they are compiled, and a build has no database. Save what is known of them, and commit that:\n  cargo sqlx prepare --workspace\n  git add .sqlx",
		},
		{
			Pattern: regexp.MustCompile(`linker .([^\x60']+). not found|failed to find tool "([^"]+)"`), Fault: download.App,
			Why: "there is no C compiler. Build on a stack that has one:\n  slugc build --stack slugc-13",
		},
		{
			Pattern: regexp.MustCompile(`no matching package named .([^\x60']+). found|failed to select a version for the requirement|unable to find tree|revspec '[^']*' not found|failed to find (?:branch|tag)|version [^\n]* is (?:unavailable|yanked)`), Fault: download.App,
			Why: "a package or its version is not where it is asked for. Look whether the name is right and the version still exists, and lock one that does:\n" + relock,
		},
		{
			Pattern: regexp.MustCompile(`SIGKILL|signal: 9|Cannot allocate memory|out of memory`), Fault: download.App,
			Why: "the compiler needs more memory than the build may have. Let it do one thing at a time:\n  slugc build -e CARGO_BUILD_JOBS=1",
		},
		{
			Pattern: regexp.MustCompile(`spurious network error|\[(?:6|7|18|28|52|55|56)\] |download of [^\n]* failed|Could not connect|failed to download from`), Fault: download.Passing,
			Why: "a registry could not be reached, or did not answer as it should. Try again later",
		},
		{
			Pattern: regexp.MustCompile(`(?m)^error(?:\[E\d+\])?: could not compile .([^\x60']+).`), Fault: download.App,
			Why: "$1 does not compile: see the errors above, and on your machine:\n  cargo build --release --locked",
		},
	}, failure.Common()...)
}
