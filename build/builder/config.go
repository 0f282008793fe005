package builder

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/stack/launch"
)

// configFile is the usual name of the file that says what a package is made
// of.
const configFile = "package.toml"

// maxTOML bounds a package.toml and a buildpack.toml, in bytes.
const maxTOML = 1 << 20

// config says what a package is made of (CNB Distribution API, "package.toml").
type config struct {
	// file is where it was read, empty if nobody wrote it.
	file string
	// base is the directory at which its relative paths start.
	base string
	// buildpack and dependencies are references.
	buildpack    string
	dependencies []string
	targets      []buildpacks.Target
}

// readConfig reads the package.toml that from is, or that is in the directory
// that from is. A directory without one is the buildpack itself.
func readConfig(from string) (config, error) {
	at, err := filepath.Abs(from)
	if err != nil {
		return config{}, err
	}
	info, err := os.Stat(at)
	if err != nil {
		return config{}, errors.New("there is no such directory or file; expected a directory with buildpack.toml, or a package.toml")
	}
	if !info.IsDir() && filepath.Ext(at) != ".toml" {
		return config{}, errors.New("expected a directory with buildpack.toml, or a package.toml")
	}
	if info.IsDir() {
		file := filepath.Join(at, configFile)
		info, err = os.Lstat(file)
		if errors.Is(err, os.ErrNotExist) {
			return config{base: at, buildpack: at}, nil
		}
		if err != nil {
			return config{}, err
		}
		from, at = filepath.Join(from, configFile), file
	}
	if !info.Mode().IsRegular() {
		return config{}, fmt.Errorf("%s is no file", from)
	}
	data, err := readSmall(at)
	if err != nil {
		return config{}, err
	}
	c, err := parseConfig(data)
	if err != nil {
		return config{}, fmt.Errorf("%s: %w", from, err)
	}
	c.file, c.base = from, filepath.Dir(at)
	return c, nil
}

// readSmall reads a file of limited size.
func readSmall(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxTOML+1))
	if err == nil && len(data) > maxTOML {
		err = fmt.Errorf("%s is larger than %d KiB", file, maxTOML>>10)
	}
	return data, err
}

// configKeys are what a package.toml may have.
var configKeys = map[string][]string{
	"buildpack":    {"uri"},
	"extension":    {"uri"},
	"dependencies": {"uri", "image"},
	"platform":     {"os"},
	"targets":      {"os", "arch", "variant", "arch-variant", "distros"},
}

// parseConfig reads a package.toml.
func parseConfig(data []byte) (config, error) {
	var keys map[string]any
	if err := launch.DecodeTOML(data, &keys); err != nil {
		return config{}, err
	}
	if err := checkKeys(keys); err != nil {
		return config{}, err
	}
	var doc struct {
		Buildpack    struct{ URI string }
		Extension    struct{ URI string }
		Dependencies []struct{ URI, Image string }
		Platform     struct{ OS string }
		Targets      []targetDoc
	}
	if err := launch.DecodeTOML(data, &doc); err != nil {
		return config{}, err
	}
	switch {
	case doc.Extension.URI != "":
		return config{}, errors.New("it is for an image extension, which changes a base image and is no buildpack")
	case doc.Buildpack.URI == "":
		return config{}, errors.New(`no buildpack; write [buildpack] and uri = "." for the directory of the file`)
	case doc.Platform.OS != "" && doc.Platform.OS != linux:
		return config{}, fmt.Errorf("platform.os is %.100q; slugc builds for linux only", doc.Platform.OS)
	}
	c := config{buildpack: doc.Buildpack.URI}
	for i, d := range doc.Dependencies {
		switch {
		case d.URI != "" && d.Image != "":
			return config{}, fmt.Errorf("dependency %d has both uri and image; expected one", i+1)
		case d.URI != "":
			c.dependencies = append(c.dependencies, d.URI)
		case d.Image != "":
			c.dependencies = append(c.dependencies, "docker://"+strings.TrimPrefix(d.Image, "docker://"))
		default:
			return config{}, fmt.Errorf(`dependency %d names nothing; expected uri = "..."`, i+1)
		}
	}
	var err error
	c.targets, err = targetsOf(doc.Targets)
	return c, err
}

// checkKeys reports a key that means nothing.
func checkKeys(doc map[string]any) error {
	for _, name := range slices.Sorted(maps.Keys(doc)) {
		known, found := configKeys[name]
		if !found {
			return fmt.Errorf("unknown key %.100q; expected one of %s", name, strings.Join(slices.Sorted(maps.Keys(configKeys)), ", "))
		}
		for _, table := range tables(doc[name]) {
			for _, key := range slices.Sorted(maps.Keys(table)) {
				if !slices.Contains(known, key) {
					return fmt.Errorf("unknown key %.100q in %s; expected %s", key, name, strings.Join(known, " or "))
				}
			}
		}
	}
	return nil
}

// tables are a table, or those of an array.
func tables(value any) []map[string]any {
	switch v := value.(type) {
	case map[string]any:
		return []map[string]any{v}
	case []map[string]any:
		return v
	case []any:
		var all []map[string]any
		for _, element := range v {
			all = append(all, tables(element)...)
		}
		return all
	}
	return nil
}
