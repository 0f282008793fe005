package memory

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Quotas are how much memory processes may use, in bytes.
type Quotas struct {
	// All is the quota of every process; 0 for none.
	All int64
	// Types are those of the processes of some types, in the place of it.
	Types map[string]int64
}

// Least is the smallest quota: less is a slip of the pen, a missing unit.
const Least = 1 << 20

// Of is the quota of a process of a type; 0 for none.
func (q Quotas) Of(processType string) int64 {
	if own, has := q.Types[processType]; has {
		return own
	}
	return q.All
}

// machine is where this machine has the limits of control groups. It is the root
// of version 2; the directories of version 1 lie in it.
const machine = "/sys/fs/cgroup"

// limits are the files that runtimes and profile scripts look at, of both versions
// of control groups (cgroups(7)); memory is in the first of each.
var (
	memoryFiles = []string{"memory.max", "memory/memory.limit_in_bytes"}
	otherFiles  = []string{"cpu.max", "cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us"}
)

// Files makes a directory that processes find in the place of /sys/fs/cgroup: with
// a quota, or the machine's own limit where that is less, and the machine's other
// limits.
func Files(dir string, quota int64) error {
	for _, name := range memoryFiles {
		limit := quota
		if own, err := strconv.ParseInt(limitOf(name), 10, 64); err == nil && own < limit {
			limit = own
		}
		if err := write(dir, name, strconv.FormatInt(limit, 10)); err != nil {
			return err
		}
	}
	for _, name := range otherFiles {
		if limit := limitOf(name); limit != "" {
			if err := write(dir, name, limit); err != nil {
				return err
			}
		}
	}
	return nil
}

// limitOf is what this machine says; empty where it does not.
func limitOf(name string) string {
	text, err := os.ReadFile(filepath.Join(machine, name))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

func write(dir, name, text string) error {
	to := filepath.Join(dir, name)
	err := os.MkdirAll(filepath.Dir(to), 0o755)
	if err == nil {
		err = os.WriteFile(to, []byte(text+"\n"), 0o644)
	}
	if err != nil {
		return fmt.Errorf("telling a process its memory: %w", err)
	}
	return nil
}
