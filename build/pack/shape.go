package pack

import (
	"io/fs"
	"reflect"
	"slices"
	"time"
)

// Epoch is the modification time of every entry of a reproducible archive:
// 1980-01-01T00:00:01Z (CNB Platform API, "export", reproducibility).
func Epoch() time.Time { return time.Date(1980, time.January, 1, 0, 0, 1, 0, time.UTC) }

// DefaultLevel is the gzip level of a Shape that names none.
const DefaultLevel = 6

// Shape says how the entries of a part look in an archive.
type Shape struct {
	// Name is that of the kind of archive, "slug" or "oci".
	Name string
	// Prefix is where the root lies in the archive, without a slash at its
	// end: "./app/.slugc/layers/x/y" or "/layers/x/y". With an empty Prefix
	// the names are the entries' own paths.
	Prefix string
	// UID and GID own every entry but the Parents.
	UID, GID int
	// ModTime is the time of every entry.
	ModTime time.Time
	// Level is the gzip level, 1 to 9; DefaultLevel when zero.
	Level int
	// Raw leaves the tar as it is, without gzip and whatever the Level: for who
	// unpacks it at once, such as a Docker daemon or a cache on this machine. The
	// Digest of such a segment is its DiffID.
	Raw bool
	// Parents are directories that come first.
	Parents []Parent
	// Root says that the root directory has an entry of its own.
	Root bool
	// Slash ends the names of directories with a slash, as GNU tar does; the
	// reference lifecycle does not.
	Slash bool
	// NoSetID takes the set-user-ID and set-group-ID bits off: where entries
	// belong to root, a build that nobody trusts must not make them.
	NoSetID bool
	// Trailer ends the segment with the two blocks of zeros that end an
	// archive. Segments that are concatenated have none.
	Trailer bool
}

// Parent is a directory above the root of a part.
type Parent struct {
	// Name is the whole name in the archive, without a slash at its end.
	Name     string
	Mode     fs.FileMode
	UID, GID int
}

// rawLevel is the level of what no gzip compresses.
const rawLevel = 0

// level is the gzip level, or rawLevel.
func (s *Shape) level() int {
	switch {
	case s.Raw:
		return rawLevel
	case s.Level == 0:
		return DefaultLevel
	}
	return s.Level
}

// alike says whether two shapes differ in nothing but how they are compressed.
func (s *Shape) alike(other *Shape) bool {
	a, b := *s, *other
	a.Name, a.Level, a.Raw, a.Parents = b.Name, b.Level, b.Raw, b.Parents
	return reflect.DeepEqual(a, b) && slices.Equal(s.Parents, other.Parents)
}

// name is the name of an entry in the archive.
func (s *Shape) name(path string, dir bool) string {
	name := s.Prefix
	switch {
	case path == "":
	case name == "":
		name = path
	default:
		name += "/" + path
	}
	if dir && s.Slash {
		name += "/"
	}
	return name
}
