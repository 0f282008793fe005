package pack

import "strings"

// known is an earlier index, made for finding what a directory held.
type known struct {
	index Index
	// next is, for each entry, where what is below it ends.
	next []int32
}

// nowhere is the place in known of what is not in it.
const nowhere = -1

// newKnown returns nothing known for an index that is not of a walk.
func newKnown(ix Index) known {
	k := known{index: ix, next: make([]int32, len(ix))}
	var open []int // the directories that an entry is in
	for i := range ix {
		for len(open) > 0 && !ix[open[len(open)-1]].holds(ix[i].Path) {
			k.next[open[len(open)-1]] = int32(i)
			open = open[:len(open)-1]
		}
		if i > 0 && (len(open) == 0 || ix[open[len(open)-1]].Path != parent(ix[i].Path)) {
			return known{}
		}
		if ix[i].Mode.IsDir() {
			open = append(open, i)
		} else {
			k.next[i] = int32(i) + 1
		}
	}
	for _, i := range open {
		k.next[i] = int32(len(ix))
	}
	return k
}

// holds says whether path is below the directory e.
func (e *Entry) holds(path string) bool {
	below, ok := strings.CutPrefix(path, e.Path)
	return ok && (e.Path == "" || strings.HasPrefix(below, "/"))
}

// root is the place of the top directory.
func (k known) root() int {
	if len(k.index) == 0 {
		return nowhere
	}
	return 0
}

// same says whether the directory dir holds what the one at a place held.
func (k known) same(at int, dir *Entry) bool {
	return at != nowhere && k.index[at].Mode.IsDir() && dir.Fingerprint != Fingerprint{} && dir.Fingerprint == k.index[at].Fingerprint
}

// in goes through what the directory at a place held.
func (k known) in(at int) children {
	if at == nowhere || !k.index[at].Mode.IsDir() {
		return children{}
	}
	return children{known: k, at: at + 1, end: int(k.next[at])}
}

// paths are those of what the directory at a place held, in order.
func (k known) paths(at int) []string {
	n := 0
	for c := k.in(at); c.more(); c.skip() {
		n++
	}
	paths := make([]string, 0, n)
	for c := k.in(at); c.more(); c.skip() {
		paths = append(paths, k.index[c.at].Path)
	}
	return paths
}

// children are the places of what a directory held, in order.
type children struct {
	known
	at, end int
}

func (c *children) more() bool { return c.at < c.end }
func (c *children) skip()      { c.at = int(c.next[c.at]) }

// find returns the place of path. Paths have to be asked for in order.
func (c *children) find(path string) int {
	for c.more() && c.index[c.at].Path < path {
		c.skip()
	}
	if c.more() && c.index[c.at].Path == path {
		return c.at
	}
	return nowhere
}
