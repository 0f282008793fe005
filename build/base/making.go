package base

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"

	"github.com/slugc/slugc/stack/debian"
	"github.com/slugc/slugc/stack/workbench"
)

// make makes a root filesystem beside and gives it its name.
func (p place) make(ctx context.Context, digest string, image debian.LockedImage) (m Made, err error) {
	work, err := os.MkdirTemp(p.dir, newPrefix)
	if err != nil {
		return Made{}, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, removeTree(work))
		}
	}()
	attributes, err := p.store.Maker.Make(ctx, p.definition, p.variant, image, filepath.Join(work, rootDir))
	if err != nil {
		return Made{}, err
	}
	// Processes of another user than the one who makes it read it, whatever the
	// umask.
	for _, dir := range []string{work, filepath.Join(work, rootDir)} {
		if err := os.Chmod(dir, 0o755); err != nil {
			return Made{}, err
		}
	}
	text, err := debian.NewLock(p.definition.ID, p.variant, image).Text()
	if err != nil {
		return Made{}, err
	}
	list, err := json.Marshal(attributes)
	if err != nil {
		return Made{}, err
	}
	sealed, err := seal(filepath.Join(work, rootDir))
	if err != nil {
		return Made{}, err
	}
	for name, content := range map[string]string{
		attributesFile: string(list), debian.LockFile: text, sealFile: sealed, leaseFile: "",
	} {
		if err := os.WriteFile(filepath.Join(work, name), []byte(content), 0o644); err != nil {
			return Made{}, err
		}
	}
	if err := workbench.Flush(work); err != nil {
		return Made{}, err
	}
	if err := ctx.Err(); err != nil {
		return Made{}, err
	}
	// One that cannot be read may be in the way.
	if err := p.putAway(p.path(digest)); err != nil {
		return Made{}, err
	}
	if err := os.Rename(work, p.path(digest)); err != nil {
		return Made{}, err
	}
	return p.open(digest)
}
