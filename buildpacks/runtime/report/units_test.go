package report_test

import (
	"math"
	"testing"
	"time"

	"github.com/slugc/slugc/buildpacks/runtime/report"
)

func TestSize(t *testing.T) {
	for n, want := range map[int64]string{
		-1: "0 B", 0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 8703180: "8.3 MiB",
		102348: "99.9 KiB", 102400: "100 KiB", 1<<20 - 1: "1.0 MiB", 300 << 20: "300 MiB", 1 << 30: "1.0 GiB",
		math.MaxInt64: "8192 PiB",
	} {
		if got := report.Size(n); got != want {
			t.Errorf("Size(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0 ms", 0: "0 ms", 12 * time.Millisecond: "12 ms", 100 * time.Millisecond: "0.1 s",
		1234 * time.Millisecond: "1.2 s", 59949 * time.Millisecond: "59.9 s", 59950 * time.Millisecond: "1 min 0 s",
		125 * time.Second: "2 min 5 s", time.Hour - time.Millisecond: "1 h 0 min", 62 * time.Minute: "1 h 2 min",
		26 * time.Hour: "26 h 0 min",
	} {
		if got := report.Duration(d); got != want {
			t.Errorf("Duration(%s) = %q, want %q", d, got, want)
		}
	}
}
