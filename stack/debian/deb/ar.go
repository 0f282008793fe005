package deb

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

const (
	arMagic = "!<arch>\n"
	// arHeader is the size of a member's header.
	arHeader = 60
	// versionSize bounds debian-binary, which is "2.0\n".
	versionSize = 64
	// mostMembers bounds those before data.tar; there are two, and private
	// ones.
	mostMembers = 32
)

// member is a part of the archive.
type member struct {
	name string
	*io.SectionReader
}

// parts are the members of a .deb that count.
type parts struct {
	control, data member
}

// open reads the table of a .deb of the given size.
func open(r io.ReaderAt, size int64) (parts, error) {
	magic := make([]byte, len(arMagic))
	if err := readAt(r, magic, 0); err != nil || string(magic) != arMagic {
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			return parts{}, err
		}
		return parts{}, errors.New("it is no Debian package: expected an ar archive")
	}
	var p parts
	at := int64(len(arMagic))
	for n := range mostMembers {
		m, next, err := readMember(r, at, size)
		if err != nil {
			return parts{}, err
		}
		at = next
		switch {
		case n == 0:
			if err := checkVersion(m); err != nil {
				return parts{}, err
			}
		// Members with an underscore are private (deb(5)).
		case strings.HasPrefix(m.name, "_"):
		case p.control.SectionReader == nil && isTar(m.name, "control.tar"):
			p.control = m
		case p.control.SectionReader != nil && isTar(m.name, "data.tar"):
			p.data = m
			return p, nil
		default:
			return parts{}, fmt.Errorf("it has the member %q where control.tar and then data.tar were expected", m.name)
		}
	}
	return parts{}, fmt.Errorf("it has no data.tar among the first %d members", mostMembers)
}

func isTar(name, base string) bool { return name == base || strings.HasPrefix(name, base+".") }

// readMember reads the header at an offset and returns the offset of the next.
func readMember(r io.ReaderAt, at, size int64) (member, int64, error) {
	header := make([]byte, arHeader)
	if err := readAt(r, header, at); err != nil {
		return member{}, 0, fmt.Errorf("reading the archive's member at byte %d: %w", at, err)
	}
	if !bytes.Equal(header[58:], []byte("`\n")) {
		return member{}, 0, fmt.Errorf("the archive's member at byte %d has no valid header", at)
	}
	// GNU ar ends names with a slash, dpkg-deb does not.
	name := strings.TrimSuffix(strings.TrimRight(string(header[:16]), " "), "/")
	length, err := strconv.ParseInt(strings.TrimRight(string(header[48:58]), " "), 10, 64)
	start := at + arHeader
	if err != nil || length < 0 {
		return member{}, 0, fmt.Errorf("the archive's member %q has no valid size", name)
	}
	if length > size-start {
		return member{}, 0, fmt.Errorf("the archive's member %q of %d bytes ends after the file: %w", name, length, io.ErrUnexpectedEOF)
	}
	return member{name, io.NewSectionReader(r, start, length)}, start + length + length%2, nil
}

// checkVersion makes sure that it is a .deb of a format that is known.
func checkVersion(m member) error {
	if m.name != "debian-binary" || m.Size() > versionSize {
		return fmt.Errorf("it is no Debian package: its first member is %q, expected debian-binary", m.name)
	}
	text, err := io.ReadAll(m)
	if err != nil {
		return err
	}
	// Minor versions are compatible (deb(5)).
	if version, _, ended := strings.Cut(string(text), "\n"); !ended || !strings.HasPrefix(version, "2.") {
		return fmt.Errorf("it is a Debian package of format %q; expected 2.0", version)
	}
	return nil
}

// readAt fills a buffer; what ends before is cut off.
func readAt(r io.ReaderAt, buffer []byte, at int64) error {
	n, err := r.ReadAt(buffer, at)
	if n == len(buffer) {
		return nil
	}
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
