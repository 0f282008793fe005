// Package cnb is the Cloud Native Buildpacks dialect: a directory with
// buildpack.toml, bin/detect and bin/build becomes a buildpack that can be
// asked and can build.
//
// It implements, of the Buildpack API 0.7 to 0.12, buildpack.toml with targets,
// stacks and execution environments, and the inputs and outputs of bin/detect
// and bin/build: build plans, layers and their TOML files, launch.toml,
// build.toml, store.toml and SBOM files. A buildpack that is an order of others
// is read as a composite, which detect expands. An Extension is an image extension,
// which the lifecycle asks and has generate Dockerfiles; slugc itself takes none. What
// a version allows is decided once, when buildpack.toml is read, and
// kept as an API value; nothing else compares versions.
//
// Where the specification and the reference lifecycle have a different word for
// the same, both are read: variant and arch-variant of a target, and
// [[buildpack.exec-env]] tables and an exec-env list. The version of a required
// dependency, a key of old build plans that the reference refuses, becomes
// metadata. Keys that are not known are no mistake in any file.
//
// A file of a buildpack may have 1 MiB, and be nested as deep as
// launch.DecodeTOML reads: the parser needs gigabytes for a megabyte of
// brackets.
//
// Every script runs in the sandbox. The app directory is read-only while
// buildpacks are asked: bin/detect must not change what the next one sees,
// and they run at the same time.
//
// A script gets arguments and variables alike, whatever its API: what newer APIs
// have besides does not hurt, and authors mix them. But a variable that tells
// what is built for comes with its API: CNB_STACK_ID before 0.10, CNB_TARGET_*
// from then on, CNB_EXEC_ENV from 0.12 on. HOME is the private /tmp of the build;
// there is no TMPDIR, because that is /tmp too. A buildpack with clear-env sees
// none of the person's variables but those of proxies, which the reference takes
// from its own environment.
//
// Of an app in a directory of its source the working directory of a script is that
// one, and SLUGC_SOURCE_DIR the source (Site.Subdir). Patterns of slices are relative to
// the app, and may name other parts of the source. A script may not take the directory
// away, or put a link on the way to it.
//
// A bin/build that hangs is ended after an hour, unless Site.BuildTimeout says
// otherwise.
//
// Inside a platform's container, where a site is in place, there is no sandbox, the
// environment begins with what the platform passes on, and no script is ended
// for the time it takes: that is the platform's to say.
//
// The rules of the build by where they are shown. "Parity" and "Rebuild" are
// tests of package build, on the buildpacks of testdata/buildpacks; its test
// Reference, of the tag acceptance, finds no difference to what the reference
// lifecycle v0.21.0 leaves with them.
//
//	environment
//	  arguments and variables of each API  Parity: has the reserved variables of each API
//	  allow-list                           CNB: sees the environment of the spec and nothing else
//	  layer variables, suffixes, order     Parity: is what the layers of earlier buildpacks make of it
//	  layer directories                    the same
//	  person, clear-env, operator          Parity: holds the person's variables above those, ...
//	  execution environment                Parity: is for production when nobody says otherwise
//	  service bindings                     Parity: leads to the service bindings; build: Bindings
//	layers
//	  each row, at the end of a build      Parity: go where their types say
//	  each row, restored                   Rebuild: finds what the table says, and reuses it
//	  types declared anew, or not          Rebuild: the same; Parity: none.ignore
//	  launch layer without a directory     Rebuild: the same; bin/build: lets a layer ... have nothing in it
//	  cached layer without a directory     bin/build: refuses what a layer cannot be
//	  names                                bin/build: takes names that are odd, refuses those that cannot
//	  store                                Parity: leave the store; Rebuild: no store that was removed
//	SBOM
//	  formats declared                     bin/build: takes those of formats that it declares, refuses others
//	  where they go                        Parity: have their SBOM gathered
//	  restored                             Rebuild: finds what the table says; no SBOM that was tampered with
//	  bom tables of old APIs               Parity: follow the API
//	launch.toml, build.toml
//	  processes of each API                Parity: follow the API; CNB: follows the process form of its API
//	  default process                      Parity: the last word wins; say when a default process is none
//	  labels, slices                       Parity: the last word wins; bin/build: slice the app by any path in it
//	  unmet                                Parity: pass entries of the plan on
//	  what is refused                      bin/build: is told what is wrong with them, and on which line
//	image extensions
//	  [[order-extensions]]                 TestParseOrder
//	  extension.toml, bin/detect, bin/generate, and their static output
//	                                       TestExtension; the lifecycle's TestReferenceExtensions
//	  Dockerfiles, extend-config.toml, context, switch of the run image, extended images
//	                                       build/lifecycle/extend, the lifecycle's TestReferenceExtensions, TestPackExtensions
//	  for slugc itself                     refused: fetch.TestFetch "says what a directory is instead" and "an extension" among
//	                                       images; builder.TestParseConfigErrors "extension" for packages
//
// Stricter than the reference, which finds these out when it exports, when the
// process starts, or never: names of layers that are no text, layers named as
// other files are, process types and commands that nothing can start, slices
// out of the app, metadata that JSON does not know. More tolerant: absolute paths
// of slices, as the specification has them, and labels without a key, which are
// left out with a warning.
//
// BurntSushi/toml writes build plans; what is read goes through
// launch.DecodeTOML. It saves a parser for the one format of this dialect.
package cnb
