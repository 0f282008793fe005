// Package untar writes foreign tar streams below a directory. It is the ground
// that packages and image layers are unpacked on: a Tree takes one stream
// after the other or several at once, and nothing that a stream says can reach
// outside of the os.Root that the Tree was given.
//
// The format is that of POSIX.1-2017 pax(1) with the GNU extensions that
// archive/tar reads. What the package decided:
//
//   - Names are local. A name with ".." is refused, an absolute one too unless
//     Options.Rooted says that the slash stands for the root of the tree.
//   - Symbolic links are data. Those that a stream made are followed by later
//     entries only in layers, where container engines follow them; otherwise
//     only links that lay in the directory before, such as /bin to /usr/bin,
//     are. Following is done name by name as in a chroot: an absolute target
//     and ".." stay in the tree.
//   - A hard link leads to a file that came before.
//   - Devices and pipes are refused or left out.
//   - On disk all belongs to whoever unpacks. The owner can read each file and
//     enter each directory, whatever the stream says, so that a tree can be
//     read and removed by an ordinary user; no file has set-user-id,
//     set-group-id or sticky bits. What the stream said and the disk does not
//     hold is returned as stack.Attributes. Extended attributes are not kept.
//   - Directories get their modes when all is written.
//   - Streams have an order. Where two have the same file the later in that
//     order wins, no matter which is unpacked first; directories merge. What
//     cannot be decided so, a directory here that is a file there, is an error
//     in each timing. In layers the later entry replaces what is there.
//   - Sizes are counted as the stream says them, before anything is written,
//     so that a sparse file of 100 GB costs nothing.
//
// Whiteouts are those of the OCI image specification, "Image Layer Filesystem
// Changeset".
package untar
