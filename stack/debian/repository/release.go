package repository

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slugc/slugc/stack/debian/control"
)

// Release is what the index of a suite says of itself.
type Release struct {
	// Archive and Name are the stack.Suite that was asked for.
	Archive, Name string
	// Suite, Codename and Version are what it calls itself: "stable",
	// "trixie", "13.1".
	Suite, Codename, Version string
	// Date is when it was made. ValidUntil is when it expires, zero for never;
	// offline it may have passed.
	Date, ValidUntil time.Time
}

// release is a Release with what is listed in it.
type release struct {
	Release
	// byHash tells that files are also to be had under their checksums.
	byHash bool
	// separate tells that packages for all architectures are listed apart.
	separate                  bool
	components, architectures []string
	// files are the Packages files in all forms, by their path below the
	// suite.
	files map[string]content
}

// parseRelease reads the text of a Release file
// (DebianRepository/Format, "Release files", in Debian's wiki).
func parseRelease(text []byte) (release, error) {
	var stanza control.Paragraph
	count := 0
	for p := range control.Paragraphs(text) {
		if count++; count == 1 {
			stanza = p
		}
	}
	if count != 1 {
		return release{}, fmt.Errorf("it has %d stanzas; expected one", count)
	}
	r := release{
		Release: Release{
			Suite:    stanza.Get("Suite"),
			Codename: stanza.Get("Codename"),
			Version:  stanza.Get("Version"),
		},
		byHash:        stanza.Get("Acquire-By-Hash") == "yes",
		components:    strings.Fields(stanza.Get("Components")),
		architectures: strings.Fields(stanza.Get("Architectures")),
		files:         map[string]content{},
	}
	r.separate = slices.Contains(r.architectures, "all") &&
		!slices.Contains(strings.Fields(stanza.Get("No-Support-for-Architecture-all")), "Packages")
	var err error
	if r.Date, err = parseDate(stanza.Get("Date")); err != nil {
		return release{}, fmt.Errorf("its Date: %w", err)
	}
	if until := stanza.Get("Valid-Until"); until != "" {
		if r.ValidUntil, err = parseDate(until); err != nil {
			return release{}, fmt.Errorf("its Valid-Until: %w", err)
		}
	}
	for line := range strings.Lines(stanza.Get("SHA256")) {
		if !strings.Contains(line, "/Packages") {
			continue
		}
		fields := strings.Fields(line)
		if len(fields) != 3 {
			return release{}, fmt.Errorf("its SHA256: %q; expected a checksum, a size and a path", strings.TrimSpace(line))
		}
		want, err := parseContent(fields[0], fields[1])
		if err != nil {
			return release{}, fmt.Errorf("its SHA256: %s: %w", fields[2], err)
		}
		if !fs.ValidPath(fields[2]) {
			return release{}, fmt.Errorf("its SHA256: %q is not a path within the suite", fields[2])
		}
		r.files[fields[2]] = want
	}
	return r, nil
}

// parseDate reads a date in the form of RFC 2822, which must be in UTC.
func parseDate(text string) (time.Time, error) {
	for _, form := range []string{"Mon, _2 Jan 2006 15:04:05 MST", time.RFC1123Z} {
		if at, err := time.Parse(form, text); err == nil {
			if _, offset := at.Zone(); offset == 0 {
				return at.UTC(), nil
			}
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a date in UTC, as in Sat, 06 Sep 2025 08:13:53 UTC", text)
}

func parseContent(sum, size string) (content, error) {
	sum = strings.ToLower(sum)
	if err := checkSum(sum); err != nil {
		return content{}, err
	}
	n, err := strconv.ParseInt(size, 10, 64)
	if err != nil || n < 0 {
		return content{}, fmt.Errorf("%q is not a size", size)
	}
	return content{size: n, sha256: sum}, nil
}

// checkSum makes sure that a text is a sha256 as file names have it.
func checkSum(sum string) error {
	if raw, err := hex.DecodeString(sum); err != nil || len(raw) != sha256.Size || sum != strings.ToLower(sum) {
		return fmt.Errorf("%q is not a sha256 in lower case", sum)
	}
	return nil
}

// slack is how much clocks may differ.
const slack = 24 * time.Hour

// accept makes sure that a release is the one of a suite, at a time.
func (r release) accept(file, suite string, now time.Time) error {
	if suite != r.Suite && suite != r.Codename {
		return refuse(&SuiteError{File: file, Want: suite, Suite: r.Suite, Codename: r.Codename})
	}
	if r.Date.After(now.Add(slack)) {
		return refuse(&FutureError{File: file, Date: r.Date, Now: now})
	}
	if !r.ValidUntil.IsZero() && now.After(r.ValidUntil) {
		return refuse(&ExpiredError{File: file, Until: r.ValidUntil, Now: now})
	}
	return nil
}

// list is a Packages file in the forms in which it is to be had.
type list struct {
	// path is that of the uncompressed form, below the suite.
	path  string
	plain content
	// packed is the form to fetch, and ending what its name has more: ".xz",
	// ".gz" or nothing.
	packed content
	ending string
}

// lists are the Packages files of components for an architecture.
func (r release) lists(components []string, arch string) ([]list, error) {
	if len(components) == 0 {
		return nil, errors.New("no component of it is asked for")
	}
	archs := []string{arch}
	if r.separate {
		archs = append(archs, "all")
	}
	var lists []list
	for _, component := range components {
		for _, arch := range archs {
			l, err := r.list(component, arch)
			if err != nil {
				return nil, err
			}
			lists = append(lists, l)
		}
	}
	return lists, nil
}

// maxList bounds a Packages file, which is held in memory. That of all of
// Debian's main has 60 MB.
const maxList = 1 << 30

func (r release) list(component, arch string) (list, error) {
	l := list{path: component + "/binary-" + arch + "/Packages"}
	plain, found := r.files[l.path]
	if !found {
		return list{}, fmt.Errorf("it lists no %s; it has the components %s and the architectures %s",
			l.path, strings.Join(r.components, ", "), strings.Join(r.architectures, ", "))
	}
	l.plain, l.packed = plain, plain
	for _, ending := range []string{".gz", ".xz"} {
		if packed, found := r.files[l.path+ending]; found {
			l.packed, l.ending = packed, ending
			break
		}
	}
	if size := max(l.plain.size, l.packed.size); size > maxList {
		return list{}, fmt.Errorf("%s has %d bytes, more than the limit of %d", l.path, size, int64(maxList))
	}
	return l, nil
}

// addresses are the paths below the suite where a list may be, best first: under
// its checksum it stays when the suite changes.
func (r release) addresses(l list) []string {
	plain := l.path + l.ending
	if !r.byHash {
		return []string{plain}
	}
	return []string{plain[:strings.LastIndexByte(plain, '/')] + "/by-hash/SHA256/" + l.packed.sha256, plain}
}
