package java

import (
	"bufio"
	"io"
)

// latin reads a text of one byte a character as UTF-8. It is right for
// ISO-8859-1, and for others as far as ASCII goes.
func latin(_ string, from io.Reader) (io.Reader, error) {
	return &latinReader{from: bufio.NewReader(from)}, nil
}

type latinReader struct {
	from *bufio.Reader
	rest []byte
}

// Read implements io.Reader.
func (r *latinReader) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		c, err := r.from.ReadByte()
		if err != nil {
			return 0, err
		}
		r.rest = []byte(string(rune(c)))
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}
