package java

import (
	_ "embed"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"
)

// TOML is the buildpack.toml.
//
//go:embed buildpack.toml
var TOML []byte

// releases are what buildpack.toml knows about Java, Maven and Gradle.
type releases struct {
	// LTS are the releases of Java with long-term support, oldest first, and
	// Default is the one for an app that asks for none.
	LTS     []int `toml:"lts"`
	Default int   `toml:"default"`
	// Maven is the version for an app that names none.
	Maven  string         `toml:"maven"`
	Gradle []gradleOnJava `toml:"gradle"`
}

// gradleOnJava is the newest Java for versions of Gradle, from one on.
type gradleOnJava struct {
	From string `toml:"from"`
	Java int    `toml:"java"`
}

// readReleases reads the [metadata] of a buildpack.toml.
func readReleases(text []byte) (releases, error) {
	var doc struct {
		Metadata releases `toml:"metadata"`
	}
	if _, err := toml.Decode(string(text), &doc); err != nil {
		return releases{}, fmt.Errorf("reading buildpack.toml: %w", err)
	}
	m := doc.Metadata
	if len(m.LTS) == 0 || m.Default == 0 || m.Maven == "" || len(m.Gradle) == 0 {
		return releases{}, errors.New("reading buildpack.toml: it does not name releases of Java, Maven and Gradle")
	}
	return m, nil
}

// newestFor is the newest Java on which a version of Gradle runs.
func (r releases) newestFor(gradle string) int {
	newest := r.Gradle[0].Java
	for _, known := range r.Gradle {
		if compareNumbers(gradle, known.From) >= 0 {
			newest = known.Java
		}
	}
	return newest
}

// compareNumbers compares versions by their numbers: 8.9 is before 8.10. What
// follows the numbers does not count.
func compareNumbers(a, b string) int {
	for a != "" || b != "" {
		var x, y string
		x, a, _ = strings.Cut(a, ".")
		y, b, _ = strings.Cut(b, ".")
		if m, n := leadingNumber(x), leadingNumber(y); m != n {
			if m < n {
				return -1
			}
			return 1
		}
	}
	return 0
}

func leadingNumber(text string) int {
	end := 0
	for end < len(text) && text[end] >= '0' && text[end] <= '9' {
		end++
	}
	n, err := strconv.Atoi(text[:end])
	if err != nil {
		return 0
	}
	return n
}
