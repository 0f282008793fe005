package runtime

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// mergedDirectories are links below /usr since Debian 12, whose packages still
// ship files in them.
func mergedDirectories() []string { return []string{"bin", "lib", "lib64", "sbin"} }

// merge makes the links of merged /usr. A layer that has them has its programs
// in bin, where a CNB lifecycle looks for them.
func merge(root *os.Root) error {
	for _, name := range mergedDirectories() {
		if err := root.MkdirAll("usr/"+name, 0o755); err != nil {
			return err
		}
		if err := root.Symlink("usr/"+name, name); err != nil {
			return err
		}
	}
	return nil
}

// relocate makes a tree of Debian packages run in any directory: links to a
// place in the tree are relative, others absolute, scripts find an interpreter of the tree
// through PATH, and the links of merged /usr without use go.
func relocate(root *os.Root) error {
	for _, name := range mergedDirectories() {
		entries, err := fs.ReadDir(root.FS(), "usr/"+name)
		if err != nil {
			return err
		}
		if len(entries) > 0 {
			continue
		}
		if err := errors.Join(root.Remove(name), root.Remove("usr/"+name)); err != nil {
			return err
		}
	}
	var links, programs []string
	err := fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		switch {
		case entry.Type() == fs.ModeSymlink:
			links = append(links, name)
		case entry.Type().IsRegular():
			info, err := entry.Info()
			if err != nil {
				return err
			}
			if info.Mode()&0o111 != 0 {
				programs = append(programs, name)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := relink(root, links); err != nil {
		return err
	}
	for _, name := range programs {
		if err := reinterpret(root, name); err != nil {
			return fmt.Errorf("relocating %s: %w", name, err)
		}
	}
	return nil
}

// relink makes absolute links relative that point to a place in the tree, and
// relative ones absolute that point out of it, to a package of the base: the
// link of a library that is linked against, for instance. One link may lead
// through another, so it is done until nothing changes.
func relink(root *os.Root, links []string) error {
	for changed := true; changed; {
		changed = false
		for _, name := range links {
			target, err := root.Readlink(name)
			if err != nil {
				return err
			}
			place := path.Join("/", path.Dir(name), target)
			if path.IsAbs(target) {
				place = path.Clean(target)
			}
			_, err = root.Lstat(strings.TrimPrefix(place, "/"))
			better := place
			if err == nil {
				if better, err = filepath.Rel(path.Dir("/"+name), place); err != nil {
					return err
				}
			}
			if path.IsAbs(target) == path.IsAbs(better) {
				continue
			}
			if err := errors.Join(root.Remove(name), root.Symlink(better, name)); err != nil {
				return err
			}
			changed = true
		}
	}
	return nil
}

// maxScript bounds a script whose first line is rewritten.
const maxScript = 16 << 20

// reinterpret has a script find its interpreter through PATH, if the tree has
// that interpreter.
func reinterpret(root *os.Root, name string) (err error) {
	file, err := root.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	start := make([]byte, 2)
	if _, err := io.ReadFull(file, start); err != nil || string(start) != "#!" {
		// Too short for a script, or none.
		return nil
	}
	rest, err := io.ReadAll(io.LimitReader(file, maxScript+1))
	if err != nil {
		return err
	}
	line, text, _ := bytes.Cut(rest, []byte("\n"))
	words := strings.Fields(string(line))
	if len(rest) > maxScript || len(words) == 0 || !path.IsAbs(words[0]) {
		return nil
	}
	if _, err := root.Stat(strings.TrimPrefix(path.Clean(words[0]), "/")); err != nil {
		// It is an interpreter of the base.
		return nil
	}
	words[0] = path.Base(words[0])
	first := "#!/usr/bin/env " + words[0] + "\n"
	if len(words) > 1 {
		// Of what follows the program, the kernel makes one argument.
		first = "#!/usr/bin/env -S " + strings.Join(words, " ") + "\n"
	}
	if _, err := file.WriteAt(append([]byte(first), text...), 0); err != nil {
		return err
	}
	return file.Truncate(int64(len(first) + len(text)))
}
