// Package runtime installs language runtimes from the registries that people
// already mirror: it resolves a constraint on versions to one package of a
// registry, downloads and verifies it, and unpacks it into a directory from
// which it runs, wherever that directory is.
//
// A Resolver answers two questions, one after the other, and nothing else has
// to be known about a runtime's origin:
//
//	release, err := resolver.Resolve(ctx, runtime.Request{Runtime: "python", Constraint: c, Arch: "amd64"})
//	layout, err := resolver.Install(ctx, release, dir)
//
// A buildpack has its resolver from FromEnvironment, which reads the settings
// that builtin.HandOver shows it, and ends with Keep:
//
//	resolver, err := runtime.FromEnvironment(runtime.Environment{Env: env, App: app, Cache: layer.Path, Now: time.Now})
//	...
//	err = resolver.Keep(release)
//
// What a person should hear of a release is in its Age, Stale and PassedOver.
//
// What exists is data: catalogue.toml says for each runtime which sources carry
// it, in the order in which they are preferred, how a package is called, what
// of it is unpacked, and which environment makes it run. Which versions there
// are is what the registry's own document says at the moment, for the very
// architecture, because mirrors are not uniform. So a new version needs no
// release of slugc, and a new source is a few lines that a person can add (With).
//
// Sources, and what stands behind the words of each:
//
//   - npm packages: the checksum in the registry's document.
//   - Go modules: the checksum database, with its proofs (goproxy).
//   - Debian packages: the archive's signature (stack/debian/repository). What the
//     base image has is not installed again.
//
// Decisions:
//
//   - A directory appears whole and verified, or not at all, and the same
//     release gives the same bytes: no file holds the path of the directory or
//     the time. Where a runtime has to know where it is, its environment says so
//     (Layout), and is written when the layer is used.
//   - The first source that has a version in the constraint wins. That of a
//     distribution comes first, since it brings security fixes; one with frozen
//     patch levels says how old its version is (Release.Age).
//   - Constraints are read in the dialect of the community, and all end as
//     ranges of node-semver, whose grammar can say what every other one can.
//   - When a registry cannot be asked, what it said last is better than nothing,
//     and is told (Release.Stale).
//   - Debian packages go with those of the run image, of which none is installed
//     again: a build root has more than processes will find. Where that list is
//     not known nothing is guessed; the next source is taken and the reason told
//     (Release.PassedOver), or the error says what to type.
//   - What survives a build is in one layer of the buildpack, of the type cache
//     alone (Environment.Cache): answers.json has what npm's registry said,
//     modules the lists of versions and the checksum database's tree, debian the
//     indexes and the packages. It is the buildpack's own, so that nobody else
//     can put something there; all of it is verified when it is used. A runtime
//     of one archive is kept as the layer that it was unpacked to, and not as the
//     archive besides. Debian packages are kept, because of many only a few
//     change; Keep removes what is not used any more. A layer with a runtime
//     states the Integrity of its Release, and is reused while that is the same.
//
// Third-party: BurntSushi/toml reads the catalogue. software.sslmate.com/src/
// go-pkcs12 writes the certificate store of Java, which otherwise takes a Java
// to make. git-pkgs/purl writes package URLs. golang.org/x/mod has the type of
// a module's version. x/sync/errgroup waits for files that are unpacked at once.
package runtime
