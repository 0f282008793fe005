// Package rootfs makes root filesystems of container images: the layers of an
// image, one above the other, as a directory that a sandbox can show to
// processes. It is the answer to a stack that is an OCI layout, an archive or
// an image of a registry.
//
// Layers are applied as the OCI image specification says ("Image Layer
// Filesystem Changeset"), through stack/untar. What the package decided:
//
//   - A root filesystem is kept by the digest of the image's configuration,
//     which names its layers, and is made once. Images that differ only in
//     compression share one.
//   - Each layer must have the diffID that the configuration says, or there is
//     no root filesystem.
//   - All belongs to whoever unpacks, who can read and remove all of it; owners
//     and special mode bits are dropped, and so are devices: a sandbox has its
//     own. Times are kept, because interpreters compare those of what they have
//     compiled.
//   - A root filesystem appears whole: it is made on a bench (stack/workbench)
//     and renamed. Of two processes that make the same one at a time, the
//     second to finish takes what the first made. What a killed process left
//     is removed by the next one that makes something: the lock of its maker
//     is gone.
//
// go-containerregistry is the model of an image that has many origins.
// klauspost/compress has zstd, and pgzip, which reads ahead of whoever writes
// files.
package rootfs
