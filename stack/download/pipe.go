package download

import "io"

const (
	chunkSize  = 256 << 10
	chunkCount = 16
)

// pipe hands big chunks from one goroutine to another. Unlike io.Pipe it lets
// the writer run ahead, and it lets the reader leave early.
type pipe struct {
	full, free chan []byte
	left       chan struct{}
	rest       []byte
	whole      []byte
}

func newPipe() *pipe {
	p := &pipe{
		full: make(chan []byte, chunkCount),
		free: make(chan []byte, chunkCount),
		left: make(chan struct{}),
	}
	for range chunkCount {
		p.free <- make([]byte, chunkSize)
	}
	return p
}

// buffer returns a chunk to fill.
func (p *pipe) buffer() []byte {
	select {
	case chunk := <-p.free:
		return chunk
	case <-p.left:
		return make([]byte, chunkSize)
	}
}

// send hands a filled chunk over.
func (p *pipe) send(chunk []byte) {
	select {
	case p.full <- chunk:
	case <-p.left:
		select {
		case p.free <- chunk[:cap(chunk)]:
		default:
		}
	}
}

// closeWrite says that nothing more comes.
func (p *pipe) closeWrite() { close(p.full) }

// closeRead says that nothing more is wanted.
func (p *pipe) closeRead() { close(p.left) }

// Read implements io.Reader for one goroutine.
func (p *pipe) Read(b []byte) (int, error) {
	if len(p.rest) == 0 {
		if p.whole != nil {
			p.free <- p.whole[:cap(p.whole)]
			p.whole = nil
		}
		chunk, ok := <-p.full
		if !ok {
			return 0, io.EOF
		}
		p.rest, p.whole = chunk, chunk
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}
