package ledger

import (
	"fmt"
	"os"
)

// maxLog is how much of what a build prints is kept, in bytes.
const maxLog = 64 << 20

// log keeps what a build prints in a file.
type log struct {
	*os.File
	left int
}

func newLog(name string) (*log, error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("keeping the log of a build: %w", err)
	}
	return &log{f, maxLog}, nil
}

// Write writes as much as there is room for. What comes after that is left out, which the
// log says: the build goes on.
func (l *log) Write(text []byte) (int, error) {
	if len(text) <= l.left {
		n, err := l.File.Write(text)
		l.left -= n
		return n, err
	}
	if l.left < 0 {
		return len(text), nil
	}
	n, err := l.File.Write(text[:l.left])
	if err == nil {
		_, err = fmt.Fprintf(l.File, "\n !     What follows is left out: the log of a build has at most %d MiB\n", maxLog>>20)
	}
	if err != nil {
		return n, err
	}
	l.left = -1
	return len(text), nil
}
