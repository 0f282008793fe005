package slug

import (
	"context"
	"crypto/sha256"
	"encoding"
	"encoding/hex"
	"hash"
	"strings"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/pack"
)

// worthState is from how many bytes on the state of a hash is remembered: as much
// is hashed in the time that remembering takes.
const worthState = 4 << 20

// statePrefix stands before a hash's state where a record has a digest.
const statePrefix = "sha256-state:"

// progress hashes segments one after the other. What it has hashed of the same
// segments before, it does not hash again: the app comes last in a slug, and the
// runtimes before it seldom change.
type progress struct {
	memory Memory
	hash   hash.Hash
	// trouble is the first that there was with the memory.
	trouble error
}

// sum is the sha256 of segments, as "sha256:<hex>".
func (p *progress) sum(ctx context.Context, segments []artifact.Segment) (string, error) {
	p.hash = sha256.New()
	known := p.resume(segments)
	fresh := int64(0)
	for i, s := range segments[known:] {
		if err := appendSegment(ctx, p.hash, s); err != nil {
			return "", err
		}
		if fresh += s.Size; fresh >= worthState {
			p.remember(segments[:known+i+1])
			fresh = 0
		}
	}
	return "sha256:" + hex.EncodeToString(p.hash.Sum(nil)), nil
}

// resume goes on where an earlier hash of the same segments was, and returns how
// many of them it has.
func (p *progress) resume(segments []artifact.Segment) int {
	if p.memory == nil {
		return 0
	}
	for n := len(segments); n > 0; n-- {
		record, ok := p.memory.Lookup(stateKey(segments[:n]))
		if !ok {
			continue
		}
		text, ok := strings.CutPrefix(record.Segment.Digest, statePrefix)
		if !ok {
			continue
		}
		state, err := hex.DecodeString(text)
		if err != nil {
			continue
		}
		if into, ok := p.hash.(encoding.BinaryUnmarshaler); ok && into.UnmarshalBinary(state) == nil {
			return n
		}
		p.hash = sha256.New()
	}
	return 0
}

// remember notes how far the hash is: behind these segments.
func (p *progress) remember(segments []artifact.Segment) {
	state, ok := p.hash.(encoding.BinaryMarshaler)
	if p.memory == nil || !ok {
		return
	}
	text, err := state.MarshalBinary()
	if err == nil {
		last := segments[len(segments)-1]
		err = p.memory.Put(stateKey(segments), pack.Record{Segment: artifact.Segment{Name: Kind, Digest: statePrefix + hex.EncodeToString(text), File: last.File}})
	}
	if p.trouble == nil {
		p.trouble = err
	}
}

// stateKey is the identity of the state of a hash behind some segments.
func stateKey(segments []artifact.Segment) pack.Key {
	words := []string{"sha256 behind"}
	for _, s := range segments {
		words = append(words, s.Digest)
	}
	return pack.NewKey(words...)
}
