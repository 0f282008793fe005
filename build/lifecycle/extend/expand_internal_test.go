package extend

import (
	"strings"
	"testing"
)

func testLookup(name string) (string, bool) {
	value, set := map[string]string{"A": "1", "EMPTY": "", "LONG_2": "two words"}[name]
	return value, set
}

func TestExpand(t *testing.T) {
	x := expander{'\\', testLookup}
	for text, want := range map[string]string{
		"":                          "",
		"plain":                     "plain",
		"$A${A}$LONG_2.$NONE-$":     "11two words.-$",
		"$1x$$":                     "x$$",
		`"$A" '$A' \$A`:             "1 $A $A",
		`"\$A \a \\ \""`:            `$A \a \ "`,
		`a\ b\`:                     "a b",
		"${NONE:-d}${EMPTY:-d}":     "dd",
		"${NONE-d}${EMPTY-d}":       "d",
		"${A:+y}${NONE:+y}":         "y",
		"${EMPTY+y}${EMPTY:+y}":     "y",
		"${NONE:-${A}-\"}\"}":       "1-}",
		"${A:?unset}${EMPTY?never}": "1",
	} {
		if got, err := x.expand(text); got != want || err != nil {
			t.Errorf("%s: got %q, %v, expected %q", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"${A":              "expected }",
		"${}":              "without the name",
		"${A#1}":           "expected }",
		"${NONE:?is none}": "NONE: is none",
		"${NONE:-x":        "has no }",
		`"a`:               "has no end",
		"'a":               "has no end",
	} {
		if got, err := x.expand(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %q, %v, expected %q", text, got, err, want)
		}
	}
	if got, err := (expander{'`', testLookup}).expand("a\\b`$A"); got != `a\b$A` || err != nil {
		t.Errorf("another escape: %q, %v", got, err)
	}
}

// FuzzExpand expands what extensions may write.
func FuzzExpand(f *testing.F) {
	for _, seed := range []string{"${A:-${A:-$A}}", `"'\`, "${", "$"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := expander{'\\', testLookup}.expand(text)
		if err == nil && !strings.ContainsAny(text, `$\'"`) && got != text {
			t.Errorf("%q became %q", text, got)
		}
	})
}
