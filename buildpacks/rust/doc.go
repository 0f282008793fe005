// Package rust is the buildpack slugc/rust: it builds the binaries of Cargo
// packages and workspaces (CNB Buildpack API 0.10, written on libcnb).
//
// The build in one line: readProject and look check what the author wrote and
// refuse it before anything is downloaded; language.Install brings Rust and Cargo
// from the distribution; compile builds the binaries with what is locked;
// findProcesses says how the app starts.
//
// The layers:
//
//	rust          the toolchain (build, cache)
//	cargo-home    what Cargo downloaded: packages and repositories (cache)
//	cargo-target  what the compiler made (cache)
//	programs      bin with the programs (cache, launch)
//	catalog       which versions of Rust the distribution has (cache)
//
// Decisions:
//
//   - The toolchain is the newest of the stack's distribution, from its signed
//     packages. A toolchain file, rust-version and an edition name the least that
//     will do: every Rust builds what an older one built. One that is newer than
//     the distribution's is refused, and so are nightly and beta. The C compiler
//     that links is the stack's.
//   - Cargo.lock is law: --locked. That it is missing or out of step is found
//     here, from the files alone, as far as it can be.
//   - The programs are kept while all that decides them is the same: every file
//     of the source (a program may have any of them in it), flags, toolchain.
//     Then no Cargo starts.
//   - Cargo tells by the times of files what to compile again, and the times of a
//     source that was unpacked mean nothing. So a file has the time at which its
//     content was first seen, while Cargo runs (giveTimes).
//   - Cargo's home is in the scratch, with credentials; only what it downloaded is
//     kept.
//   - The programs lie in their layer, with a link to each in the app's bin. No
//     directory of the build is in them, and no symbols unless the app asks.
//   - The slug has no source: Rust files, what only Cargo reads, vendor and target
//     are taken out of the app when all is built. Everything else stays: it may be
//     an asset. BP_RUST_KEEP_SOURCE=true keeps all, BP_KEEP_FILES some.
//
// Third-party: libcnb holds the vocabulary of a buildpack, git-pkgs/purl writes
// package URLs and knows which registry is the usual one, x/sync/errgroup saves
// the bookkeeping of files that are hashed side by side.
package rust
