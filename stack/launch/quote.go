package launch

import "strings"

// quote makes a word of bash that stands for s, whatever s holds.
func quote(s string) string {
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
