package main_test

import (
	"os"
	"os/exec"
	"testing"
	"time"
)

const (
	// sizeLimit is what the launcher may take in every image.
	sizeLimit = 4 << 20
	// startLimit is what the launcher may take before each process.
	startLimit = 5 * time.Millisecond
	// rounds of starts are made at most, until the limit is kept.
	rounds = 20
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

// TestStart measures what the launcher adds to the start of a program. A machine
// that has other things to do makes starts slower and never faster, so that the
// fastest of many tells what the launcher itself takes.
func TestStart(t *testing.T) {
	launcher, probe, environ := build(t), buildProbe(t), stage(t)
	fastest := func(best time.Duration, program string, argv ...string) time.Duration {
		return min(best, run(t, program, argv, environ))
	}
	with, without := time.Hour, time.Hour
	for round := range rounds {
		// They take turns, so that both see the same machine.
		for range 50 {
			with = fastest(with, launcher, "launcher", "--", probe, "--quiet")
			without = fastest(without, probe, probe, "--quiet")
		}
		if with-without < startLimit {
			t.Logf("the launcher takes %v before a process", with-without)
			return
		}
		t.Logf("round %d: %v", round+1, with-without)
	}
	t.Errorf("the launcher takes %v before a process, expected less than %v", with-without, startLimit)
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
