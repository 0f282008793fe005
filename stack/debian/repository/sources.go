package repository

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"
	"time"
)

// The archives of Debian, as stack.Suite names them.
const (
	Debian   = "debian"
	Security = "debian-security"
)

// snapshotID is the place in an address for the time of a snapshot, as in
// apt's sources.list(5).
const snapshotID = "@SNAPSHOTID@"

// snapshotForm is the form of Sources.Snapshot, which is in UTC.
const snapshotForm = "20060102T150405Z"

// Sources say where Debian's archives are.
type Sources struct {
	// Debian and Security are the addresses of the two archives, the
	// directories that hold "dists" and "pool": http, https, or file for a
	// mirror on disk. They may have credentials, and may contain
	// @SNAPSHOTID@. Empty is not known.
	Debian, Security string
	// Snapshot is the time of which the archives shall be, as in
	// 20261101T000000Z; empty for now.
	Snapshot string
}

// NoMirrorError says that the address of an archive is not known.
type NoMirrorError struct {
	// Archive is Debian or Security.
	Archive string
}

func (e *NoMirrorError) Error() string {
	flag, variable := settings(e.Archive)
	return fmt.Sprintf("it is not known where the archive %s is: this machine's apt sources name none\n"+
		"name a mirror: %s URL, or export %s=URL", e.Archive, flag, variable)
}

// settings are the flag and the variable that set the address of an archive.
func settings(archive string) (flag, variable string) {
	if archive == Security {
		return "--security-mirror", "SLUGC_DEBIAN_SECURITY_MIRROR"
	}
	return "--mirror", "SLUGC_DEBIAN_MIRROR"
}

// Base is the address of an archive, without a slash at the end and with the
// time of the snapshot in its place. It is an error when the address cannot
// hold the snapshot that is asked for, because the archive would be another.
func (s Sources) Base(archive string) (string, error) {
	var base string
	switch archive {
	case Debian:
		base = s.Debian
	case Security:
		base = s.Security
	default:
		return "", fmt.Errorf("there is no archive %q; expected %s or %s", archive, Debian, Security)
	}
	if base == "" {
		return "", &NoMirrorError{Archive: archive}
	}
	flag, variable := settings(archive)
	if _, err := s.asOf(); err != nil {
		return "", err
	}
	switch dated := strings.Contains(base, snapshotID); {
	case dated && s.Snapshot == "":
		return "", fmt.Errorf("the address of the archive %s has a place for a snapshot, and none is asked for\n"+
			"name one, as in --snapshot 20260701T000000Z, or an address without %s: %s URL", archive, snapshotID, flag)
	case !dated && s.Snapshot != "":
		return "", fmt.Errorf("the address of the archive %s has no place for the snapshot %s\n"+
			"name one that has: %s https://HOST/PATH/%s, or export %s", archive, s.Snapshot, flag, snapshotID, variable)
	}
	base = strings.TrimRight(strings.ReplaceAll(base, snapshotID, s.Snapshot), "/")
	if _, err := parseBase(base); err != nil {
		return "", fmt.Errorf("the address of the archive %s: %w\nset it with %s or %s", archive, err, flag, variable)
	}
	return base, nil
}

// asOf is the time of the snapshot, zero without one.
func (s Sources) asOf() (time.Time, error) {
	if s.Snapshot == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(snapshotForm, s.Snapshot)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is not the time of a snapshot; expected a form like --snapshot 20260701T000000Z", s.Snapshot)
	}
	return at, nil
}

// parseBase reads the address of an archive. Its errors do not show it: it may
// have a password in it, wherever that is when it cannot be read.
func parseBase(base string) (*url.URL, error) {
	u, err := url.Parse(base)
	if err != nil {
		return nil, errors.New("it cannot be read as a URL")
	}
	switch {
	case (u.Scheme == "http" || u.Scheme == "https") && u.Host != "":
	case u.Scheme == "file" && (u.Host == "" || u.Host == "localhost") && path.IsAbs(u.Path):
	default:
		return nil, errors.New("expected http://HOST/PATH, https://HOST/PATH or file:///PATH")
	}
	return u, nil
}

// within is the address of a file of an archive.
func within(base string, elements ...string) (string, error) {
	u, err := parseBase(base)
	if err != nil {
		return "", fmt.Errorf("the address of an archive: %w", err)
	}
	for _, element := range elements {
		// What looks like an escape is part of a name here.
		u = u.JoinPath(strings.ReplaceAll(element, "%", "%25"))
	}
	return u.String(), nil
}
