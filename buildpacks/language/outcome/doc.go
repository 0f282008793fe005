// Package outcome keeps what a build made in the directory of an app, so that an
// app whose source did not change need not be built again.
//
// Scripts of an app may write anywhere in it. So the directory is looked at before
// they run and after: what is new, different or gone is the outcome, which rests
// in a layer. It holds for the same source, every file of it, and for the same
// inputs, which the buildpack says: packages, tools, variables, scripts.
//
// Decisions:
//
//   - A script that fetches something which changes, such as the texts of a site,
//     gives what it gave for the same source. That is what a build is: its result
//     depends on what was committed and configured. A person who wants otherwise
//     forgets the cache.
//   - The outcome is copied and never linked: a later buildpack may write into the
//     app, and must not change what is kept.
//
// Third-party: libcnb has the type of a layer, x/sync/errgroup saves the
// bookkeeping of files that are read side by side.
package outcome
