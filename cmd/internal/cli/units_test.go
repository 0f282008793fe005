package cli

import "testing"

func TestParseBytes(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "1048576": 1 << 20, "500M": 500 << 20, "500 MB": 500 << 20, "1.5GiB": 3 << 29, "12kb": 12 << 10,
		"7 B": 7, " 2t ": 2 << 40, "8191P": -1, "": -1, "M": -1, "-1": -1, "1e30": -1, "NaN": -1, "Inf": -1,
		"500 MBM": -1, "1,5G": -1,
	} {
		got, err := ParseBytes(text)
		switch {
		case want < 0 && err == nil:
			t.Errorf("ParseBytes(%q) = %d, want an error", text, got)
		case want >= 0 && (err != nil || got != want):
			t.Errorf("ParseBytes(%q) = %d, %v; want %d", text, got, err, want)
		}
	}
}
