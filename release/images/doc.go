// Package images keeps the images of releases, so that they run as they were when
// they were released, wherever a tag points meanwhile and whether or not there is a
// network.
//
//	DIR/<sha256 of the manifest>.json     the manifest, which says that all is there
//	DIR/blobs/<sha256>                    configs and layers; images share them
//	DIR/roots/<sha256 of the config>/root an image, unpacked (stack/rootfs)
//
// A file is written beside its name, flushed and renamed, the manifest last: a
// manifest has all its blobs. Before an image is run the digests of all its blobs
// are looked at again. Its root filesystem is made when it first runs, and not
// looked at again, as that of a stack is not.
//
// Whoever keeps an image for a release holds the store until the ledger has the
// release, as with slugs. A root filesystem is not removed while somebody has it
// open.
//
// go-containerregistry is the model of an image.
package images
