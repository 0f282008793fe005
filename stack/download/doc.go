// Package download brings files from the registries that people already mirror:
// slugc has no download site of its own, and behind a company's mirror nothing
// else is reached.
//
// It is what every registry needs: an HTTP client that honours a person's
// proxies and certificates (Network), downloads that survive a bad line
// (Fetcher), checksums (Integrity), and an archive that appears on disk whole
// and verified, or not at all (Fetcher.Install). What one registry says and how
// it is asked is elsewhere: buildpacks/runtime/npm, stack/debian/repository.
//
// Decisions:
//
//   - A download is one stream: network, checksum, gunzip, untar and write run
//     at the same time, and nothing is read a second time. The tree is unpacked
//     beside its final place and renamed when the checksum was right, because a
//     runtime is the first thing that a build executes.
//   - A stream that breaks goes on where it broke (RFC 9110, "Range Requests"),
//     so that a runtime of 50 MB comes through a line that drops every 10 MB.
//   - An archive is unpacked through os.Root and with limits. Links in it are
//     left out: the registries that are read here have none in a good package.
//     stack/untar, which packages and layers need, knows links, owners and
//     whiteouts and reads to the end; here a few files of many are picked out,
//     and reading stops when they were seen.
//   - An error says whose it is (Fault), for the exit status of a build.
//   - Nothing is synced to disk: a layer is rebuilt after a crash, and to wait
//     for the disk would cost more than the download.
//
// Third-party: klauspost/pgzip saves a third of the time of unpacking: it is
// faster than the standard library and works beside the goroutine that writes.
// x/sync/errgroup saves the bookkeeping of the two halves of a download.
package download
