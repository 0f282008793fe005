package sandbox

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

// ErrNoFile is the error for something that is no regular file where one was
// expected: a link, which could make its reader read what the one who left it
// cannot see, or a pipe, which could make him wait for ever.
var ErrNoFile = errors.New("expected a regular file, found something else")

// ReadFile reads a file that processes of the sandbox, or others that are
// foreign, may have left in any state, with the power of the caller: a regular
// file of at most limit bytes. Other errors than ErrNoFile are those of the
// system, and one that tells the limit.
func ReadFile(file string, limit int) ([]byte, error) {
	f, err := os.OpenFile(file, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if errors.Is(err, syscall.ELOOP) || errors.Is(err, syscall.ENXIO) {
		return nil, ErrNoFile
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, ErrNoFile
	}
	data, err := io.ReadAll(io.LimitReader(f, int64(limit)+1))
	if err == nil && len(data) > limit {
		return nil, fmt.Errorf("larger than %d KiB", limit>>10)
	}
	return data, err
}
