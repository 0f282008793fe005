package cli

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/slugc/slugc/buildpacks/runtime/report"
)

// Bytes is a number of bytes as people read it: "512 B", "8.3 MiB", "300 MiB".
func Bytes(n int64) string { return report.Size(n) }

// ParseBytes reads a number of bytes as people write it: "500M", "1.5 GiB",
// "500MB", "1048576". Units are binary, as in Bytes, with or without the i.
func ParseBytes(text string) (int64, error) {
	number := strings.TrimRight(text, "BbIiKkMmGgTt ")
	unit := strings.ToUpper(strings.TrimSpace(text[len(number):]))
	shift, known := map[string]int{
		"": 0, "B": 0, "K": 10, "KB": 10, "KIB": 10, "M": 20, "MB": 20, "MIB": 20,
		"G": 30, "GB": 30, "GIB": 30, "T": 40, "TB": 40, "TIB": 40,
	}[unit]
	value, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	value = math.Ldexp(value, shift)
	if err != nil || !known || !(value >= 0 && value < math.MaxInt64) {
		return 0, fmt.Errorf("%q is no size: expected a number of bytes such as 500M or 1.5G", text)
	}
	return int64(value), nil
}

// Duration is a time as people read it: "12 ms", "1.2 s", "2 min 5 s",
// "1 h 2 min".
func Duration(d time.Duration) string { return report.Duration(d) }
