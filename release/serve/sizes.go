package serve

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/slugc/slugc/build/beside"
	"github.com/slugc/slugc/build/pack"
	"github.com/slugc/slugc/build/slug"
)

// Area is a directory of a slug, or what is in it beside directories that have areas of their own.
type Area struct {
	Path string `json:"path"`
	Size int64  `json:"size"`
	// Rest is whether it is without some of its directories.
	Rest bool `json:"rest,omitempty"`
}

const (
	// mostAreas is how many areas a slug has at most.
	mostAreas = 24
	// splitShare is the share of the whole above which a directory is looked into.
	splitShare = 0.12
)

// Areas divides the files of a slug: into its biggest directories, so that nothing is
// counted twice and all together are all of it. The biggest comes first.
func Areas(index pack.Index) []Area {
	// The bytes below each directory, the files of each alone, and its directories.
	below, alone, children := map[string]int64{}, map[string]int64{}, map[string][]string{}
	for i := range index {
		if index[i].Size == 0 {
			continue
		}
		dir := parent(index[i].Path)
		alone[dir] += index[i].Size
		for at := dir; ; at = parent(at) {
			if _, known := below[at]; !known && at != "" {
				children[parent(at)] = append(children[parent(at)], at)
			}
			below[at] += index[i].Size
			if at == "" {
				break
			}
		}
	}
	areas := []Area{{Size: below[""]}}
	if below[""] == 0 {
		return nil
	}
	for {
		// The biggest that has directories and is worth a look into it.
		slices.SortFunc(areas, func(a, b Area) int { return cmp.Or(cmp.Compare(b.Size, a.Size), cmp.Compare(a.Path, b.Path)) })
		at := slices.IndexFunc(areas, func(a Area) bool {
			return !a.Rest && len(children[a.Path]) > 0 && (a.Path == "" || float64(a.Size) > splitShare*float64(below[""]))
		})
		if at < 0 || len(areas) >= mostAreas {
			return areas
		}
		whole := areas[at]
		areas = slices.Delete(areas, at, at+1)
		parts := children[whole.Path]
		slices.SortFunc(parts, func(a, b string) int { return cmp.Or(cmp.Compare(below[b], below[a]), cmp.Compare(a, b)) })
		room := max(1, mostAreas-len(areas)-1)
		rest := alone[whole.Path]
		for i, part := range parts {
			if i < room && float64(below[part]) > 0.005*float64(below[""]) || len(parts) == 1 {
				areas = append(areas, Area{Path: part, Size: below[part]})
			} else {
				rest += below[part]
			}
		}
		if rest > 0 {
			areas = append(areas, Area{Path: whole.Path, Size: rest, Rest: true})
		}
	}
}

func parent(path string) string { return path[:max(0, strings.LastIndexByte(path, '/'))] }

// sizes are the areas of slugs. A slug is read once.
type sizes struct {
	dir  string
	slug func(ctx context.Context, digest string) (string, error)

	// One at a time: reading a slug takes a processor.
	mu sync.Mutex
}

const (
	sizesSuffix = ".json"
	// keptSizes is of how many slugs the areas are kept.
	keptSizes = 200
)

// of are the areas of a slug.
func (s *sizes) of(ctx context.Context, digest string) ([]Area, error) {
	sum, is := strings.CutPrefix(digest, "sha256:")
	if !is || !filepath.IsLocal(sum) || filepath.Base(sum) != sum {
		return nil, fmt.Errorf("%q is no digest of a slug", digest)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	file := filepath.Join(s.dir, sum+sizesSuffix)
	var areas []Area
	content, err := os.ReadFile(file)
	if err == nil && json.Unmarshal(content, &areas) == nil {
		return areas, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading the sizes of a slug: %w", err)
	}
	path, err := s.slug(ctx, digest)
	if err != nil {
		return nil, err
	}
	contents, err := slug.Inspect(ctx, path, slug.Limits{})
	if err != nil {
		return nil, err
	}
	areas = Areas(contents.Index)
	if content, err = json.Marshal(areas); err != nil {
		return nil, err
	}
	err = os.MkdirAll(s.dir, 0o700)
	if err == nil {
		err = writePrivate(file, content)
	}
	if err != nil {
		return nil, fmt.Errorf("keeping the sizes of a slug: %w", err)
	}
	return areas, s.sweep(sum + sizesSuffix)
}

// sweep forgets the oldest but those that are kept.
func (s *sizes) sweep(but string) error {
	entries, err := os.ReadDir(s.dir)
	if err != nil || len(entries) <= keptSizes {
		return err
	}
	for _, entry := range entries[:len(entries)-keptSizes] {
		if entry.Name() == but {
			continue
		}
		if err := os.Remove(filepath.Join(s.dir, entry.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// Box is where an area is drawn, in percent of the whole.
type Box struct {
	Area
	X, Y, W, H float64
}

// Boxes lays areas out in a rectangle of a ratio of width to height, each as near to a
// square as it may be (Bruls, Huizing and van Wijk, "Squarified Treemaps", 2000). Areas
// come in order, the biggest first.
func Boxes(areas []Area, ratio float64) []Box {
	const whole = 100.0
	var total int64
	for _, a := range areas {
		total += a.Size
	}
	if total == 0 {
		return nil
	}
	var boxes []Box
	x, y, w, h := 0.0, 0.0, whole*ratio, whole
	scale := w * h / float64(total)
	for len(areas) > 0 {
		// A row along the shorter side takes areas as long as they get squarer.
		side := min(w, h)
		n, sum := 1, float64(areas[0].Size)*scale
		for n < len(areas) {
			more := sum + float64(areas[n].Size)*scale
			if worst(areas[:n+1], scale, more, side) > worst(areas[:n], scale, sum, side) {
				break
			}
			n, sum = n+1, more
		}
		thick := sum / side
		at := 0.0
		for _, a := range areas[:n] {
			long := float64(a.Size) * scale / thick
			if w >= h {
				boxes = append(boxes, Box{a, x / ratio, y + at, thick / ratio, long})
			} else {
				boxes = append(boxes, Box{a, (x + at) / ratio, y, long / ratio, thick})
			}
			at += long
		}
		if w >= h {
			x, w = x+thick, w-thick
		} else {
			y, h = y+thick, h-thick
		}
		areas = areas[n:]
	}
	return boxes
}

// worst is the worst ratio of sides in a row of areas that take so much of a side.
func worst(row []Area, scale, sum, side float64) float64 {
	big, small := float64(row[0].Size)*scale, float64(row[len(row)-1].Size)*scale
	if small == 0 {
		small = 1e-9
	}
	return max(side*side*big/(sum*sum), sum*sum/(side*side*small))
}

// writePrivate writes a file that only the user can read, whole or not at all.
func writePrivate(file string, content []byte) error {
	dir := filepath.Dir(file)
	f, err := os.CreateTemp(dir, beside.Prefix)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return beside.SyncDir(dir)
}
