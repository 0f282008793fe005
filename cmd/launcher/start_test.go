package main_test

import (
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"
)

const (
	// sizeLimit is what the launcher may take in every image.
	sizeLimit = 4 << 20
	// startLimit is what the launcher may take before each process.
	startLimit = 5 * time.Millisecond
	// busy is how much slower a machine may be that has other things to do.
	busy = 4
)

func TestSize(t *testing.T) {
	info, err := os.Stat(build(t))
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > sizeLimit {
		t.Errorf("the launcher has %d bytes, expected at most %d", info.Size(), sizeLimit)
	}
	t.Logf("%d bytes", info.Size())
}

// TestStart measures what the launcher adds to the start of a program.
func TestStart(t *testing.T) {
	launcher, probe, environ := build(t), buildProbe(t), stage(t)
	var added time.Duration
	for range 3 {
		added = medianAdded(t, launcher, probe, environ)
		t.Logf("the launcher takes %v", added)
		if added <= startLimit {
			return
		}
	}
	if added > busy*startLimit {
		t.Errorf("the launcher takes %v before a process, expected at most %v, or %v on a busy machine", added, startLimit, busy*startLimit)
	}
}

// medianAdded is the median of 50 starts with the launcher, without that of as
// many starts of the program alone. They take turns, so that both see the same
// machine.
func medianAdded(t *testing.T, launcher, program string, environ []string) time.Duration {
	t.Helper()
	var with, without []time.Duration
	for range 50 {
		with = append(with, run(t, launcher, []string{"launcher", "--", program, "--quiet"}, environ))
		without = append(without, run(t, program, []string{program, "--quiet"}, environ))
	}
	return median(with) - median(without)
}

func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}

// run is how long a program takes.
func run(t testing.TB, program string, argv, environ []string) time.Duration {
	t.Helper()
	cmd := exec.Command(program)
	cmd.Args, cmd.Env = argv, environ
	began := time.Now()
	if err := cmd.Run(); err != nil {
		t.Fatalf("%q: %v", argv, err)
	}
	return time.Since(began)
}

// BenchmarkStart is the time from the start of the launcher to the end of a
// program that does nothing.
func BenchmarkStart(b *testing.B) {
	launcher, probe, environ := build(b), buildProbe(b), stage(b)
	for b.Loop() {
		run(b, launcher, []string{"launcher", "--", probe, "--quiet"}, environ)
	}
}
