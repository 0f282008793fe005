// Package golang is the buildpack slugc/golang: it builds the commands of Go
// modules (CNB Buildpack API 0.10, written on libcnb).
//
// The build in one line: readProject and readSource check what the author wrote
// and refuse it before anything is downloaded; language.Install brings Go from
// the module proxy; compile builds the commands with what is locked; processes
// says how the app starts.
//
// The layers:
//
//	go          the toolchain (build, cache)
//	go-modules  the module cache (cache)
//	go-build    what the compiler made of packages (cache)
//	commands    bin with the programs, and their limits at launch (cache, launch)
//	catalog     which versions of Go the registry gave (cache)
//
// Decisions:
//
//   - A go or toolchain line is a minimum: it means the newest patch of its line
//     of versions that is not older. GOTOOLCHAIN is local, so what was installed
//     is what builds.
//   - go.mod and go.sum are law: -mod=readonly, or -mod=vendor where vendor has a
//     modules.txt. That they are out of step is found here, from the files alone,
//     as far as it can be: an import that no module provides, a module without
//     a checksum, a vendor directory of another go.mod.
//   - The commands are kept while all that decides them is the same: Go source,
//     embedded files, go.mod and the like, flags, the version of Go. Then no go
//     command starts. Other files may change: templates that are read when the
//     app runs are no part of a program.
//   - A package that uses C is compiled with C, and nothing else is: a program
//     without C is static and runs on every stack. Which it is, the go command
//     says; CGO_ENABLED overrules it.
//   - The programs lie in their layer, with a link to each in the app's bin, where
//     Heroku's buildpack puts them. The link is relative: a slug may be unpacked
//     anywhere.
//   - The slug has no source: Go files and what is compiled with them, go.mod and
//     its like, vendor, testdata and the hooks are taken out of the app when all is
//     built. Everything else stays: it may be an asset. BP_GO_KEEP_SOURCE=true
//     keeps all, BP_KEEP_FILES some.
//   - Credentials for private modules are put into a .netrc in a home that only
//     the go command sees, and that is removed with the scratch.
//
// Third-party: libcnb holds the vocabulary of a buildpack, golang.org/x/mod
// reads go.mod and go.work, BurntSushi/toml reads buildpack.toml, x/sync/errgroup
// saves the bookkeeping of files that are hashed side by side.
package golang
