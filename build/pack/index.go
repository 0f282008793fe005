package pack

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Index is the entries of a directory, in the order in which they are packed;
// a directory comes before what it holds.
type Index []Entry

// Size is the number of bytes of all regular files.
func (ix Index) Size() int64 {
	var total int64
	for i := range ix {
		total += ix[i].Size
	}
	return total
}

// Files is the number of regular files.
func (ix Index) Files() int {
	n := 0
	for i := range ix {
		if ix[i].Mode.IsRegular() {
			n++
		}
	}
	return n
}

// Select returns the entries for which keep returns true, in the same order.
func (ix Index) Select(keep func(Entry) bool) Index {
	kept := Index{}
	for i := range ix {
		if keep(ix[i]) {
			kept = append(kept, ix[i])
		}
	}
	return kept
}

// ByPath returns the entries sorted by the bytes of their whole path. Walk
// compares name by name, so that "lib/a" comes before "lib-b"; here "lib-b"
// comes first. It is the order of an image's app layer in the reference
// lifecycle.
func (ix Index) ByPath() Index {
	sorted := slices.Clone(ix)
	slices.SortFunc(sorted, func(a, b Entry) int { return cmp.Compare(a.Path, b.Path) })
	return sorted
}

// Unchanged says whether the directory is in the state in which old was
// taken.
func (ix Index) Unchanged(old Index) bool {
	_, changed := ix.Diff(old)
	return !changed
}

// Diff names the first path in which the directory differs from the state in
// which old was taken, and how: for messages. It expects the order of Walk.
func (ix Index) Diff(old Index) (string, bool) {
	for i := range ix {
		if i >= len(old) {
			return describe(&ix[i], "is new"), true
		}
		a, b := &ix[i], &old[i]
		switch order := compareNames(a.Path, b.Path); {
		case order < 0:
			return describe(a, "is new"), true
		case order > 0:
			return describe(b, "is gone"), true
		case a.Mode != b.Mode:
			return describe(a, fmt.Sprintf("has mode %v, had %v", a.Mode, b.Mode)), true
		case a.Link != b.Link:
			return describe(a, "points elsewhere"), true
		case a.Size != b.Size:
			return describe(a, fmt.Sprintf("has %d bytes, had %d", a.Size, b.Size)), true
		case !a.same(b):
			return describe(a, "was written again"), true
		}
	}
	if len(old) > len(ix) {
		return describe(&old[len(ix)], "is gone"), true
	}
	return "", false
}

// adopt takes over the sums of files that are as they were in an earlier index.
// Both are in the order of Walk.
func (ix Index) adopt(old Index) {
	for i := range ix {
		e := &ix[i]
		for len(old) > 0 && compareNames(old[0].Path, e.Path) < 0 {
			old = old[1:]
		}
		if len(old) > 0 && old[0].Path == e.Path {
			if e.Sum = (Sum{}); e.same(&old[0]) {
				e.Sum = old[0].Sum
			}
		}
	}
}

func describe(e *Entry, what string) string {
	if e.Path == "" {
		return "the directory itself " + what
	}
	return e.Path + " " + what
}

// DirSize is a directory and the bytes of all files below it.
type DirSize struct {
	Path string `json:"path"`
	Size int64  `json:"size"`
}

// Biggest returns the n directories with the most bytes below them, the
// biggest first. The root is left out, and so is a directory that holds
// nothing but one of the others.
func (ix Index) Biggest(n int) []DirSize {
	total := map[string]int64{}
	for i := range ix {
		if ix[i].Size == 0 {
			continue
		}
		for dir := parent(ix[i].Path); dir != ""; dir = parent(dir) {
			total[dir] += ix[i].Size
		}
	}
	only := map[string]bool{}
	for dir, size := range total {
		if up := parent(dir); up != "" && total[up] == size {
			only[up] = true
		}
	}
	dirs := make([]DirSize, 0, len(total))
	for dir, size := range total {
		if !only[dir] {
			dirs = append(dirs, DirSize{Path: dir, Size: size})
		}
	}
	slices.SortFunc(dirs, func(a, b DirSize) int {
		return cmp.Or(cmp.Compare(b.Size, a.Size), cmp.Compare(a.Path, b.Path))
	})
	return dirs[:min(n, len(dirs))]
}

func parent(path string) string {
	return path[:max(0, strings.LastIndexByte(path, '/'))]
}

// compareNames compares two paths name by name, which is the order of a walk.
func compareNames(a, b string) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] == b[i] {
			continue
		}
		switch {
		case a[i] == '/':
			return -1
		case b[i] == '/':
			return 1
		}
		return cmp.Compare(a[i], b[i])
	}
	return cmp.Compare(len(a), len(b))
}
