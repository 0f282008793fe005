package platform

import (
	"strconv"
	"strings"
)

// HasTargets reports whether an image that was made by a version of the Platform
// API says what it runs on, in place of a stack (0.12), also for versions that the
// lifecycle does not speak.
func HasTargets(version string) bool {
	const since = 12
	own, ok := normal(version)
	major, minor, _ := strings.Cut(own, ".")
	n, err := strconv.Atoi(minor)
	return ok && err == nil && (major != "0" || n >= since)
}
