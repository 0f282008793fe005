package language

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language/layer"
	"github.com/slugc/slugc/buildpacks/runtime"
)

// settledFile is the file in the catalog layer with the releases that were
// settled, by the layers that they went to.
const settledFile = "settled.json"

// settledFor is how long a release stands for a wish: the time for which npm's
// answers stand too. A build within it sends no request; fixes arrive after it.
const settledFor = 24 * time.Hour

// settled is a release that a registry gave for a wish.
type settled struct {
	Wish    string          `json:"wish"`
	At      time.Time       `json:"at"`
	Release runtime.Release `json:"release"`
}

// remembered is the release for a wish, if it was settled not long ago and is in
// its layer. One that has to be downloaded is settled anew: registries of
// distributions do not keep what they replaced.
func (b *Build) remembered(w Wish) (runtime.Release, bool) {
	last, found := b.readSettled()[w.Layer]
	age := b.Now().Sub(last.At)
	if !found || last.Wish != b.wishSum(w) || age < 0 || age > settledFor {
		return runtime.Release{}, false
	}
	slot, err := layer.Open(b.Layers, w.Layer, libcnb.LayerTypes{}, "1/"+w.Layout)
	if err != nil {
		return runtime.Release{}, false
	}
	kept, _ := slot.Keeps(inputs(last.Release))
	return last.Release, kept
}

// remember notes what a wish came to.
func (b *Build) remember(w Wish, r runtime.Release) error {
	all := b.readSettled()
	all[w.Layer] = settled{Wish: b.wishSum(w), At: b.Now().UTC(), Release: r}
	text, err := json.Marshal(all)
	if err == nil {
		err = layer.WriteBeside(b.settledPath(), text, 0o644)
	}
	if err != nil {
		return fmt.Errorf("noting the version of %s: %w", r.Title, err)
	}
	return nil
}

func (b *Build) settledPath() string {
	return filepath.Join(b.Layers.Path, CatalogLayer, settledFile)
}

// readSettled reads what earlier builds noted. What cannot be read is as good as
// nothing: it is asked for again.
func (b *Build) readSettled() map[string]settled {
	all := map[string]settled{}
	text, err := os.ReadFile(b.settledPath())
	if err != nil || json.Unmarshal(text, &all) != nil {
		return map[string]settled{}
	}
	return all
}

// wishSum tells wishes apart by all that decides what they come to.
func (b *Build) wishSum(w Wish) string {
	r := w.Request
	parts := []any{r.Runtime, r.Constraint.String(), b.Arch, r.Parts, r.Packages}
	for _, line := range r.Prefer {
		parts = append(parts, line.String())
	}
	if b.Runtimes.Debian != nil {
		parts = append(parts, b.Runtimes.Debian.Suites, b.Runtimes.Debian.Base)
	}
	text, err := json.Marshal(parts)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
