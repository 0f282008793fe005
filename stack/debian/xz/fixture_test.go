package xz

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// content is what the files in testdata are made of: words, records, zeros,
// and bytes that cannot be compressed.
func content() []byte {
	random := rand.New(rand.NewPCG(1, 2))
	var text bytes.Buffer
	for i := range uint32(60) {
		for range 40 {
			text.WriteString([]string{"stack ", "slug ", "build ", "release ", "run\n"}[random.IntN(5)])
		}
		for j := range uint32(20) {
			text.Write(binary.LittleEndian.AppendUint32(nil, i<<16+j*4))
		}
		text.Write(make([]byte, random.IntN(300)))
		for range random.IntN(40) {
			text.WriteByte(byte(random.Uint32()))
		}
		if i > 8 {
			from := random.IntN(text.Len() - 500)
			text.Write(text.Bytes()[from : from+random.IntN(400)])
		}
	}
	return text.Bytes()
}

func fixture(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// file makes an .xz file of one block without a checksum, of the LZMA2 data
// that a block has with its header, and the size of its content.
func file(header, packed []byte, plain int) []byte {
	var all bytes.Buffer
	flags := []byte{0, checkNone}
	all.WriteString(magic)
	all.Write(flags)
	all.Write(sum(flags))
	all.Write(header)
	all.Write(packed)
	all.Write(make([]byte, -all.Len()&3))
	index := []byte{0, 1}
	index = binary.AppendUvarint(index, uint64(len(header)+len(packed)))
	index = binary.AppendUvarint(index, uint64(plain))
	index = append(index, make([]byte, -len(index)&3)...)
	all.Write(index)
	all.Write(sum(index))
	footer := binary.LittleEndian.AppendUint32(nil, uint32(len(index))/alignment)
	footer = append(footer, flags...)
	all.Write(sum(footer))
	all.Write(footer)
	all.WriteString(footerMagic)
	return all.Bytes()
}

// blockOf makes the header of a block out of its flags and what follows.
func blockOf(flags byte, fields ...byte) []byte {
	header := append([]byte{0, flags}, fields...)
	header = append(header, make([]byte, -len(header)&3)...)
	header[0] = byte(len(header) / alignment)
	return append(header, sum(header)...)
}

func sum(b []byte) []byte { return binary.LittleEndian.AppendUint32(nil, crc32.ChecksumIEEE(b)) }
