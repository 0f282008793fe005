package builder

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// envEntry is an entry of [[build.env]].
type envEntry struct {
	Name, Value, Suffix, Delim string
	ExecEnv                    []string `toml:"exec-env"`
}

// envSuffixes are the ways in which a variable can change another.
var envSuffixes = []string{"default", "override", "append", "prepend"}

// envFiles are the files that entries become: NAME, NAME.append, NAME.delim.
func (c *builderConfig) envFiles(entries []envEntry) (map[string]string, error) {
	files := map[string]string{}
	put := func(file, value string) {
		if old, found := files[file]; found && old != value {
			c.warnf("build.env sets %s twice; the last value is taken", file)
		}
		files[file] = value
	}
	for i, e := range entries {
		switch {
		case e.Name == "":
			return nil, fmt.Errorf("build.env %d has no name", i+1)
		case strings.ContainsAny(e.Name, "/=\x00") || strings.HasPrefix(e.Name, "."):
			return nil, fmt.Errorf("build.env %d: %.100q is no name of a variable", i+1, e.Name)
		case e.Suffix != "" && !slices.Contains(envSuffixes, e.Suffix):
			return nil, fmt.Errorf("build.env %s: unknown suffix %.100q; expected one of %s", e.Name, e.Suffix, strings.Join(envSuffixes, ", "))
		case e.Value == "":
			c.warnf("build.env %s is empty", e.Name)
		}
		if len(e.ExecEnv) > 0 {
			c.warnf("build.env %s has exec-env, and is set in every execution environment all the same: a builder has one for all", e.Name)
		}
		if e.Delim != "" {
			put(e.Name+".delim", e.Delim)
		}
		if e.Suffix == "" {
			put(e.Name, e.Value)
		} else {
			put(e.Name+"."+e.Suffix, e.Value)
		}
	}
	for _, file := range slices.Sorted(maps.Keys(files)) {
		stem, suffix, _ := cutSuffix(file)
		if _, found := files[stem+".delim"]; (suffix == "append" || suffix == "prepend") && !found {
			return nil, fmt.Errorf("build.env %s has suffix = %q and no delim; expected what stands between the values", stem, suffix)
		}
	}
	return files, nil
}

// cutSuffix splits NAME.suffix.
func cutSuffix(file string) (stem, suffix string, found bool) {
	if at := strings.LastIndexByte(file, '.'); at >= 0 {
		return file[:at], file[at+1:], true
	}
	return file, "", false
}

// checkName says what is wrong with the name of a run image, which platforms
// read in the builder.
func checkName(image string) error {
	switch {
	case image == "":
		return errors.New(`it has no name; expected image = "REGISTRY/REPO:TAG"`)
	case strings.Contains(image, "://") || strings.HasPrefix(image, "oci:") || strings.HasPrefix(image, "oci-archive:"):
		return fmt.Errorf("%.200q has a transport; platforms look for run images in registries: expected REGISTRY/REPO:TAG", image)
	}
	return nil
}
