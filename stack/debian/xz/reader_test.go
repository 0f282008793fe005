package xz

import (
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

const (
	// limit is that of the highest level of xz.
	limit = 64 << 20
	// smallest is a dictionary of 4 KiB in a file, and large one of 8 MiB.
	smallest, large = 0, 22
)

func TestRead(t *testing.T) {
	files, err := filepath.Glob("testdata/*.xz")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		name = filepath.Base(name)
		want := content()
		switch name {
		case "empty.xz":
			want = nil
		case "x86.xz", "large.xz":
			continue
		}
		t.Run(name, func(t *testing.T) {
			got, err := io.ReadAll(NewReader(bytes.NewReader(fixture(t, name)), limit))
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d bytes that are not the %d of the content, %v", len(got), len(want), err)
			}
		})
	}
}

func TestReadLittleAtATime(t *testing.T) {
	for _, name := range []string{"small.xz", "streams.xz"} {
		r := NewReader(iotest.OneByteReader(bytes.NewReader(fixture(t, name))), limit)
		if err := iotest.TestReader(r, content()); err != nil {
			t.Error(name, err)
		}
	}
}

func TestReadPlainChunks(t *testing.T) {
	words := content()
	chunk := func(control byte, b []byte) []byte {
		return append([]byte{control, byte((len(b) - 1) >> 8), byte(len(b) - 1)}, b...)
	}
	// Its header takes 24 bytes, and it has one chunk.
	one := fixture(t, "level-6.xz")[24:]
	one = slices.Clone(one[:6+1+int(one[3])<<8+int(one[4])])
	one[0] = one[0]&0x1f | newProperties
	zeros := make([]byte, 10*positions)
	for _, c := range []struct {
		name       string
		dictionary byte
		packed     [][]byte
		want       [][]byte
	}{
		{"one", smallest, [][]byte{chunk(newPlain, words[:9000])}, [][]byte{words[:9000]}},
		{
			"more than the dictionary", smallest,
			[][]byte{chunk(newPlain, words[:9000]), chunk(plainChunk, words[9000:])},
			[][]byte{words},
		},
		{
			"a new dictionary", smallest,
			[][]byte{chunk(newPlain, words[:10]), chunk(newPlain, words[:5000])},
			[][]byte{words[:10], words[:5000]},
		},
		{
			"some that are compressed between", large,
			// It was made for the beginning, before which there are zeros.
			[][]byte{chunk(newPlain, zeros), one, chunk(plainChunk, words[:9000]), chunk(newPlain, words[:3])},
			[][]byte{zeros, words, words[:9000], words[:3]},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := bytes.Join(c.want, nil)
			data := file(blockOf(0, filterLZMA2, 1, c.dictionary), append(bytes.Join(c.packed, nil), lastChunk), len(want))
			got, err := io.ReadAll(NewReader(bytes.NewReader(data), limit))
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d bytes that are not the %d that are wanted, %v", len(got), len(want), err)
			}
		})
	}
}

func TestRefuse(t *testing.T) {
	whole := fixture(t, "none.xz")
	twoBlocks := fixture(t, "sizes.xz")
	lzma2 := []byte{filterLZMA2, 1, 0}
	plain := []byte{newPlain, 0, 1, 'a', 'b', lastChunk}
	block := func(flags byte, fields ...byte) []byte { return file(blockOf(flags, fields...), plain, 2) }
	chunks := func(packed ...byte) []byte { return file(blockOf(0, lzma2...), packed, 2) }
	for _, c := range []struct {
		name string
		data []byte
		want error
		text string
	}{
		{"nothing", nil, io.ErrUnexpectedEOF, "the xz data ends too early: unexpected EOF"},
		{"gzip", []byte("\x1f\x8b\x08\x00 and so on"), ErrDamaged, "the xz data is damaged: it does not begin as xz data does"},
		{"a header of another version", changed(whole, 6, 1), ErrDamaged, "the checksum of the header is wrong"},
		{"stream flags", repaired(changed(whole, 6, 1)), ErrUnsupported, "its flags are 0100"},
		{"a kind of checksum", repaired(changed(whole, 7, 2)), ErrUnsupported, "its checksums are of the kind 2; expected 0 (none), 1 (CRC32), 4 (CRC64) or 10 (SHA-256)"},
		{"the header of a block", changed(whole, 13, 1), ErrDamaged, "the checksum of the header of a block is wrong"},
		{"block flags", block(4, lzma2...), ErrUnsupported, "a block has the flags 0x04"},
		{"a filter", fixture(t, "x86.xz"), ErrUnsupported, "the xz data is not supported: it has the filter 0x4 BCJ x86; expected LZMA2 alone"},
		{"a filter nobody knows", block(0, 0x50, 0), ErrUnsupported, "it has the filter 0x50"},
		{"a dictionary", fixture(t, "large.xz"), ErrUnsupported, "it needs a dictionary of 100663296 bytes; at most 67108864 are allowed"},
		{"the largest dictionary", block(0, filterLZMA2, 1, 40), ErrUnsupported, "it needs a dictionary of 4294967295 bytes"},
		{"no dictionary", block(0, filterLZMA2, 1, 41), ErrDamaged, "the size of a dictionary is not valid"},
		{"a header of a block without properties", block(0, filterLZMA2), ErrDamaged, "the header of a block ends too early"},
		{"a header of a block that goes on", block(0, filterLZMA2, 1, 0, 1), ErrDamaged, "the header of a block does not end"},
		{"a number with a zero at its end", block(0x40, append([]byte{0x86, 0}, lzma2...)...), ErrDamaged, "a number is longer than it has to be"},
		{"a number that ends with the header", block(0xc0, bytes.Repeat([]byte{0x81}, 6)...), ErrDamaged, "the header of a block ends too early"},
		{"a number of 64 bits", block(0x40, bytes.Repeat([]byte{0xff}, 10)...), ErrDamaged, "a number is too large"},
		{"less content than is stated", block(0x80, append([]byte{3}, lzma2...)...), ErrDamaged, "a block is not as large as it says"},
		{"more content than is stated", block(0x80, append([]byte{1}, lzma2...)...), ErrDamaged, "a block is larger than it says"},
		{"a smaller block than is stated", block(0x40, append([]byte{7}, lzma2...)...), ErrDamaged, "a block is not as large as it says"},
		{"a larger block than is stated", block(0x40, append([]byte{4}, lzma2...)...), ErrDamaged, "a block is larger than it says"},
		{"a chunk without a dictionary", chunks(plainChunk, 0, 1, 'a', 'b', lastChunk), ErrDamaged, "the first chunk needs one before"},
		{"a chunk without properties", chunks(newPlain, 0, 0, 'a', newState, 0, 0, 0, 5), ErrDamaged, "a chunk has no properties"},
		{"a chunk of another kind", chunks(newPlain, 0, 0, 'a', 3), ErrDamaged, "a chunk is of no known kind"},
		{"properties", chunks(newDictionary, 0, 1, 0, 5, 225), ErrDamaged, "the properties of a chunk are not valid"},
		{"properties that need too much", chunks(newDictionary, 0, 1, 0, 5, 9+4), ErrDamaged, "the properties of a chunk are not valid"},
		{"a chunk that is too short", chunks(newDictionary, 0, 1, 0, 3, 0, 1, 2, 3, 4), ErrDamaged, "a chunk is too short"},
		{"a chunk that goes on", chunks(newDictionary, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0), ErrDamaged, "a chunk goes on after its content"},
		{"a chunk that ends within a symbol", chunks(newDictionary, 0xff, 0xff, 0, 5, 0, 0, 1, 2, 3, 4, 5), ErrDamaged, "a chunk ends within a symbol"},
		{"a match of what is not there", chunks(newDictionary, 0, 9, 0, 5, 0, 0, 0xff, 0xff, 0xff, 0xfe, 0), ErrDamaged, "it repeats what is not there"},
		{"a bit of the content", changed(fixture(t, "crc32.xz"), 2000, 1), ErrDamaged, ""},
		{"another CRC32", changed(fixture(t, "crc32.xz"), -26, 1), ErrDamaged, "the checksum of the content is wrong"},
		{"another SHA-256", changed(fixture(t, "sha256.xz"), -32, 1), ErrDamaged, "the checksum of the content is wrong"},
		{"padding of a block", changed(block(0, lzma2...), 30, 1), ErrDamaged, "zeros were expected"},
		{"an index with another block", file(blockOf(0, lzma2...), plain, 3), ErrDamaged, "the index does not list the blocks that there are"},
		{"an index with another number of blocks", changed(whole, -23, 1), ErrDamaged, "the index does not list the blocks that there are"},
		{"the checksum of the index", changed(whole, -13, 1), ErrDamaged, "the checksum of the index is wrong"},
		{"the checksum of the footer", changed(whole, -12, 1), ErrDamaged, "the checksum of the footer is wrong"},
		{"the end", changed(whole, -1, 1), ErrDamaged, "it does not end as xz data does"},
		{"another footer", slices.Concat(whole[:len(whole)-edge], twoBlocks[len(twoBlocks)-edge:]), ErrDamaged, "the footer contradicts what comes before"},
		{"padding that is not aligned", append(slices.Clone(whole), 0, 0, 0), ErrDamaged, "what comes after a stream is not aligned"},
		{"something else after it", append(slices.Clone(whole), "something else"...), ErrDamaged, "it does not begin as xz data does"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := io.Copy(io.Discard, NewReader(bytes.NewReader(c.data), limit))
			if !errors.Is(err, c.want) || err != nil && !strings.Contains(err.Error(), c.text) {
				t.Errorf("%v; expected %q", err, c.text)
			}
		})
	}
}

// changed has other bits of a byte; from the end with a place below 0.
func changed(data []byte, at int, bits byte) []byte {
	data = slices.Clone(data)
	if at < 0 {
		at += len(data)
	}
	data[at] ^= bits
	return data
}

// repaired has the right checksum in the header of its stream.
func repaired(data []byte) []byte {
	copy(data[8:], sum(data[6:8]))
	return data
}

// TestCut reads files without their ends.
func TestCut(t *testing.T) {
	for _, name := range []string{"empty.xz", "small.xz", "sizes.xz", "sha256.xz"} {
		whole := fixture(t, name)
		for n := 0; n < len(whole); n += 1 + len(whole)/500 {
			_, err := io.Copy(io.Discard, NewReader(bytes.NewReader(whole[:n]), limit))
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatalf("%s without its last %d bytes: %v", name, len(whole)-n, err)
			}
		}
	}
}

// TestDamaged reads files with another byte somewhere.
func TestDamaged(t *testing.T) {
	want := content()
	for _, name := range []string{"crc32.xz", "small.xz", "sizes.xz"} {
		whole := fixture(t, name)
		for at := 0; at < len(whole); at += 11 {
			got, err := io.ReadAll(NewReader(bytes.NewReader(changed(whole, at, 0x10)), limit))
			// The first byte of a chunk means nothing.
			if err == nil && !bytes.Equal(got, want) {
				t.Fatalf("%s with another byte at %d: other content", name, at)
			}
		}
	}
}

// TestErrorStays reads on after an error of the file that is read from.
func TestErrorStays(t *testing.T) {
	wrong := errors.New("the disk is broken")
	r := NewReader(io.MultiReader(bytes.NewReader(fixture(t, "small.xz")[:100]), iotest.ErrReader(wrong)), limit)
	for range 2 {
		if _, err := io.Copy(io.Discard, r); !errors.Is(err, wrong) {
			t.Error(err)
		}
	}
	if n, err := r.Read(nil); n != 0 || !errors.Is(err, wrong) {
		t.Error(n, err)
	}
}

// TestMemory makes sure that a ring is no larger than it has to be.
func TestMemory(t *testing.T) {
	for _, c := range []struct {
		name                   string
		dictionary, size, want int
		stated                 bool
	}{
		{"content of a size that is not stated", 8 << 20, 100_000, 128 << 10, false},
		{"little content", 64 << 20, 100, 64 << 10, false},
		{"content of a size that is stated", 8 << 20, 100_000, 100_000 + gap, true},
		{"content that is larger than the dictionary", 1 << 20, 4 << 20, 1<<20 + gap, true},
		{"it also when that is not stated", 1 << 20, 4 << 20, 1<<20 + gap, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var w window
			size := int64(unstated)
			if c.stated {
				size = int64(c.size)
			}
			w.reset(c.dictionary, size)
			for left := c.size; left > 0; {
				left -= len(w.extend(w.room(left)))
				w.start = w.end
			}
			if diff := cmp.Diff(c.want+step, len(w.bytes)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
