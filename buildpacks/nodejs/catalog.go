package nodejs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/slugc/slugc/buildpacks/runtime/npm"
	"github.com/slugc/slugc/stack/download"
)

// resolver answers which version of a package is the one for a range.
type resolver interface {
	// Address is the registry of a package, without credentials.
	Address(name string) (string, error)
	Resolve(ctx context.Context, name string, wanted npm.Range, preferred ...npm.Range) (npm.Manifest, error)
}

// catalog remembers which versions a registry gave for which ranges, so that
// an unchanged build asks nobody. It may be used from several goroutines.
type catalog struct {
	file string
	now  func() time.Time

	mu      sync.Mutex
	answers map[string]answer
	// used are the answers of this build; the others are forgotten.
	used    map[string]answer
	changed bool
}

// answer is what a registry said, and when.
type answer struct {
	At       time.Time    `json:"at"`
	Manifest npm.Manifest `json:"manifest"`
}

// answerAge is how long the answer for a range is good. That for one exact
// version never changes.
const answerAge = 24 * time.Hour

// openCatalog reads the catalog of an earlier build. What cannot be read is as
// good as nothing.
func openCatalog(file string, now func() time.Time) *catalog {
	c := &catalog{file: file, now: now, answers: map[string]answer{}, used: map[string]answer{}}
	data, err := os.ReadFile(file)
	if err == nil && json.Unmarshal(data, &c.answers) != nil {
		c.answers, c.changed = map[string]answer{}, true
	}
	return c
}

// resolve asks the catalog first, then the registry. When the registry cannot
// be reached an old answer is better than none; stale says so.
func (c *catalog) resolve(ctx context.Context, from resolver, name string, wanted npm.Range, preferred ...npm.Range) (m npm.Manifest, stale error, err error) {
	address, err := from.Address(name)
	if err != nil {
		return npm.Manifest{}, nil, err
	}
	key := fmt.Sprintf("%s %s %q %v", address, name, wanted, preferred)
	c.mu.Lock()
	old, known := c.answers[key]
	c.mu.Unlock()
	_, exact := wanted.Exact()
	if age := c.now().Sub(old.At); known && (exact || age >= 0 && age < answerAge) {
		c.keep(key, old, false)
		return old.Manifest, nil, nil
	}
	m, err = from.Resolve(ctx, name, wanted, preferred...)
	if err != nil && known && download.FaultOf(err) == download.Passing {
		c.keep(key, old, false)
		return old.Manifest, err, nil
	}
	if err != nil {
		return npm.Manifest{}, nil, err
	}
	c.keep(key, answer{At: c.now().UTC(), Manifest: m}, true)
	return m, nil, nil
}

func (c *catalog) keep(key string, a answer, changed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.used[key] = a
	c.changed = c.changed || changed
}

// save writes the answers of this build, if they are not those of the file.
func (c *catalog) save() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.changed && len(c.used) == len(c.answers) {
		return nil
	}
	data, err := json.MarshalIndent(c.used, "", "\t")
	if err != nil {
		return fmt.Errorf("writing the catalog of versions: %w", err)
	}
	return writeBeside(c.file, append(data, '\n'), 0o644)
}

// writeBeside writes a file that appears whole or not at all.
func writeBeside(file string, data []byte, mode fs.FileMode) (err error) {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	beside := file + ".new"
	defer func() {
		if removeErr := os.Remove(beside); removeErr != nil && !errors.Is(removeErr, fs.ErrNotExist) {
			err = errors.Join(err, removeErr)
		}
	}()
	if err := os.WriteFile(beside, data, mode); err != nil {
		return err
	}
	return os.Rename(beside, file)
}
