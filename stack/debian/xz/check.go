package xz

import (
	"bytes"
	"crypto/sha256"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"slices"
)

// Kinds of checks (2.1.1.2 of the specification).
const (
	checkNone   = 0
	checkCRC32  = 1
	checkCRC64  = 4
	checkSHA256 = 10
)

// check is the checksum of the content of a block; nothing without one.
type check struct {
	sum hash.Hash
	// reversed tells that a file has the last byte of the sum first.
	reversed bool
}

// newCheck returns a check of a kind.
func newCheck(kind byte) (check, error) {
	switch kind {
	case checkNone:
		return check{}, nil
	case checkCRC32:
		return check{crc32.NewIEEE(), true}, nil
	case checkCRC64:
		return check{crc64.New(crc64.MakeTable(crc64.ECMA)), true}, nil
	case checkSHA256:
		return check{sha256.New(), false}, nil
	}
	return check{}, unsupported("its checksums are of the kind %d; expected %d (none), %d (CRC32), %d (CRC64) or %d (SHA-256)",
		kind, checkNone, checkCRC32, checkCRC64, checkSHA256)
}

// size is the number of bytes that a file has for the sum.
func (c check) size() int64 {
	if c.sum == nil {
		return 0
	}
	return int64(c.sum.Size())
}

func (c check) reset() {
	if c.sum != nil {
		c.sum.Reset()
	}
}

func (c check) add(content []byte) {
	if c.sum != nil {
		c.sum.Write(content)
	}
}

// verify compares the sum with the one that comes next in a file.
func (c check) verify(from *source) error {
	if c.sum == nil {
		return nil
	}
	got, want := c.sum.Sum(nil), make([]byte, c.size())
	if c.reversed {
		slices.Reverse(got)
	}
	if err := from.fill(want); err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return damaged("the checksum of the content is wrong")
	}
	return nil
}
