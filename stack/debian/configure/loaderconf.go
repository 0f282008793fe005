package configure

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// loaderConf is where the directories of shared libraries stand, see
// ldconfig(8).
const loaderConf = "/etc/ld.so.conf"

// maxIncludes is how deep files of ld.so.conf include each other at most.
const maxIncludes = 16

// confLine is a line of ld.so.conf: a directory, or a pattern of files to read
// in its place.
type confLine struct {
	directory, include string
}

// parseLoaderConf reads a file in the format of ld.so.conf: a directory per
// line, "include" with patterns, comments after #. "hwcap" lines are of old
// kernels and mean nothing. A directory may be followed by =TYPE, as for libc5.
func parseLoaderConf(text string) []confLine {
	var lines []confLine
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		line = strings.Trim(line, " \t\r\n\v\f\x00")
		if patterns, found := keyword(line, "include"); found {
			for _, pattern := range strings.Fields(patterns) {
				lines = append(lines, confLine{include: pattern})
			}
			continue
		}
		if _, found := keyword(line, "hwcap"); found {
			continue
		}
		line, _, _ = strings.Cut(line, "=")
		line = strings.TrimRight(line, " \t")
		if strings.HasPrefix(line, "/") {
			lines = append(lines, confLine{directory: path.Clean(line)})
		}
	}
	return lines
}

// keyword returns what follows a word and a blank.
func keyword(line, word string) (string, bool) {
	rest, found := strings.CutPrefix(line, word)
	if !found || rest == "" || rest[0] != ' ' && rest[0] != '\t' {
		return "", false
	}
	return rest, true
}

// libraryDirectories are the directories that ldconfig(8) searches, in its
// order: those of ld.so.conf, then those that are built in. A directory that
// was named before under another name is left out.
func (s system) libraryDirectories() ([]string, error) {
	directories, err := s.confDirectories(loaderConf, 0)
	if err != nil {
		return nil, err
	}
	for _, dir := range []string{"/lib/", "/usr/lib/"} {
		directories = append(directories, dir+s.machine.triplet)
	}
	directories = append(directories, "/lib", "/usr/lib")
	var unique []string
	seen := map[string]bool{}
	for _, dir := range directories {
		place, err := s.place(dir, true)
		if err != nil {
			return nil, err
		}
		if !seen[place] {
			seen[place] = true
			unique = append(unique, dir)
		}
	}
	return unique, nil
}

// confDirectories are those of a file and of the files that it includes.
func (s system) confDirectories(name string, depth int) ([]string, error) {
	if depth > maxIncludes {
		return nil, fmt.Errorf("reading %s: %s includes itself", loaderConf, name)
	}
	text, _, err := s.readIf(name)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	var directories []string
	for _, line := range parseLoaderConf(string(text)) {
		if line.include == "" {
			directories = append(directories, line.directory)
			continue
		}
		pattern := line.include
		if !path.IsAbs(pattern) {
			pattern = path.Join(path.Dir(name), pattern)
		}
		files, err := s.matching(pattern)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
		for _, file := range files {
			more, err := s.confDirectories(file, depth+1)
			if err != nil {
				return nil, err
			}
			directories = append(directories, more...)
		}
	}
	return directories, nil
}

// matching are the files of a pattern, sorted; wildcards count in its last
// element.
func (s system) matching(pattern string) ([]string, error) {
	dir, last := path.Split(pattern)
	entries, err := s.list(dir)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, e := range entries {
		matched, err := path.Match(last, e.Name())
		if err != nil {
			return nil, fmt.Errorf("the pattern %s: %w", pattern, err)
		}
		hidden := strings.HasPrefix(e.Name(), ".") && !strings.HasPrefix(last, ".")
		if !matched || hidden {
			continue
		}
		if info, err := s.stat(dir + e.Name()); errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
			continue
		} else if err != nil {
			return nil, err
		}
		files = append(files, dir+e.Name())
	}
	slices.Sort(files)
	return files, nil
}
