package pack

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"os"
	"slices"

	"github.com/slugc/slugc/build/artifact"
)

// queueLength is how many chunks may wait for the writer of an output.
const queueLength = 64

// output is one segment in the making.
type output struct {
	part    *Part
	shape   *Shape
	key     Key
	segment *artifact.Segment
	// done says that an earlier segment serves.
	done bool
	// twin is an output of the same bytes before they are compressed, which sums
	// them for this one too; nil for none. made is closed when a twin is finished.
	twin *output
	made chan struct{}
	// temp is the file of a finished segment that no store has taken over.
	temp string

	// The planner's.
	begun bool

	// The gatherer's.
	headers headers
	seen    int
	mixed   []byte
	// holds sums what is in mixed: the headers, and the sums of the files, which
	// are known without hashing each byte once more. Nil if nobody is to know.
	holds hash.Hash
	queue chan *chunk
	// sums are those of the entries of the part.
	sums []Sum

	// The writer's.
	members []Member
}

// place is where members come from that can serve the output.
func (o *output) place() place { return place{o.part.Dir, o.shape.level()} }

// start readies the output for the gatherer.
func (o *output) start(record bool) {
	o.headers.shape, o.headers.attributes = o.shape, o.part.Attributes
	o.queue = make(chan *chunk, queueLength)
	if record && o.part.Dir != "" {
		o.sums = make([]Sum, len(o.part.Index))
		if !o.shape.Raw {
			o.holds = sha256.New()
		}
	}
}

// index is that of the part, with the sums.
func (o *output) index() Index {
	if o.sums == nil {
		return o.part.Index
	}
	index := slices.Clone(o.part.Index)
	for i, sum := range o.sums {
		index[i].Sum = sum
	}
	return index
}

// size is the number of bytes that packing the part reads.
func (p *Part) size() int64 {
	if p.Dir != "" {
		return p.Index.Size()
	}
	var total int64
	for i := range p.Files {
		total += int64(len(p.Files[i].Content))
	}
	return total
}

// write takes the chunks of an output in order and makes its segment.
func (s *stream) write(ctx context.Context, o *output) (err error) {
	name := "segment-*.tar.gz"
	if o.shape.Raw {
		name = "segment-*.tar"
	}
	file, err := os.CreateTemp(s.packer.Temp, name)
	if err != nil {
		return fmt.Errorf("packing %s: %w", o.part.Name, err)
	}
	finished := false
	defer func() {
		if !finished {
			err = errors.Join(err, file.Close(), os.Remove(file.Name()))
		}
	}()
	w := segmentWriter{file: bufio.NewWriterSize(file, 64<<10)}
	if o.twin == nil {
		w.raw = sha256.New()
	}
	if !o.shape.Raw {
		w.packed = sha256.New()
	}
	if err := w.take(ctx, o.queue); err != nil {
		return fmt.Errorf("packing %s: %w", o.part.Name, err)
	}
	if err := file.Close(); err != nil {
		return fmt.Errorf("packing %s: %w", o.part.Name, err)
	}
	finished, o.temp = true, file.Name()
	o.segment.Name = o.part.Name
	o.segment.RawSize = w.rawSize
	if o.twin == nil {
		o.segment.DiffID = digest(w.raw)
		close(o.made)
	} else {
		select {
		case <-o.twin.made:
			o.segment.DiffID = o.twin.segment.DiffID
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	o.segment.Digest, o.segment.Size = o.segment.DiffID, w.size
	if w.packed != nil {
		o.segment.Digest = digest(w.packed)
	}
	o.members = w.members
	return s.packer.keep(o, file.Name())
}

func digest(h hash.Hash) string { return "sha256:" + hex.EncodeToString(h.Sum(nil)) }

// segmentWriter writes members and hashes both sides of them.
type segmentWriter struct {
	file *bufio.Writer
	// raw is nil where another one sums the bytes, packed where nothing is
	// compressed, and there are no members.
	raw, packed hash.Hash
	rawSize     int64
	size        int64
	members     []Member
}

// take writes all chunks of a queue.
func (w *segmentWriter) take(ctx context.Context, queue <-chan *chunk) error {
	for {
		select {
		case c, more := <-queue:
			if !more {
				return w.file.Flush()
			}
			if err := w.chunk(ctx, c); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (w *segmentWriter) chunk(ctx context.Context, c *chunk) error {
	if w.raw != nil {
		w.raw.Write(c.raw)
	}
	w.rawSize += int64(len(c.raw))
	select {
	case <-c.done:
	case <-ctx.Done():
		return ctx.Err()
	}
	if _, err := w.file.Write(c.packed); err != nil {
		return err
	}
	if w.packed != nil {
		w.packed.Write(c.packed)
		w.members = append(w.members, Member{Offset: w.size, Size: int64(len(c.packed)), Sum: c.sum})
	}
	w.size += int64(len(c.packed))
	c.release()
	return nil
}
