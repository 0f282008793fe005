package memory

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// proc is where the kernel tells of processes (proc(5)).
const proc = "/proc"

// Tree is which processes of this machine descend from which.
type Tree struct{ children map[int][]int }

// Look looks at the processes that there are now.
func Look() (Tree, error) {
	dir, err := os.Open(proc)
	if err != nil {
		return Tree{}, fmt.Errorf("looking at the memory of processes: %w", err)
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return Tree{}, fmt.Errorf("looking at the memory of processes: %w", err)
	}
	t := Tree{map[int][]int{}}
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		// Who is gone meanwhile has no parent and no memory.
		if parent, ok := parentOf(pid); ok {
			t.children[parent] = append(t.children[parent], pid)
		}
	}
	return t, nil
}

// parentOf reads the parent of a process (proc_pid_stat(5)). The name of its
// program may hold anything, a parenthesis too, but comes before the last one.
func parentOf(pid int) (int, bool) {
	stat, err := os.ReadFile(file(pid, "stat"))
	if err != nil {
		return 0, false
	}
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 2 {
		return 0, false
	}
	parent, err := strconv.Atoi(string(fields[1]))
	return parent, err == nil
}

func file(pid int, name string) string { return filepath.Join(proc, strconv.Itoa(pid), name) }

// Used is how much memory the descendants of a process use, in bytes. The process
// itself does not count: it is slugc's own (sandbox.Command.Started).
func (t Tree) Used(first int) int64 {
	var used int64
	for _, pid := range t.below(first) {
		if own, ok := sum(file(pid, "smaps_rollup"), "Pss:", "SwapPss:"); ok {
			used += own
			continue
		}
		used += resident(pid)
	}
	return used
}

// AtMost is an upper bound for Used, and takes a fraction of the time: what
// processes share counts for each of them.
func (t Tree) AtMost(first int) int64 {
	var used int64
	for _, pid := range t.below(first) {
		used += resident(pid)
	}
	return used
}

func (t Tree) below(pid int) []int {
	var all []int
	for _, child := range t.children[pid] {
		all = append(append(all, child), t.below(child)...)
	}
	return all
}

func resident(pid int) int64 {
	size, _ := sum(file(pid, "status"), "VmRSS:", "VmSwap:")
	return size
}

// sum adds up the lines of a file of the kernel that begin with names, which are
// numbers of kibibytes. It is false for a process that is gone or not to be looked
// at.
func sum(file string, names ...string) (bytesUsed int64, ok bool) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, false
	}
	for line := range bytes.Lines(text) {
		fields := bytes.Fields(line)
		if len(fields) < 2 {
			continue
		}
		for _, name := range names {
			if string(fields[0]) != name {
				continue
			}
			size, err := strconv.ParseInt(string(fields[1]), 10, 64)
			if err != nil {
				return 0, false
			}
			bytesUsed += size << 10
		}
	}
	return bytesUsed, true
}
