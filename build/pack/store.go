package pack

import "github.com/slugc/slugc/build/artifact"

// Store is where segments and what is known about them rest between builds.
// DirStore is one.
type Store interface {
	// Lookup returns what rests under a key. What is damaged is not there.
	Lookup(key Key) (Record, bool)
	// Keep takes over the file with the compressed bytes of a segment and
	// returns the place where it rests.
	Keep(file, digest string) (string, error)
	// Put records r under key, in the place of what was there.
	Put(key Key, r Record) error
}

// Record is what is known about a file that was made earlier: the segment
// whose bytes it holds and the state of what the segment was made of.
type Record struct {
	// Segment says what was made. Segment.File holds the bytes.
	Segment artifact.Segment
	// File is the fingerprint of Segment.File. When it is another one now,
	// the record is about something that no longer exists.
	File Fingerprint
	// Index is what the segment was made of, nil if it was not a directory.
	Index Index
	// Members are the gzip members, in order; none of a raw segment.
	Members []Member
}

// Member is where a gzip member lies in a segment.
type Member struct {
	Offset, Size int64
	// Sum is the hash of what a mixed member holds. It is zero for the body
	// of a file, about which the index says enough.
	Sum Sum
}

// Intact says whether the file of the record is still the one that was
// recorded.
func (r *Record) Intact() bool {
	now, err := FingerprintOf(r.Segment.File)
	return err == nil && now == r.File
}
