package untar

import "cmp"

// Options say how streams become a tree.
type Options struct {
	// Keep tells whether an entry is wanted, by its path as the stream has it,
	// with a slash at the start: "/usr/share/doc". Nil wants all. The
	// directories above a wanted entry are made in any case.
	Keep func(path string) bool
	// Layers says that the streams are layers of an image, unpacked one after
	// the other in their order: whiteouts remove what lower layers have, an
	// entry replaces one of another type, links are followed wherever they
	// come from, and a hard link may lead to a file of a lower layer.
	Layers bool
	// Rooted says that the slash at the start of a name stands for the root
	// of the tree. Otherwise such names are refused.
	Rooted bool
	// SkipSpecial leaves devices and pipes out. Otherwise they are refused.
	SkipSpecial bool
	// Times gives files and directories the modification times of the stream.
	Times bool
	// Limits bound all streams of a tree together.
	Limits Limits
}

// Limits bound what is read. A zero field stands for its default.
type Limits struct {
	// Entries is the number of entries; 2 000 000 by default.
	Entries int64
	// Bytes is the size of all files; 16 GiB by default.
	Bytes int64
	// FileBytes is the size of one file; 8 GiB by default.
	FileBytes int64
	// Path is the length of a path or of the target of a link, in bytes; 4095
	// by default.
	Path int
	// Depth is the number of names in a path; 256 by default.
	Depth int
}

func (l Limits) orDefault() Limits {
	return Limits{
		Entries:   cmp.Or(l.Entries, 2_000_000),
		Bytes:     cmp.Or(l.Bytes, 16<<30),
		FileBytes: cmp.Or(l.FileBytes, 8<<30),
		Path:      cmp.Or(l.Path, 4095),
		Depth:     cmp.Or(l.Depth, 256),
	}
}
