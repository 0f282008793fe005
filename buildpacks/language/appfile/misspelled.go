package appfile

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// RefuseMisspelled refuses files of the root whose names are almost those of
// version files, since what they say would be passed over: other letters, signs
// between words, a dot too few, one for several, an ending of an editor. What is what they say,
// such as "which Node.js to use", and the names are the right ones. Beside a file
// with the right name, another may be anything.
func RefuseMisspelled(dir, what string, names ...string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("looking for a version: %w", err)
	}
	squeezed := func(name string) string {
		letters := strings.NewReplacer("-", "", "_", "", ".", "").Replace(strings.TrimSuffix(strings.ToLower(name), ".txt"))
		if one, several := strings.CutSuffix(letters, "ies"); several {
			return one + "y"
		}
		return strings.TrimSuffix(letters, "s")
	}
	for _, entry := range entries {
		name := entry.Name()
		if entry.IsDir() || slices.Contains(names, name) {
			continue
		}
		for _, right := range names {
			if squeezed(name) != squeezed(right) {
				continue
			}
			if there, err := Exists(dir, right); there || err != nil {
				return err
			}
			return Error("%s says %s under a name that nobody reads\nrename it:\n  git mv %s %s", name, what, name, right)
		}
	}
	return nil
}
