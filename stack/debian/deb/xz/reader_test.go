package xz_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"strings"
	"testing"
	"testing/iotest"

	reference "github.com/ulikunitz/xz"
	"github.com/ulikunitz/xz/lzma"

	"github.com/slugc/slugc/stack/debian/deb/xz"
)

// contents are some of each kind: nothing, noise, runs, text, and all of them
// over more than a window.
func contents() map[string][]byte {
	random := rand.New(rand.NewSource(1))
	noise := make([]byte, 200_000)
	random.Read(noise)
	var text, mixed bytes.Buffer
	for i := range 20_000 {
		fmt.Fprintf(&text, "%d %x\n", random.Intn(i+1), random.Intn(1000))
	}
	for range 3 {
		at := random.Intn(len(noise) / 2)
		mixed.Write(noise[at : at+80_000])
		mixed.WriteString(strings.Repeat("abc", random.Intn(80_000)))
		mixed.Write(text.Bytes()[at : at+80_000])
	}
	return map[string][]byte{
		"nothing": nil, "a byte": []byte("x"), "noise": noise, "a run": bytes.Repeat([]byte("x"), 2_500_000),
		"text": text.Bytes(), "all": mixed.Bytes(),
	}
}

func TestReader(t *testing.T) {
	configs := map[string]reference.WriterConfig{
		"default":     {},
		"crc32":       {CheckSum: reference.CRC32, DictCap: 1 << 16},
		"sha256":      {CheckSum: reference.SHA256, DictCap: 1 << 20},
		"no sum":      {NoCheckSum: true, DictCap: 1 << 17},
		"blocks":      {BlockSize: 400_000, DictCap: 1 << 18},
		"properties":  {Properties: &lzma.Properties{LC: 0, LP: 4, PB: 0}, DictCap: 1 << 18},
		"properties2": {Properties: &lzma.Properties{LC: 4, LP: 0, PB: 4}, DictCap: 1 << 18},
	}
	for kind, content := range contents() {
		for name, config := range configs {
			t.Run(kind+"/"+name, func(t *testing.T) {
				t.Parallel()
				data := compress(t, config, content)
				for _, from := range []io.Reader{bytes.NewReader(data), iotest.HalfReader(bytes.NewReader(data)), iotest.DataErrReader(bytes.NewReader(data))} {
					r, err := xz.NewReader(from)
					if err != nil {
						t.Fatal(err)
					}
					got, err := io.ReadAll(r)
					if err != nil || !bytes.Equal(got, content) {
						t.Fatalf("%d bytes and %v; expected %d", len(got), err, len(content))
					}
				}
			})
		}
	}
}

func TestReaderStopsAtTheEnd(t *testing.T) {
	data := compress(t, reference.WriterConfig{DictCap: 1 << 16, BlockSize: 500}, []byte(strings.Repeat("some text ", 100)))
	for n := range data {
		if _, err := read(data[:n]); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("%d of %d bytes: %v", n, len(data), err)
		}
	}
	if _, err := read(append(bytes.Clone(data), 0)); err == nil || !strings.Contains(err.Error(), "something follows") {
		t.Error(err)
	}
	broken := errors.New("broken")
	r, err := xz.NewReader(io.MultiReader(bytes.NewReader(data), iotest.ErrReader(broken)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(r); !errors.Is(err, broken) {
		t.Error(err)
	}
}

func TestReaderSeesDamage(t *testing.T) {
	data := compress(t, reference.WriterConfig{DictCap: 1 << 16, BlockSize: 700}, []byte(strings.Repeat("some text ", 100)))
	for i := range data {
		for bit := range 8 {
			damaged := bytes.Clone(data)
			damaged[i] ^= 1 << bit
			if _, err := read(damaged); err == nil {
				t.Errorf("bit %d of byte %d of %d is damaged and nobody says so", bit, i, len(data))
			}
		}
	}
}

// FuzzReader holds what is read of anybody's data against another decoder: what
// both read to the end is the same.
func FuzzReader(f *testing.F) {
	for _, config := range []reference.WriterConfig{{DictCap: 4096}, {DictCap: 1 << 16, BlockSize: 100, CheckSum: reference.CRC32}, {DictCap: 4096, NoCheckSum: true}} {
		f.Add(compress(f, config, []byte(strings.Repeat("some text ", 30))))
		f.Add(compress(f, config, []byte("\x00\x01\x02\x03")))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := read(data)
		if err != nil {
			return
		}
		r, err := reference.ReaderConfig{SingleStream: true}.NewReader(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		want, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("read %q; expected %q, %v", got, want, err)
		}
	})
}

func read(data []byte) ([]byte, error) {
	r, err := xz.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(r, 16<<20))
}

func compress(t testing.TB, config reference.WriterConfig, content []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w, err := config.NewWriter(&buf)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}
