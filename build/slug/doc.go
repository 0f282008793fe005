// Package slug makes and reads slugs: gzip-compressed tar archives of an app
// as it stands at /app, every entry below ./app/, owned by root, with the same
// times. Heroku's Platform API, herokuish and slugc itself start them.
//
// # Making
//
// A slug is segments, concatenated: gzip allows that of its members, tar of
// its entries. Jobs says what the segments are: a head with the directories
// that lead to the layers, one segment per launch layer, the SBOM files for
// launch, the app in pieces, a tail with slugc's own files, and the trailer that
// ends an archive. An edit changes one piece of the app; Writer copies all others
// as they are, and hashes but those that come after. The jobs
// of an image of the same tree can be packed together with these, which
// compresses each body once for both.
//
// CNB layers lie below the app (./app/.slugc/layers), at the paths at which
// they were built. What an app has there of its own is left out, and a file of
// the app makes way for one of slugc's with the same name.
//
// The app may be a directory of what the slug holds; .slugc/app.toml then says which.
//
// # Reading
//
// Unpack and Inspect take slugs from anybody. Entries must lie below ./app/ or
// app/; only files, directories, symbolic links and hard links to files of the
// same slug are accepted; sizes, numbers and depth are limited. Files are
// written through os.Root, and symbolic links come last, so that nothing is
// ever written through one. Set-user-ID and set-group-ID bits are dropped:
// processes start without new privileges, and a foreign slug shall not leave
// such a file on this machine. That is less than stack/untar accepts, which
// layers and packages are unpacked with, and it lets several goroutines write
// the files of one slug.
//
// # Dependencies
//
//   - BurntSushi/toml writes and reads what a slug was built on.
//   - klauspost/compress/gzip reads twice as fast as the standard library.
//   - x/sync/errgroup waits for the goroutines that copy and unpack.
//   - x/sys/unix tells how much space is left on a file system.
package slug
