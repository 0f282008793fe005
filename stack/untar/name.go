package untar

import (
	"errors"
	"fmt"
	"path"
	"strings"
)

// local returns the path below the root that a name of a stream stands for;
// the root itself is "".
func (t *Tree) local(name string) (string, error) {
	switch {
	case len(name) > t.limits.Path:
		return "", fmt.Errorf("a path of %d bytes; at most %d are allowed", len(name), t.limits.Path)
	case strings.IndexByte(name, 0) >= 0:
		return "", errors.New("the path has a zero byte")
	case name == "":
		return "", errors.New("the path is empty")
	case name[0] == '/' && !t.options.Rooted:
		return "", errors.New("the path is absolute; expected one below the root")
	}
	depth := 0
	for part := range strings.SplitSeq(name, "/") {
		if part == ".." {
			return "", errors.New(`the path has ".."; expected one below the root`)
		}
		if part != "" && part != "." {
			depth++
		}
	}
	if depth > t.limits.Depth {
		return "", fmt.Errorf("%d directories deep; at most %d are allowed", depth, t.limits.Depth)
	}
	return strings.TrimPrefix(path.Clean("/"+name), "/"), nil
}

// target checks where a symbolic link leads to.
func (t *Tree) target(to string) error {
	if to == "" || len(to) > t.limits.Path || strings.IndexByte(to, 0) >= 0 {
		return errors.New("it is a symbolic link to no valid path")
	}
	return nil
}

// above is the directory that has a path; that of names in the root is "".
func above(where string) string {
	if i := strings.LastIndexByte(where, '/'); i >= 0 {
		return where[:i]
	}
	return ""
}

// below joins a directory and a name in it.
func below(dir, name string) string {
	if dir == "" {
		return name
	}
	return dir + "/" + name
}

// at is a path as os.Root wants it.
func at(where string) string {
	if where == "" {
		return "."
	}
	return where
}
