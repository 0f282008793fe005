package check

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
)

// errIndex is an index of git that cannot be read here.
var errIndex = errors.New("the index of git is of a form that is not read")

// Committed are the files that an index of git names, which is what .git/index is
// (gitformat-index(5), versions 2 and 3), and tells of a file or a directory whether
// it is one of them, or has some.
func Committed(index []byte) (func(name string) bool, error) {
	const header, fixed = 12, 62
	if len(index) < header || string(index[:4]) != "DIRC" {
		return nil, errIndex
	}
	if version := binary.BigEndian.Uint32(index[4:]); version != 2 && version != 3 {
		return nil, errIndex
	}
	known := map[string]bool{}
	at := header
	for range binary.BigEndian.Uint32(index[8:]) {
		if at+fixed > len(index) {
			return nil, errIndex
		}
		start := at + fixed
		const extended = 0x4000
		if binary.BigEndian.Uint16(index[start-2:])&extended != 0 {
			start += 2
		}
		if start > len(index) {
			return nil, errIndex
		}
		length := bytes.IndexByte(index[start:], 0)
		if length < 0 {
			return nil, errIndex
		}
		name := string(index[start : start+length])
		for name != "" && !known[name] {
			known[name] = true
			name = name[:max(0, strings.LastIndexByte(name, '/'))]
		}
		// An entry is filled up with one to eight zeros.
		at += (start - at + length + 8) &^ 7
	}
	return func(name string) bool { return known[name] }, nil
}
