package fetch

import (
	"context"
	"os"

	"github.com/slugc/slugc/stack/untar"
)

// Unpack writes an archive of any format, as buildpacks come in, to an empty directory; see
// the package for what is refused.
func Unpack(ctx context.Context, file *os.File, dir string, limits untar.Limits) error {
	return Fetcher{Limits: limits}.unpack(ctx, file, dir)
}
