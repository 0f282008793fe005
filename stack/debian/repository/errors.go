package repository

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/slugc/slugc/stack/debian/control"
	"github.com/slugc/slugc/stack/download"
)

// SignatureError says that the index of a suite is not signed as it should be.
type SignatureError struct {
	// File is the address of the InRelease file, without credentials.
	File string
	Err  error
}

func (e *SignatureError) Error() string {
	return fmt.Sprintf("%s is not signed by Debian: %v\n"+
		"somebody changed it on its way, or it is not the archive of Debian, or its keys are newer than this slugc:\n"+
		"try another mirror (--mirror, --security-mirror), or a newer slugc", e.File, e.Err)
}

// Unwrap returns the cause.
func (e *SignatureError) Unwrap() error { return e.Err }

// ExpiredError says that the index of a suite is older than it says that it may
// be.
type ExpiredError struct {
	// File is the address of the InRelease file, without credentials.
	File string
	// Until is the end of its validity, Now the time that it was compared
	// with: that of the snapshot when there is one.
	Until, Now time.Time
}

func (e *ExpiredError) Error() string {
	return fmt.Sprintf("%s expired %s ago, at %s\n"+
		"the mirror is no longer kept up, or somebody holds updates back, or this machine's clock is wrong (it says %s):\n"+
		"try another mirror (--mirror, --security-mirror), or name the time that you want, as in --snapshot %s",
		e.File, span(e.Now.Sub(e.Until)), moment(e.Until), moment(e.Now), e.Until.UTC().Format(snapshotForm))
}

// FutureError says that the index of a suite was made later than now.
type FutureError struct {
	// File is the address of the InRelease file, without credentials.
	File string
	// Date is when it was made, Now the time that it was compared with.
	Date, Now time.Time
}

func (e *FutureError) Error() string {
	return fmt.Sprintf("%s was made at %s, which is later than %s\n"+
		"set this machine's clock; with --snapshot, the mirror has something else than that snapshot",
		e.File, moment(e.Date), moment(e.Now))
}

// SuiteError says that another suite was found where one was looked for.
type SuiteError struct {
	// File is the address of the InRelease file, without credentials.
	File string
	// Want is the suite, Suite and Codename are what is there.
	Want, Suite, Codename string
}

func (e *SuiteError) Error() string {
	return fmt.Sprintf("%s is that of the suite %q (codename %q); expected %q\n"+
		"try another mirror (--mirror, --security-mirror)", e.File, e.Suite, e.Codename, e.Want)
}

// MismatchError says that a file is not the one that was promised.
type MismatchError struct {
	// File is its address, without credentials.
	File string
	// Want and Got are "sha256:" with a checksum in hexadecimal; Got is a
	// number of bytes in words when there are more than there should be.
	Want, Got string
}

func (e *MismatchError) Error() string {
	return fmt.Sprintf("%s is not the file that it should be\n"+
		"expected: %s\n"+
		"got:      %s\n"+
		"the mirror is damaged or out of step with itself: try again later, or another mirror (--mirror, --security-mirror)",
		e.File, e.Want, e.Got)
}

// GoneError says that an archive no longer has a package.
type GoneError struct {
	Package control.Package
	// File is the address where it should be, without credentials.
	File string
}

func (e *GoneError) Error() string {
	return fmt.Sprintf("the mirror does not have %s: %s\n"+
		"it was removed when a newer version came, and the lock, or an index that is old, names this one.\n"+
		"Resolve anew without the lock, or use a mirror that keeps old versions: %s with --snapshot YYYYMMDDTHHMMSSZ",
		e.Package, e.File, snapshotFlag(e.Package.Archive))
}

func snapshotFlag(archive string) string {
	flag, _ := settings(archive)
	return flag + " https://HOST/PATH/" + snapshotID
}

// OfflineError says what is not in the cache and may not be fetched.
type OfflineError struct {
	// Missing are addresses of files, without credentials, and packages.
	Missing []string
	// Cache is the directory where they should be.
	Cache string
}

// shown is how many names a message has room for.
const shown = 5

func (e *OfflineError) Error() string {
	names := e.Missing
	more := ""
	if len(names) > shown {
		more = fmt.Sprintf(" and %d more", len(names)-shown)
		names = names[:shown]
	}
	return fmt.Sprintf("not in the cache %s: %s%s\nrun this once without --offline", e.Cache, strings.Join(names, ", "), more)
}

// CacheError says that this machine could not keep what an archive has.
type CacheError struct {
	// Path is the file of the cache, Free the number of bytes that are free on
	// its file system without it.
	Path string
	Free int64
	Err  error
}

func (e *CacheError) Error() string {
	text := fmt.Sprintf("writing %s to the cache: %v", e.Path, e.Err)
	if e.Full() {
		const kib, mib = 1 << 10, 1 << 20
		free := fmt.Sprintf("%d MiB", e.Free/mib)
		if e.Free < mib {
			free = fmt.Sprintf("%d KiB", e.Free/kib)
		}
		text += fmt.Sprintf("\n%s are free on its file system: make room, or name another place: export SLUGC_CACHE=DIR", free)
	}
	return text
}

// Unwrap returns the cause.
func (e *CacheError) Unwrap() error { return e.Err }

// Full tells whether there was no room.
func (e *CacheError) Full() bool {
	return errors.Is(e.Err, unix.ENOSPC) || errors.Is(e.Err, unix.EDQUOT)
}

func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// span is a time for people, in days when there are some.
func span(d time.Duration) string {
	if days := int(d / (24 * time.Hour)); days > 1 {
		return fmt.Sprintf("%d days", days)
	}
	return d.Round(time.Minute).String()
}

// refuse is an error about what an archive serves.
func refuse(err error) error { return &download.Error{Fault: download.Registry, Err: err} }
