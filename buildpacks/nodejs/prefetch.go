package nodejs

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/buildpacks/nodejs/lock"
	"github.com/slugc/slugc/buildpacks/runtime/npm"
	"github.com/slugc/slugc/stack/download"
)

const (
	// fetchers is how many packages are on their way at once, npm's own number.
	fetchers = 15
	// fetchPatience is how long npm, once installed, waits for packages that
	// are on their way already.
	fetchPatience = 5 * time.Second
)

// errHandedOver ends the fetching of packages when npm takes over.
var errHandedOver = errors.New("npm takes over")

// packageCache is npm's cache, as far as packages lie in it by their checksums
// (cacache, "content-v2"). npm takes a package from there when the lock file
// has its checksum and its address, and asks nobody.
type packageCache struct {
	dir string
}

// file is where a package lies.
func (c packageCache) file(i download.Integrity) string {
	sum := hex.EncodeToString(i.Sum)
	return filepath.Join(c.dir, "_cacache", "content-v2", i.Algorithm, sum[:2], sum[2:4], sum[4:])
}

// holds tells whether a package is in the cache. A checksum that cannot be read
// is npm's to complain about.
func (c packageCache) holds(checksum string) (download.Integrity, bool) {
	integrity, err := download.ParseIntegrity(checksum)
	if err != nil {
		return download.Integrity{}, false
	}
	_, err = os.Stat(c.file(integrity))
	return integrity, err == nil
}

// prefetch fills npm's cache with the packages of the lock file while Node.js
// and npm themselves are on their way, and for a moment after. It is help, no
// more: what it does not bring npm fetches itself, and says what is wrong.
func (t *moduleTree) prefetch(ctx context.Context, toolsReady <-chan struct{}) error {
	l, is := t.app.npmLock()
	if !is || t.main.Old["lock"] == t.app.lockSum && t.main.There {
		return nil
	}
	within, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	done := make(chan struct{})
	var watch errgroup.Group
	watch.Go(func() error {
		if patienceEnds(toolsReady, done) {
			cancel(errHandedOver)
		}
		return nil
	})
	err := t.fetchAll(within, t.lacking(l))
	close(done)
	if err != nil && !errors.Is(err, errHandedOver) && ctx.Err() == nil {
		t.b.Print.Detail("Packages are left to npm: %s", language.FirstLine(err))
	}
	return watch.Wait()
}

// patienceEnds waits until npm, which is ready then, has waited long enough. It is false
// when all is done before.
func patienceEnds(toolsReady, done <-chan struct{}) bool {
	select {
	case <-done:
		return false
	case <-toolsReady:
	}
	patience := time.NewTimer(fetchPatience)
	defer patience.Stop()
	select {
	case <-done:
		return false
	case <-patience.C:
		return true
	}
}

// wantedFile is a package, and the file of the cache in which npm looks for it.
type wantedFile struct {
	npm.Manifest
	file string
}

// lacking are the packages of the lock file that go to the target and are not in the
// cache, in the order of their places.
func (t *moduleTree) lacking(l *lock.NPM) (wanted []wantedFile) {
	packages := l.Fetchable(nodeCPU(t.b.Arch), t.dev)
	if t.driver.focuses() {
		needed := l.Reached("", t.driver.member)
		maps.DeleteFunc(packages, func(place string, _ npm.Manifest) bool { return !needed[place] })
	}
	// Of one package at several places one copy is enough.
	seen := map[string]bool{}
	for _, place := range sortedKeys(packages) {
		m := packages[place]
		integrity, held := t.cache.holds(m.Dist.Integrity)
		if held || integrity.Algorithm == "" || seen[m.Dist.Integrity] {
			continue
		}
		seen[m.Dist.Integrity] = true
		wanted = append(wanted, wantedFile{m, t.cache.file(integrity)})
	}
	return wanted
}

// fetchAll fetches packages until one cannot be fetched for now. One that is not where
// it should be harms no other.
func (t *moduleTree) fetchAll(ctx context.Context, wanted []wantedFile) error {
	var count atomic.Int64
	var missed atomic.Pointer[string]
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(fetchers)
	for _, w := range wanted {
		group.Go(func() error {
			err := t.b.fetch(ctx, w.Manifest, w.file)
			if err == nil {
				count.Add(1)
			}
			if err != nil && ctx.Err() == nil {
				why := w.Name + " " + w.Version + ": " + language.FirstLine(err)
				missed.CompareAndSwap(nil, &why)
			}
			if download.FaultOf(err) == download.Passing || ctx.Err() != nil {
				return err
			}
			return nil
		})
	}
	err := group.Wait()
	t.fetched = int(count.Load())
	if why := missed.Load(); why != nil {
		t.missed = *why
	}
	return err
}

// fetch downloads one package into a file that appears when its checksum is
// right.
func (b *build) fetch(ctx context.Context, m npm.Manifest, file string) (err error) {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	beside, err := os.CreateTemp(b.Scratch.Dir, "package-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(beside.Name()))
		}
	}()
	if err := errors.Join(b.registry.Tarball(ctx, m, beside), beside.Close()); err != nil {
		return err
	}
	return os.Rename(beside.Name(), file)
}

// sweep removes from the cache the packages that the lock file does not have,
// so that it does not grow with every change.
func (c packageCache) sweep(l *lock.NPM) error {
	wanted := map[string]bool{}
	for _, p := range l.Packages() {
		if integrity, held := c.holds(p.Integrity); held {
			wanted[c.file(integrity)] = true
		}
	}
	err := filepath.WalkDir(filepath.Join(c.dir, "_cacache", "content-v2", "sha512"), func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || wanted[path] {
			return err
		}
		return os.Remove(path)
	})
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// withAddresses is a lock file in which packages that are in the cache have an
// address, which npm wants to see before it looks there. Lock files are often
// made without (omit-lockfile-registry-resolved). Nil means that none lacks it.
func (c packageCache) withAddresses(l *lock.NPM, text []byte, cpu string, address func(npm.Manifest) (string, error)) ([]byte, error) {
	var doc map[string]json.RawMessage
	if err := json.Unmarshal(text, &doc); err != nil {
		return nil, fmt.Errorf("reading %s: %w", l.Name(), err)
	}
	var packages map[string]map[string]json.RawMessage
	if json.Unmarshal(doc["packages"], &packages) != nil {
		return nil, nil
	}
	changed := false
	for place, m := range l.Fetchable(cpu, true) {
		if m.Dist.Tarball != "" {
			continue
		}
		if _, held := c.holds(m.Dist.Integrity); !held {
			continue
		}
		text, err := address(m)
		if err != nil {
			return nil, err
		}
		if packages[place]["resolved"], err = json.Marshal(text); err != nil {
			return nil, err
		}
		changed = true
	}
	if !changed {
		return nil, nil
	}
	var err error
	if doc["packages"], err = json.Marshal(packages); err != nil {
		return nil, err
	}
	var filled bytes.Buffer
	encoder := json.NewEncoder(&filled)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(doc); err != nil {
		return nil, err
	}
	return filled.Bytes(), nil
}
