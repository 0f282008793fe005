package logs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// pause is the time between two looks for new lines.
const pause = 100 * time.Millisecond

// Tail reads a log in files.
type Tail struct {
	// Name is the name of the current file.
	Name string
	// Lines is how many of the last lines are wanted.
	Lines int
	// Filter chooses them.
	Filter Filter
	// Follow goes on with what comes until the context ends.
	Follow bool
}

// Print writes the lines, the oldest first. That there is no log yet is no
// error. When the context ends it returns nil.
func (t Tail) Print(ctx context.Context, to io.Writer) error {
	current, err := openIfThere(t.Name)
	if err != nil {
		return err
	}
	defer func() { current.Close() }()
	rest, err := t.history(current, to)
	if err != nil || !t.Follow {
		return err
	}
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		for {
			// What stands in a file is complete once there is a younger one.
			var next *os.File
			if next, err = t.younger(current); err != nil {
				break
			}
			if rest, err = t.copy(current, rest, to); err != nil || next == nil {
				break
			}
			current.Close()
			current, rest = next, nil
		}
		if err != nil {
			return err
		}
	}
}

// history writes the last lines. It returns what stands behind the last
// newline, where the file was read up to.
func (t Tail) history(current *os.File, to io.Writer) (rest []byte, err error) {
	var found [][]byte
	for age := int64(0); age < MaxFiles && (age == 0 || len(found) < t.Lines); age++ {
		file := current
		if age > 0 {
			if file, err = openIfThere(older(t.Name, age)); err != nil {
				return nil, err
			}
		}
		content, err := readAll(file)
		if err != nil {
			return nil, err
		}
		whole := bytes.LastIndexByte(content, '\n') + 1
		if age == 0 {
			rest = bytes.Clone(content[whole:])
		} else {
			// The log may have been rotated since.
			repeated := same(file, current)
			file.Close()
			if repeated {
				continue
			}
		}
		found = append(t.last(content[:whole], t.Lines-len(found)), found...)
	}
	_, err = to.Write(bytes.Join(found, nil))
	return rest, err
}

// last are the last lines of some that are wanted, n at most.
func (t Tail) last(lines []byte, n int) (found [][]byte) {
	end := len(lines)
	for end > 0 && len(found) < n {
		start := bytes.LastIndexByte(lines[:end-1], '\n') + 1
		if line := lines[start:end]; t.wants(line) {
			found = append(found, line)
		}
		end = start
	}
	for i, j := 0, len(found)-1; i < j; i, j = i+1, j-1 {
		found[i], found[j] = found[j], found[i]
	}
	return found
}

func (t Tail) wants(line []byte) bool {
	if t.Filter == (Filter{}) {
		return true
	}
	parsed, ok := Parse(line)
	return ok && t.Filter.Chooses(parsed)
}

// copy writes the lines that have come, and keeps the beginning of one.
func (t Tail) copy(from *os.File, rest []byte, to io.Writer) ([]byte, error) {
	content, err := readAll(from)
	if err != nil {
		return nil, err
	}
	rest = append(rest, content...)
	var wanted []byte
	for {
		end := bytes.IndexByte(rest, '\n') + 1
		if end == 0 {
			break
		}
		if t.wants(rest[:end]) {
			wanted = append(wanted, rest[:end]...)
		}
		rest = rest[end:]
	}
	if len(wanted) > 0 {
		_, err = to.Write(wanted)
	}
	return rest, err
}

// younger opens the file that was begun after a file that is open; nil when
// that is the youngest.
func (t Tail) younger(current *os.File) (*os.File, error) {
	for age := int64(0); age < MaxFiles; age++ {
		file, err := openIfThere(older(t.Name, age))
		if err != nil || file == nil && age == 0 {
			return nil, err
		}
		switch {
		case current == nil:
			return file, nil
		case file == nil:
			// The file is gone for its age; the oldest that is left comes next.
			return openIfThere(older(t.Name, age-1))
		case !same(file, current):
			file.Close()
		case age == 0:
			file.Close()
			return nil, nil
		default:
			file.Close()
			return openIfThere(older(t.Name, age-1))
		}
	}
	return openIfThere(older(t.Name, MaxFiles-1))
}

func same(a, b *os.File) bool {
	if a == nil || b == nil {
		return a == b
	}
	x, errX := a.Stat()
	y, errY := b.Stat()
	return errX == nil && errY == nil && os.SameFile(x, y)
}

func openIfThere(name string) (*os.File, error) {
	file, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the log: %w", err)
	}
	return file, nil
}

func readAll(file *os.File) ([]byte, error) {
	if file == nil {
		return nil, nil
	}
	content, err := io.ReadAll(file)
	if err != nil {
		return nil, fmt.Errorf("reading the log: %w", err)
	}
	return content, nil
}
