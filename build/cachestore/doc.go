// Package cachestore keeps what one build leaves for the next.
//
// An Entry belongs to one app. It holds the directory in which the app is
// built, with the layers below it, so that restoring a layer costs nothing:
// it is still there. What makes it trustworthy is its index (pack.Index), taken
// when the build that made it had succeeded: a layer whose files are not
// exactly those of its index is dropped before anyone sees it. That covers a
// build that was killed half-way, a person's editing hand and a full disk with
// one rule.
//
// Which index and which metadata belong together is written in one file,
// layers.toml, that is replaced as a whole; a kill leaves the old one, whose
// layers then match or are dropped.
//
// What the processes of the sandbox cannot write, because a build of another
// user made it, is no use to them: such an entry is cleared when it is opened.
//
// An entry is locked while it is in use; a second build of the same app waits.
//
// It also describes and prunes the other caches of slugc, which are directories
// of files that can be fetched again (Files).
//
// BurntSushi/toml keeps layer metadata in the types in which buildpacks wrote
// it, which JSON would not. x/sys/unix tells when a file was last read.
// x/sync/errgroup looks at several layers at a time.
package cachestore
