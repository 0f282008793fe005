package pack

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"
)

// Fingerprint tells one state of a file from another without opening it.
type Fingerprint struct {
	// Size is in bytes.
	Size int64
	// MTime and CTime are when content and inode last changed, in
	// nanoseconds since 1970.
	MTime, CTime int64
	Inode        uint64
}

// FingerprintOf returns the fingerprint of the regular file at path; a
// symbolic link is not followed.
func FingerprintOf(path string) (Fingerprint, error) {
	var st unix.Stat_t
	err := retry(func() error { return unix.Lstat(path, &st) })
	if err != nil {
		return Fingerprint{}, &fs.PathError{Op: "lstat", Path: path, Err: err}
	}
	if !modeOf(uint32(st.Mode)).IsRegular() {
		return Fingerprint{}, fmt.Errorf("%s is not a regular file", path)
	}
	return fingerprint(&st), nil
}

func fingerprint(st *unix.Stat_t) Fingerprint {
	return Fingerprint{Size: st.Size, MTime: st.Mtim.Nano(), CTime: st.Ctim.Nano(), Inode: st.Ino}
}

// Sum is the first half of the sha256 of a file's content. The zero Sum
// says that it is not known.
type Sum [sha256.Size / 2]byte

func sumOf(content []byte) Sum {
	whole := sha256.Sum256(content)
	return Sum(whole[:len(Sum{})])
}

// Entry is one file system object of an Index.
type Entry struct {
	// Path is relative to the root of the index, with slashes; the root
	// itself is "".
	Path string
	// Mode is type and permissions: a directory, a symbolic link or a
	// regular file.
	Mode fs.FileMode
	// Link is the target of a symbolic link.
	Link string
	// Fingerprint is that of a regular file, zero for a symbolic link. That of a
	// directory below the root, without a size, is a hint for the next Walk and
	// no part of its state: what comes and goes again leaves it the same
	// directory. It is zero where it tells nothing, as for one that was changed
	// just now.
	Fingerprint
	// Sum is known for files below 16 KiB that have been packed, and for all that
	// Contents has read.
	Sum Sum
}

// same says whether e and f, of the same path, are in the same state.
func (e *Entry) same(f *Entry) bool {
	return e.Mode == f.Mode && e.Link == f.Link && (e.Fingerprint == f.Fingerprint || e.Mode.IsDir())
}

// alike says whether e and f, of the same path, may have the same content
// although they were not written at the same time.
func (e *Entry) alike(f *Entry) bool {
	return e.Mode == f.Mode && e.Mode.IsRegular() && e.Size == f.Size && e.Size < bodySize
}

// modeOf translates st_mode.
func modeOf(st uint32) fs.FileMode {
	mode := fs.FileMode(st & 0o777)
	switch st & unix.S_IFMT {
	case unix.S_IFDIR:
		mode |= fs.ModeDir
	case unix.S_IFLNK:
		mode |= fs.ModeSymlink
	case unix.S_IFSOCK:
		mode |= fs.ModeSocket
	case unix.S_IFIFO:
		mode |= fs.ModeNamedPipe
	case unix.S_IFBLK:
		mode |= fs.ModeDevice
	case unix.S_IFCHR:
		mode |= fs.ModeDevice | fs.ModeCharDevice
	case unix.S_IFREG:
	default:
		mode |= fs.ModeIrregular
	}
	if st&unix.S_ISUID != 0 {
		mode |= fs.ModeSetuid
	}
	if st&unix.S_ISGID != 0 {
		mode |= fs.ModeSetgid
	}
	if st&unix.S_ISVTX != 0 {
		mode |= fs.ModeSticky
	}
	return mode
}

// bits is the mode as a tar header has it: permissions with setuid, setgid
// and sticky.
func bits(mode fs.FileMode) int64 {
	b := int64(mode.Perm())
	if mode&fs.ModeSetuid != 0 {
		b |= unix.S_ISUID
	}
	if mode&fs.ModeSetgid != 0 {
		b |= unix.S_ISGID
	}
	if mode&fs.ModeSticky != 0 {
		b |= unix.S_ISVTX
	}
	return b
}

// retry calls a system call again when a signal interrupted it.
func retry(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
