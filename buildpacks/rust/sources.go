package rust

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/slugc/slugc/buildpacks/language/layer"
)

// sourceFile is a file that may decide what Cargo makes, or a directory, which
// has the names in it for content.
type sourceFile struct {
	// name is the way to it from the top of the source.
	name, sum string
	dir       bool
	// modified is when it changed last: Cargo builds again what is newer than
	// what it made.
	modified time.Time
	// variables are those whose values it has put into a program.
	variables []string
}

// reading finds where Rust code takes a variable of the build's environment, and
// readingLater where a build script does.
var (
	reading      = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\b(?:option_)?env!\s*\(\s*"([A-Za-z0-9_]+)"`) })
	readingLater = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`\benv::var(?:_os)?\s*\(\s*"([A-Za-z0-9_]+)"|rerun-if-env-changed=([A-Za-z0-9_]+)`)
	})
)

// variablesIn are the variables that a file of Rust takes.
func variablesIn(name string, text []byte) []string {
	var all []string
	found := reading().FindAllSubmatch(text, -1)
	if path.Base(name) == "build.rs" {
		found = append(found, readingLater().FindAllSubmatch(text, -1)...)
	}
	for _, match := range found {
		for _, part := range match[1:] {
			if len(part) > 0 {
				all = append(all, string(part))
			}
		}
	}
	return all
}

// notSource are names of files that no build of a Rust program reads.
var notSource = []string{".git", ".slugc", "node_modules", "target", "Procfile", "app.json", "project.toml", ".slugignore", ".gitignore"}

// hashJobs is how many files are hashed side by side.
const hashJobs = 4

// readSources lists all files of a source that may decide its programs: a
// program may have any file in it, and a build script may read any. Target
// directories, which Cargo marks, are none.
func readSources(top string) ([]sourceFile, error) {
	var all []sourceFile
	children := map[string][]string{}
	err := fs.WalkDir(os.DirFS(top), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name != "." && slices.Contains(notSource, entry.Name()) && (entry.Name() != "target" || isTarget(filepath.Join(top, name))) {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if !entry.IsDir() && !entry.Type().IsRegular() && entry.Type()&fs.ModeSymlink == 0 {
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		children[path.Dir(name)] = append(children[path.Dir(name)], entry.Name())
		all = append(all, sourceFile{name: name, dir: entry.IsDir(), modified: info.ModTime()})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("looking for changes in the source: %w", err)
	}
	var group errgroup.Group
	group.SetLimit(hashJobs)
	for i := range all {
		if all[i].dir {
			all[i].sum = layer.Sum([]byte(strings.Join(children[all[i].name], "\n")))
			continue
		}
		group.Go(func() (err error) {
			file := filepath.Join(top, filepath.FromSlash(all[i].name))
			if all[i].sum, err = fileSum(file); err != nil || path.Ext(file) != ".rs" {
				return err
			}
			text, err := os.ReadFile(file)
			if errors.Is(err, fs.ErrNotExist) {
				return nil // a link to nothing
			}
			all[i].variables = variablesIn(file, text)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("looking for changes in the source: %w", err)
	}
	return all, nil
}

// isTarget tells whether a directory is one that Cargo made.
func isTarget(dir string) bool { return has(dir, "CACHEDIR.TAG") || has(dir, ".rustc_info.json") }

// fileSum is the checksum of a file, or of where a symbolic link points.
func fileSum(file string) (string, error) {
	link, err := os.Readlink(file)
	if err == nil {
		return "link " + layer.Sum([]byte(link)), nil
	}
	return layer.FileSum(file)
}

// sourceSum is a checksum over files, without directories: one that is empty
// decides nothing.
func sourceSum(files []sourceFile) string {
	var k layer.Key
	for _, f := range files {
		if !f.dir {
			k.Add(f.name, f.sum)
		}
	}
	return k.Sum()
}

// variables are those that any of some files takes.
func variables(files []sourceFile) []string {
	var all []string
	for _, f := range files {
		all = append(all, f.variables...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// timesFile is the file in Cargo's target directory that says which files it
// last saw, and the times that they had.
const timesFile = "slugc-sources"

// giveTimes gives each file the time that it had when Cargo saw its content
// last, and now to those that are new: Cargo goes by times, and those of a
// source that was unpacked, copied or checked out say nothing. Undo gives them
// back their own.
func giveTimes(top, target string, files []sourceFile, now time.Time) (undo func() error, err error) {
	known := readTimes(filepath.Join(target, timesFile))
	var record bytes.Buffer
	for _, f := range files {
		at, seen := known[f.name+"\x00"+f.sum]
		if !seen {
			at = now
		}
		fmt.Fprintf(&record, "%d %s %s\n", at.UnixNano(), strconv.Quote(f.sum), strconv.Quote(f.name))
	}
	set := func(of func(i int) time.Time) error {
		for i, f := range files {
			if strings.HasPrefix(f.sum, "link ") {
				continue
			}
			at := of(i)
			err := os.Chtimes(filepath.Join(top, filepath.FromSlash(f.name)), at, at)
			// A build script may have removed it.
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("giving the source its times: %w", err)
			}
		}
		return nil
	}
	undo = func() error { return set(func(i int) time.Time { return files[i].modified }) }
	err = set(func(i int) time.Time {
		if at, seen := known[files[i].name+"\x00"+files[i].sum]; seen {
			return at
		}
		return now
	})
	if err == nil {
		// Before Cargo runs: what it makes is of these files, even if it fails.
		err = layer.WriteBeside(filepath.Join(target, timesFile), record.Bytes(), 0o644)
	}
	return undo, err
}

// readTimes reads the record of an earlier build. A line that cannot be read is
// as good as none: its file counts as new.
func readTimes(file string) map[string]time.Time {
	known := map[string]time.Time{}
	data, err := os.ReadFile(file)
	if err != nil {
		return known
	}
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var at int64
		var sum, name string
		if _, err := fmt.Sscanf(lines.Text(), "%d %q %q", &at, &sum, &name); err == nil {
			known[name+"\x00"+sum] = time.Unix(0, at)
		}
	}
	return known
}
