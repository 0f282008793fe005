package slug

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/slugc/slugc/build/pack"
	"github.com/slugc/slugc/buildpacks/runtime/report"
)

// TooLargeError says that a slug would be larger than allowed. Nothing has
// been written.
type TooLargeError struct {
	// Size is what the slug would have, Max what it may have, both in
	// compressed bytes.
	Size, Max int64
	// Biggest are the directories with the most bytes, before compression,
	// by the paths that processes see.
	Biggest []pack.DirSize
}

func (e *TooLargeError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "the slug is too large: %s, the limit is %s", report.Size(e.Size), report.Size(e.Max))
	if len(e.Biggest) > 0 {
		b.WriteString("; leave out what the app does not need at run time. The biggest directories, uncompressed:")
		for _, d := range e.Biggest {
			fmt.Fprintf(&b, "\n%10s  %s", report.Size(d.Size), d.Path)
		}
	}
	return b.String()
}

// NoSpaceError says that a disk is full.
type NoSpaceError struct {
	// Path is the file that could not be written.
	Path string
	// Need is its size, Free what is left on its file system without it, in
	// bytes.
	Need, Free int64
	// Err is the error of the system.
	Err error
}

func (e *NoSpaceError) Error() string {
	return fmt.Sprintf("writing %s: it needs %s, %s are free on its file system: make room or name another destination: %v",
		e.Path, report.Size(e.Need), report.Size(e.Free), e.Err)
}

// Unwrap returns the error of the system.
func (e *NoSpaceError) Unwrap() error { return e.Err }

// full says whether an error is about space, be it the disk's, a quota's or
// a limit's.
func full(err error) bool {
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT)
}

// free is the number of bytes that may be written below dir.
func free(dir string) int64 {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0
	}
	return int64(st.Bavail) * int64(st.Bsize)
}
