package version

import (
	"regexp"
	"strings"
	"sync"
)

var number = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9]+(\.[0-9]+){0,2}$`) })

// IsNumber tells whether a text is a version as people write it in a file for it: one
// to three numbers, and no range.
func IsNumber(text string) bool { return number().MatchString(text) }

// Line is the line of releases of a version: "3.3" of "3.3.8".
func Line(text string) string {
	numbers := strings.SplitN(text, ".", 3)
	return strings.Join(numbers[:min(2, len(numbers))], ".")
}
