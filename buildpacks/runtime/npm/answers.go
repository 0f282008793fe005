package npm

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

	"github.com/slugc/slugc/stack/download"
)

// Resolver answers which version of a package is the one for a range.
type Resolver interface {
	// Address is the registry of a package, without credentials.
	Address(name string) (string, error)
	Resolve(ctx context.Context, name string, wanted Range, preferred ...Range) (Manifest, error)
}

var _ Resolver = (*Registry)(nil)

// Answers remembers in a file which versions a registry gave for which ranges,
// so that an unchanged build asks nobody. It may be used from several
// goroutines.
type Answers struct {
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
	At       time.Time `json:"at"`
	Manifest Manifest  `json:"manifest"`
}

// answerAge is how long the answer for a range is good. That for one exact
// version never changes.
const answerAge = 24 * time.Hour

// OpenAnswers reads the answers of an earlier build. What cannot be read is as
// good as nothing.
func OpenAnswers(file string, now func() time.Time) *Answers {
	a := &Answers{file: file, now: now, answers: map[string]answer{}, used: map[string]answer{}}
	data, err := os.ReadFile(file)
	if err == nil && json.Unmarshal(data, &a.answers) != nil {
		a.answers, a.changed = map[string]answer{}, true
	}
	return a
}

// Resolve looks for an answer first, then it asks the registry. When the
// registry cannot be reached an old answer is better than none; stale says so.
func (a *Answers) Resolve(ctx context.Context, from Resolver, name string, wanted Range, preferred ...Range) (m Manifest, stale, err error) {
	address, err := from.Address(name)
	if err != nil {
		return Manifest{}, nil, err
	}
	key := fmt.Sprintf("%s %s %q %v", address, name, wanted, preferred)
	a.mu.Lock()
	old, known := a.answers[key]
	a.mu.Unlock()
	_, exact := wanted.Exact()
	if age := a.now().Sub(old.At); known && (exact || age >= 0 && age < answerAge) {
		a.keep(key, old, false)
		return old.Manifest, nil, nil
	}
	m, err = from.Resolve(ctx, name, wanted, preferred...)
	if err != nil && known && download.FaultOf(err) == download.Passing {
		a.keep(key, old, false)
		return old.Manifest, err, nil
	}
	if err != nil {
		return Manifest{}, nil, err
	}
	a.keep(key, answer{At: a.now().UTC(), Manifest: m}, true)
	return m, nil, nil
}

func (a *Answers) keep(key string, said answer, changed bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.used[key] = said
	a.changed = a.changed || changed
}

// Save writes the answers of this build, if they are not those of the file.
func (a *Answers) Save() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.changed && len(a.used) == len(a.answers) {
		return nil
	}
	data, err := json.MarshalIndent(a.used, "", "\t")
	if err != nil {
		return fmt.Errorf("writing the answers of registries: %w", err)
	}
	if err := writeBeside(a.file, append(data, '\n')); err != nil {
		return fmt.Errorf("writing the answers of registries: %w", err)
	}
	return nil
}

// writeBeside writes a file that appears whole or not at all.
func writeBeside(file string, data []byte) (err error) {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	beside := file + ".new"
	defer func() {
		if removeErr := os.Remove(beside); removeErr != nil && !errors.Is(removeErr, fs.ErrNotExist) {
			err = errors.Join(err, removeErr)
		}
	}()
	if err := os.WriteFile(beside, data, 0o644); err != nil {
		return err
	}
	return os.Rename(beside, file)
}
