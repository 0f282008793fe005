package xz_test

import (
	"bytes"
	"io"
	"testing"

	reference "github.com/ulikunitz/xz"

	"github.com/slugc/slugc/stack/debian/deb/xz"
)

// BenchmarkReader reads the same data with this package and with the other.
func BenchmarkReader(b *testing.B) {
	content := contents()["all"]
	data := compress(b, reference.WriterConfig{}, content)
	for _, c := range []struct {
		name string
		open func(io.Reader) (io.Reader, error)
	}{
		{"ours", func(r io.Reader) (io.Reader, error) { return xz.NewReader(r) }},
		{"other", func(r io.Reader) (io.Reader, error) { return reference.NewReader(r) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(content)))
			for b.Loop() {
				r, err := c.open(bytes.NewReader(data))
				if err != nil {
					b.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
