package pack

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io/fs"
	"reflect"
	"testing"

	"github.com/slugc/slugc/build/artifact"
)

// FuzzRecord feeds the decoder bodies under a right checksum. What it accepts
// must survive a round trip, and its members must lie within the segment.
func FuzzRecord(f *testing.F) {
	key := NewKey("some", "part")
	for _, r := range []Record{
		{},
		{
			Segment: artifact.Segment{Name: "app", DiffID: "sha256:1", Digest: "sha256:2", File: "blobs/2", Size: 100, RawSize: 1000},
			File:    Fingerprint{Size: 100, MTime: 3, CTime: 4, Inode: 5},
			Members: []Member{{Offset: 10, Size: 20}, {Offset: 30, Size: 70, Sum: Sum{8}}},
			Index:   Index{{Mode: fs.ModeDir | 0o755}, {Path: "a", Mode: 0o644, Fingerprint: Fingerprint{Size: 6}, Sum: Sum{7}}},
		},
	} {
		b := appendRecord(nil, key, &r)
		got, err := parseRecord(b, key)
		if err != nil || !reflect.DeepEqual(got, r) {
			f.Fatalf("%+v %v", got, err)
		}
		if _, err := parseRecord(b, NewKey("another")); !errors.Is(err, ErrCorrupt) {
			f.Fatalf("under another key: %v", err)
		}
		f.Add(b[:len(b)-sha256.Size])
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := parseRecord(seal(bytes.Clone(body)), key)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Fatal(err)
			}
			return
		}
		for _, m := range r.Members {
			if m.Offset < 0 || m.Size <= 0 || m.Offset+m.Size > r.Segment.Size {
				t.Fatalf("%+v of a segment of %d bytes", m, r.Segment.Size)
			}
		}
		again, err := parseRecord(appendRecord(nil, key, &r), key)
		if err != nil || !reflect.DeepEqual(again, r) {
			t.Fatalf("%+v %+v %v", r, again, err)
		}
	})
}
