package cnb

import (
	"fmt"
	"io"
	"os"

	"github.com/slugc/slugc/stack/launch"
)

// maxTOML bounds every TOML file that a buildpack hands over, in bytes.
const maxTOML = 1 << 20

// read reads a file of limited size.
func read(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	// One byte too many is enough for decodeTOML to refuse it.
	return io.ReadAll(io.LimitReader(f, maxTOML+1))
}

// decodeTOML decodes TOML of limited size and depth into v. Errors say the
// line.
func decodeTOML(data []byte, v any) error {
	if len(data) > maxTOML {
		return fmt.Errorf("larger than %d KiB", maxTOML>>10)
	}
	return launch.DecodeTOML(data, v)
}
