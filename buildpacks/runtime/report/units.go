package report

import (
	"fmt"
	"strings"
	"time"
)

// Size is a number of bytes as people read it: "512 B", "8.3 MiB", "300 MiB".
func Size(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%d B", max(n, 0))
	}
	value := float64(n)
	unit := ""
	for _, unit = range []string{"KiB", "MiB", "GiB", "TiB", "PiB"} {
		value /= 1024
		// what rounds up to 1024 belongs to the next unit
		if value < 1023.5 {
			break
		}
	}
	if value < 99.95 {
		return fmt.Sprintf("%.1f %s", value, unit)
	}
	return fmt.Sprintf("%.0f %s", value, unit)
}

// Count is a number of things: "1 file", "2 files".
func Count(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}

// Some are the first of some names, at most so many, and how many more there are:
// "a, b and 3 more".
func Some(all []string, most int) string {
	if extra := len(all) - most; extra > 0 {
		return strings.Join(all[:most], ", ") + fmt.Sprintf(" and %d more", extra)
	}
	return strings.Join(all, ", ")
}

// Duration is a time as people read it: "12 ms", "1.2 s", "2 min 5 s",
// "1 h 2 min".
func Duration(d time.Duration) string {
	d = max(d, 0)
	switch {
	case d < 100*time.Millisecond:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 59950*time.Millisecond:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Hour-500*time.Millisecond:
		s := int64(d.Round(time.Second) / time.Second)
		return fmt.Sprintf("%d min %d s", s/60, s%60)
	default:
		m := int64(d.Round(time.Minute) / time.Minute)
		return fmt.Sprintf("%d h %d min", m/60, m%60)
	}
}
