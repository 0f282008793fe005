package detect

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// maxDepth and maxPath keep a tree within what every program that will look at
// it can open by name (PATH_MAX is 4096, and the build's own prefix is added).
const (
	maxDepth = 512
	maxPath  = 3500
)

// UnfinishedPrefix begins the names under which artifacts are written until
// they are whole. A build that was killed may have left one in its source, of
// which it is no part.
const UnfinishedPrefix = ".slugc-"

// list walks the tree in lexical order.
func (s Source) list(ctx context.Context, exclude []string, wanted func(path string, isDir bool) bool) (items []item, warnings []string, err error) {
	excluded := map[string]bool{}
	for _, path := range exclude {
		excluded[path] = true
	}
	var walk func(rel string, depth int) error
	walk = func(rel string, depth int) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if depth > maxDepth || len(rel) > maxPath {
			return &SourceError{Path: rel, Problem: fmt.Sprintf("nested too deep: more than %d directories or %d bytes of path", maxDepth, maxPath),
				Next: "remove the directory; it is most likely a link or copy that contains itself"}
		}
		entries, err := os.ReadDir(filepath.Join(s.Dir, rel))
		if err != nil {
			return &SourceError{Path: at(rel), Problem: reason(err), Next: "make it readable, or remove it", Err: err}
		}
		for _, entry := range entries {
			if entry.Name() == ".git" || (rel == "" && entry.Name() == ".slugc") || strings.HasPrefix(entry.Name(), UnfinishedPrefix) {
				continue
			}
			path := filepath.Join(rel, entry.Name())
			whole := filepath.Join(s.Dir, path)
			if excluded[whole] {
				continue
			}
			if wanted != nil && !wanted(filepath.ToSlash(path), entry.IsDir()) {
				continue
			}
			info, err := lstat(whole)
			if err != nil {
				return &SourceError{Path: path, Problem: reason(err), Err: err}
			}
			it, warning, err := s.item(path, &info)
			if err != nil {
				return err
			}
			if warning != "" {
				warnings = append(warnings, warning)
			}
			items = append(items, it)
			if !it.Mode.IsDir() {
				continue
			}
			before := len(items)
			if err := walk(path, depth+1); err != nil {
				return err
			}
			if wanted != nil && len(items) == before {
				items = items[:before-1]
			}
		}
		return nil
	}
	err = walk("", 0)
	return items, warnings, err
}

// item is an entry of the tree, with what a person should know of it. It refuses what an
// app cannot have.
func (s Source) item(path string, info *unix.Stat_t) (it item, warning string, err error) {
	it.Path = path
	switch info.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		it.Mode = fs.ModeDir
	case unix.S_IFREG:
		it.Mode, it.Size = 0o644, info.Size
		if info.Mode&0o111 != 0 {
			it.Mode |= 0o111
		}
		it.Source = stampOf(info)
	case unix.S_IFLNK:
		it.Mode = fs.ModeSymlink
		if it.Link, err = os.Readlink(filepath.Join(s.Dir, path)); err != nil {
			return it, "", &SourceError{Path: path, Problem: reason(err), Err: err}
		}
		warning, err = s.checkLink(path, it.Link)
	default:
		err = &SourceError{Path: path, Problem: "is a " + kind(info.Mode) + ", which no app can be built from",
			Next: "remove it from the tree"}
	}
	return it, warning, err
}

// checkLink refuses links whose target cannot be there once the tree stands
// alone, and warns of those that point at the machine that runs the app.
func (s Source) checkLink(path, target string) (warning string, err error) {
	outside := &SourceError{Path: path, Problem: fmt.Sprintf("is a link that points outside the tree, to %s", quotePath(target)),
		Next: "put a copy in its place, or build from the directory that holds both"}
	if !filepath.IsAbs(target) {
		if !filepath.IsLocal(filepath.Join(filepath.Dir(path), target)) {
			return "", outside
		}
		return "", nil
	}
	clean := filepath.Clean(target)
	if clean == s.Dir || strings.HasPrefix(clean, s.Dir+"/") {
		outside.Problem = fmt.Sprintf("is a link to %s, a path that only this machine has", quotePath(target))
		outside.Next = "Make the link relative: ln -sfrn TARGET LINK"
		return "", outside
	}
	return fmt.Sprintf("%s is a link to %s: it will point at whatever is there where the app runs", quotePath(path), quotePath(target)), nil
}

func at(rel string) string {
	if rel == "" {
		return "."
	}
	return rel
}

func kind(mode uint32) string {
	switch mode & unix.S_IFMT {
	case unix.S_IFSOCK:
		return "socket"
	case unix.S_IFIFO:
		return "FIFO"
	case unix.S_IFBLK, unix.S_IFCHR:
		return "device file"
	}
	return "special file"
}
