// Package daemon reads images of a Docker daemon and loads images into it, by
// the Docker Engine API. Podman's service speaks the same.
//
// What it decided:
//
//   - Nothing is compressed for a daemon, which would unpack it at once: a layer
//     goes there as it lies on disk.
//   - What a daemon has is not sent. It keeps a layer together with all below it,
//     so that what it has is the longest run of layers, from the bottom, that the
//     new image shares with one that is there. Their files are left out of the
//     archive (docker-archive, as docker save writes it; the daemon asks for a file
//     only if it does not know the layer). An image that is there gets its names and
//     nothing else.
//   - An image that was there a moment ago may be gone. A daemon that misses a layer
//     says so, and is sent all of them.
//   - A daemon says no in an answer whose status is 200, so that the answer is read
//     to its end.
//   - Names come last. Whatever fails before, a name stays with what it named.
//   - An image of a daemon has no contents here: its layers have a diffID, and no
//     size. Reading one reads the whole image from the daemon.
//
// # The two stores
//
// A daemon keeps images with a graph driver, or, the newer way, in containerd. There an
// image is its manifest, its id is the digest of that, and a layer of an archive
// may be missing only if the blob with its digest is there. The archive is an OCI
// layout then, with layers that are not compressed, and only an image that this
// package loaded before says which blobs are there: Memory keeps that.
//
// # Privileges
//
// A process that may open the socket of a daemon, and later is somebody who may
// not, opens its connections before (Client.Hold).
//
// # Which test shows what
//
//	versions, hosts, TLS           TestDial, TestTLS, TestFromEnv
//	a socket that closes           TestHold
//	answers that are errors        TestLoad
//	config, history, contents      TestImage, TestDaemon
//	what is sent                   TestExport, TestDaemon
//	containerd                     TestContainerd, TestRealContainerd
//	a daemon that goes away        TestExport, TestDaemon
//
// # Dependencies
//
//   - go-containerregistry has the types of images.
//   - klauspost/compress reads layers that a daemon hands out as zstd.
//   - x/sync/errgroup waits for questions asked at once.
package daemon
