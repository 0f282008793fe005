package receive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/slugc/slugc/release/hook"
)

// Turn is that of a pre-receive hook at an app. The build of one push ends before git moves the branch,
// and the next may begin then: it has to wait for git.
type Turn struct {
	// File has the receive-pack of the last push whose build began.
	File string
	// Tip is where a branch ends.
	Tip func(branch string) (string, error)
}

// Take waits until the push before is over, and makes sure that a branch ends where it did when this one
// began: git would not move it else. It is called when the build's turn has come, so by one at a time.
func (t Turn) Take(ctx context.Context, branch, before string) error {
	last, err := os.ReadFile(t.File)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if mine := parent(); string(last) != mine {
		if err := await(ctx, string(last)); err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(t.File), 0o700); err != nil {
			return err
		}
		if err := writeWhole(t.File, []byte(mine), 0o600); err != nil {
			return err
		}
	}
	tip, err := t.Tip(branch)
	if err != nil {
		return err
	}
	if tip != before {
		return fmt.Errorf("another push moved %s meanwhile: git pull, then push again", hook.Plain(branch, longestShown))
	}
	return nil
}

// longestShown is how many characters of a foreign name are shown.
const longestShown = 100
