package xz

import (
	"bufio"
	"errors"
	"io"
)

// source counts the bytes that are read, so that they can be held against the
// sizes that a file states. It does not end before the file does: io.EOF never
// comes out of it.
type source struct {
	*bufio.Reader
	count int64
}

// begin begins to read something else.
func (s *source) begin(from io.Reader) {
	s.Reset(from)
	s.count = 0
}

// fill reads as many bytes as there is room for.
func (s *source) fill(to []byte) error {
	n, err := io.ReadFull(s.Reader, to)
	s.count += int64(n)
	return inside(err)
}

// ReadByte reads one byte.
func (s *source) ReadByte() (byte, error) {
	b, err := s.Reader.ReadByte()
	if err != nil {
		return 0, inside(err)
	}
	s.count++
	return b, nil
}

// inside returns the error of reading where a file may not end.
func inside(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errShort
	}
	return err
}

// align reads zeros until the bytes after a place are a multiple of four, which
// all parts of a file are. What is read comes from the reader, which reads from
// the source.
func (s *source) align(since int64, from io.ByteReader) error {
	for (s.count-since)%alignment != 0 {
		b, err := from.ReadByte()
		if err != nil {
			return err
		}
		if b != 0 {
			return damaged("zeros were expected")
		}
	}
	return nil
}
