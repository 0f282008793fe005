package runtime

import "testing"

func TestNumber(t *testing.T) {
	for version, want := range map[string]string{
		"1.20":                        "1.20.0",
		"1.26rc1":                     "1.26.0-rc1",
		"3.11.2-6+deb12u9":            "3.11.2",
		"17.0.19+10-1~deb12u2":        "17.0.19",
		"1:3.3":                       "3.3.0",
		"3.1.7+really3.1.2-0+deb12u1": "3.1.2",
		"2:1.9+really1:1.8.3-1":       "1.8.3",
		"beta":                        "",
	} {
		if got := number(version); got != want {
			t.Errorf("%s: got %q, expected %q", version, got, want)
		}
	}
}
