package rootfs

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/klauspost/compress/zstd"
	"github.com/klauspost/pgzip"

	"github.com/slugc/slugc/stack/untar"
)

const (
	// chunk is how much is decompressed at a time, and ahead how many chunks
	// may wait for the files of those before to be written.
	chunk = 1 << 20
	ahead = 4
	// window is the largest zstd window; that of the highest level.
	window = 128 << 20
)

// unpackLayer applies one layer and checks that it is what the image's
// configuration says.
func unpackLayer(ctx context.Context, tree *untar.Tree, place int, layer v1.Layer) (err error) {
	want, err := layer.DiffID()
	if err != nil {
		return err
	}
	if want.Algorithm != "sha256" {
		return fmt.Errorf("its digest is %s; expected a sha256", want)
	}
	compressed, err := layer.Compressed()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, compressed.Close()) }()
	content, err := decompress(compressed)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, content.Close()) }()
	sum := sha256.New()
	if _, err := tree.Unpack(ctx, untar.Stream{Reader: io.TeeReader(content, sum), Order: place, Name: fmt.Sprintf("layer %d", place+1)}); err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != want.Hex {
		return fmt.Errorf("it is sha256:%s unpacked; the configuration of the image expects %s", got, want)
	}
	return nil
}

// decompress returns the content of a layer, by its first bytes: not all
// registries have the media type right.
func decompress(r io.Reader) (io.ReadCloser, error) {
	buffered := bufio.NewReaderSize(r, chunk)
	head, err := buffered.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		return pgzip.NewReaderN(buffered, chunk, ahead)
	case bytes.Equal(head, []byte("\x28\xb5\x2f\xfd")):
		z, err := zstd.NewReader(buffered, zstd.WithDecoderMaxWindow(window))
		if err != nil {
			return nil, err
		}
		return z.IOReadCloser(), nil
	}
	return io.NopCloser(buffered), nil
}
