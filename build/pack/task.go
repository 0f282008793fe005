package pack

import "sync/atomic"

// op is what an item asks for.
type op int

const (
	// opBegin starts an output, opEnd finishes it.
	opBegin op = iota
	opEnd
	// opEntry adds an entry: its header and, if it is a small file, its
	// content.
	opEntry
	// opBody adds one member's worth of a bigger file.
	opBody
)

// item is one step of a stream, for some outputs.
type item struct {
	op      op
	outputs []*output
	entry   *Entry
	// content is that of a small file, and sum the content's, which may be known
	// before it is read.
	content []byte
	sum     Sum
	// offset is where in a body the piece begins that pieces are of.
	offset int64
	pieces []piece
}

// piece is a piece of a body for the outputs of one level, which share its
// member.
type piece struct {
	outputs []*output
	chunk   *chunk
	// donor has the member already; nil if nobody has. Unless the file is sure to be
	// the same, the piece has to be compared.
	donor  *donor
	member Member
	sure   bool
}

// task is a run of items that one reader fills.
type task struct {
	root  *root
	items []item
	used  int
	buf   *buffer
	done  chan struct{}
}

// room returns n bytes of the buffer of the task.
func (t *task) room(n int) []byte {
	b := t.buf.data[t.used:][:n:n]
	t.used += n
	return b
}

// buffer is memory for one task. It goes home when nobody holds it.
type buffer struct {
	data []byte
	refs atomic.Int32
	home chan<- *buffer
}

func (b *buffer) release() {
	if b.refs.Add(-1) == 0 {
		b.home <- b
	}
}

// chunk is the raw bytes of a member and, once done is closed, the member.
type chunk struct {
	raw    []byte
	packed []byte
	done   chan struct{}
	// level is the gzip level of the member. At rawLevel the member is the raw
	// bytes themselves.
	level int
	// body says that the member holds a piece of one file.
	body bool
	// sum is that of what a mixed member holds, zero for none; earlier are those
	// that can serve, by theirs.
	sum     Sum
	earlier map[Sum]offer
	// refs counts the outputs that have not yet written the chunk.
	refs atomic.Int32
	free func(raw []byte)
}

func (c *chunk) release() {
	if c.refs.Add(-1) == 0 && c.free != nil {
		c.free(c.raw)
	}
}
