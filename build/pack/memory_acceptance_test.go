//go:build acceptance

package pack_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Packing a tree of 1 GiB takes a small part of it in memory.
func TestPeakMemory(t *testing.T) {
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("the peak is read from /proc")
	}
	if raceDetector {
		t.Skip("the race detector needs more memory than the packer")
	}
	top := t.TempDir()
	for i := range 64 {
		path := filepath.Join(top, fmt.Sprintf("layer/big-%d", i))
		write(t, path, nil, 0o644)
		must(t, os.Truncate(path, 16<<20))
	}
	for i := range 400 {
		write(t, filepath.Join(top, fmt.Sprintf("layer/d%d/small-%d", i%20, i)), text()[i:i+5000], 0o644)
	}
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = []string{peakDir + "=" + top}
	out, err := child.Output()
	if err != nil {
		t.Fatalf("%s %v", out, err)
	}
	peak, err := strconv.Atoi(strings.TrimSpace(string(out)))
	must(t, err)
	t.Logf("peak of %d MiB", peak>>10)
	if peak > 100<<10 {
		t.Errorf("a peak of %d MiB, expected less than 100", peak>>10)
	}
}
