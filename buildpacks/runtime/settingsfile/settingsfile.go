package settingsfile

import (
	"fmt"
	"io"
	"os"
)

// maxSize bounds a file, in bytes.
const maxSize = 1 << 20

// Read reads a file with some settings, which its errors name: "npm's settings". One
// that is not there is an fs.ErrNotExist.
func Read(what, file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", what, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return nil, fmt.Errorf("reading %s in %s: %w", what, file, err)
	}
	if len(data) > maxSize {
		return nil, fmt.Errorf("reading %s: %s is larger than %d bytes", what, file, maxSize)
	}
	return data, nil
}
