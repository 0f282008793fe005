// Package apt is the buildpack slugc/apt: it installs packages of Debian that an
// app names, for the buildpacks after it and for processes (CNB Buildpack API
// 0.10, written on libcnb).
//
// An app names them in an Aptfile, as Heroku's buildpack for apt reads it, or in
// project.toml under [com.heroku.buildpacks.deb-packages], as Heroku's Cloud
// Native Buildpack for Debian packages does.
//
// Decisions:
//
//   - The packages are those of the stack, of the signed archives that the stack
//     was made of, without those that the run image has. There is no apt-get: they
//     are resolved, verified and unpacked by slugc (runtime, stack/debian), and no
//     script of a package runs.
//   - They lie in a layer, and programs find them by variables: PATH,
//     LD_LIBRARY_PATH, LIBRARY_PATH, CPATH, PKG_CONFIG_PATH and a few of single
//     programs. A program that looks for its parts in a fixed place needs one of
//     its own; project.toml may say it ("env").
//   - Archives of somebody else (":repo:") and files by address are refused: what
//     they hold is not signed by the stack's own, and may not go with it.
//   - It helps any language, so it stands in front of each group, and it alone
//     builds nothing.
//
// Third-party: libcnb holds the vocabulary of a buildpack.
package apt
