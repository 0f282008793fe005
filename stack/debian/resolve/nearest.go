package resolve

import (
	"cmp"
	"iter"
	"slices"
)

// maxNear is how many names a person is offered.
const maxNear = 3

// nearest returns the names with the smallest edit distance to one, the nearest
// first, of those that differ in a third of it at most.
func nearest(name string, names iter.Seq[string]) []string {
	type candidate struct {
		name     string
		distance int
	}
	var near []candidate
	for other := range names {
		if d := distance(name, other, len(name)/3); d <= len(name)/3 {
			near = append(near, candidate{other, d})
		}
	}
	slices.SortFunc(near, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(a.name, b.name))
	})
	near = slices.Compact(near)
	found := make([]string, 0, maxNear)
	for _, c := range near[:min(len(near), maxNear)] {
		found = append(found, c.name)
	}
	return found
}

// distance is the number of letters to insert, take out or replace, or more
// than limit when it is more (Levenshtein's, a row of the table at a time).
func distance(a, b string, limit int) int {
	if len(a)-len(b) > limit || len(b)-len(a) > limit {
		return limit + 1
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal, least := row[0], i+1
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, diagonal+1, row[j]+1)
			least = min(least, row[j+1])
		}
		if least > limit {
			return limit + 1
		}
	}
	return row[len(b)]
}
