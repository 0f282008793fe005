package cache

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/slugc/slugc/build/pack"
	"github.com/slugc/slugc/stack/sandbox"
)

// Trees are the layers of a volume as directories, by diffID:
//
//	<diffID>/tree      the layer
//	<diffID>/record    the boot of the machine and the index of the tree
//	<diffID>/lent      a build may write to its files
//
// A layer that is lent has hard links to the files of its tree, so a buildpack that
// writes to one writes to both. Therefore a tree that is lent serves no second time
// before Settle has seen that its layer did not change.
//
// Nobody flushed the files to disk. So a tree serves only in the boot of the machine
// in which it was made; afterwards the tar counts, which is read and summed.
type Trees struct {
	dir string
	// boot names the boot of the machine.
	boot string
}

// ErrNoTree is the error for a layer that has no tree, or none that can be trusted.
var ErrNoTree = errors.New("there is no tree of the layer")

// maxTree bounds the record of a tree, in bytes.
const maxTree = 128 << 20

func (t Trees) at(diffID, name string) string { return filepath.Join(t.dir, diffID, name) }

// Lend makes the directory to, which must not be there, of a tree, and returns its
// index. An error wraps ErrNoTree unless ctx ended; then there is no to.
func (t Trees) Lend(ctx context.Context, diffID, to string) (pack.Index, error) {
	if !diffIDForm.MatchString(diffID) {
		return nil, ErrNoTree
	}
	index, err := t.lend(ctx, diffID, to)
	if err == nil {
		return index, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		err = errors.Join(err, sandbox.Remove(filepath.Join(t.dir, diffID)))
	}
	if failed := sandbox.Remove(to); failed != nil {
		return nil, errors.Join(err, failed)
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return nil, fmt.Errorf("%w: %w", ErrNoTree, err)
}

func (t Trees) lend(ctx context.Context, diffID, to string) (pack.Index, error) {
	record, err := sandbox.ReadFile(t.at(diffID, "record"), maxTree)
	if err != nil {
		return nil, err
	}
	boot, rest, _ := bytes.Cut(record, []byte("\n"))
	if string(boot) != t.boot {
		return nil, errors.New("the machine was started again since it was made")
	}
	index, err := pack.ReadIndex(bytes.NewReader(rest))
	if err != nil {
		return nil, err
	}
	mark, err := os.OpenFile(t.at(diffID, "lent"), os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	if err := mark.Close(); err != nil {
		return nil, err
	}
	return pack.Link(ctx, t.at(diffID, "tree"), to, index)
}

// Settled is a layer as a build left it.
type Settled struct {
	// Dir has the layer, in the state of Index.
	Dir   string
	Index pack.Index
	// Unchanged says that nobody wrote to it since it was restored.
	Unchanged bool
}

// Settle makes the trees those of layers, by diffID: it keeps what is there and can be
// trusted, makes what is new, and removes all others. Where trees cannot be made
// there are none, which costs time at the next build: the error is for a message.
func (t Trees) Settle(ctx context.Context, layers map[string]Settled) error {
	entries, err := os.ReadDir(t.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	there := map[string]bool{}
	for _, entry := range entries {
		diffID := entry.Name()
		layer, wanted := layers[diffID]
		_, err := os.Lstat(t.at(diffID, "lent"))
		lent := err == nil
		switch {
		case wanted && !lent:
			there[diffID] = true
		case wanted && layer.Unchanged:
			if err := os.Remove(t.at(diffID, "lent")); err != nil {
				return err
			}
			there[diffID] = true
		default:
			if err := sandbox.Remove(filepath.Join(t.dir, diffID)); err != nil {
				return err
			}
		}
	}
	for diffID, layer := range layers {
		if there[diffID] {
			continue
		}
		if err := t.add(ctx, diffID, layer); err != nil {
			return err
		}
	}
	return nil
}

// unfinished begins the names of trees in the making.
const unfinished = ".new-"

// add makes a tree.
func (t Trees) add(ctx context.Context, diffID string, layer Settled) (err error) {
	if err := os.MkdirAll(t.dir, 0o777); err != nil {
		return err
	}
	temp, err := os.MkdirTemp(t.dir, unfinished)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sandbox.Remove(temp)) }()
	index, err := pack.Link(ctx, layer.Dir, filepath.Join(temp, "tree"), layer.Index)
	if err != nil {
		return err
	}
	record := bytes.NewBufferString(t.boot + "\n")
	if _, err := index.WriteTo(record); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(temp, "record"), record.Bytes(), 0o644); err != nil {
		return err
	}
	return os.Rename(temp, filepath.Join(t.dir, diffID))
}

// thisBoot names the boot of the machine; it fails where nothing does.
func thisBoot() (string, error) {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(string(id)), nil
}
