// Package ledger keeps the releases of apps in one SQLite file, safe for several
// processes at once, and their configs in it, sealed.
//
// # The file
//
// It is in WAL mode, every transaction is flushed (synchronous=FULL), and writers
// begin with BEGIN IMMEDIATE, so that of two at one moment one waits. A new ledger
// is made under another name and linked to its own when it is whole: an empty file
// is a damaged ledger, not a new one. Its user_version is the number of its schema;
// one of a newer slugc is refused. Opening checks the file (integrity_check, foreign_key_check), and each
// row carries a checksum, because SQLite has none of its pages. Before the schema
// changes, and once a day when a release was made, a whole copy goes to backups/.
//
// # Releases
//
// A release is never changed and never deleted: triggers see to that, and to
// numbers that have no gap. One with a release phase is pending first and ends
// once. Who makes releases of an app has its turn, which is a lock on a file
// (flock) that the system lets go of when the process dies. So a pending release
// whose app nobody has the turn of is one of a process that died: it failed.
//
// # Builds
//
// Queue keeps the builds that wait, run and ended (package queue). A build is one row, and the rules
// of the turn that must not break are the schema's: one build of an app runs at a time, an order's
// key is there once, a build that ended never changes. Whose a build is says a lock on a file in builds/,
// which is taken before the row says so and let go of after the row says the end; a row
// whose lock nobody has is a build of a process that died. Logs lie beside the locks. Whoever
// waits for a change looks at data_version ten times a second, all of a process together.
//
// # Configs
//
// The config of a release is one age file (filippo.io/age) in the row of its
// snapshot, sealed with a key that is not in the ledger; only names stand beside
// it. So does the output of its release phase, which may hold values. Releases that
// have the same config share a snapshot. When an app is destroyed its snapshots are
// overwritten; its releases stay, and a new app of its name begins at v1.
//
// # Webhooks
//
// The rule of an app's webhook is in a row of its own, its secret and its token sealed as
// configs are. It ends with the app.
//
// # What was chosen
//
// modernc.org/sqlite is SQLite in Go: no cgo, so slugc stays one static binary for
// each platform. It is 4 MiB of it and half a millisecond of its start. age saves a
// format of our own for what is sealed, and its keys can be made and kept with the
// tools that people have for them.
package ledger
