package configure

import (
	"errors"
	"io/fs"
	"path"
	"strings"
	"syscall"
)

// hwcapsDirectory has libraries for newer processors, one subdirectory for
// each level.
const hwcapsDirectory = "glibc-hwcaps"

// library is a shared library as it was found in a directory.
type library struct {
	// file is its name there, soname what programs ask for.
	file, soname string
	// link says that file is a link that is called as programs or the linker
	// ask for it.
	link bool
}

// libraries does what ldconfig(8) does: links from the name that programs ask
// for to the library, and /etc/ld.so.cache.
func (s system) libraries() error {
	directories, err := s.libraryDirectories()
	if err != nil {
		return err
	}
	var all []cached
	for _, dir := range directories {
		found, err := s.librariesOf(dir)
		if err != nil {
			return err
		}
		for _, l := range found {
			if !l.link {
				if err := s.linkSoname(dir, l); err != nil {
					return err
				}
			}
			all = append(all, cached{soname: l.soname, path: path.Join(dir, l.soname)})
		}
		more, err := s.hwcaps(dir)
		if err != nil {
			return err
		}
		all = append(all, more...)
	}
	cache, err := encodeCache(all, s.machine.flags)
	if err != nil {
		return err
	}
	return s.write(loaderCache, cache, 0o644)
}

// hwcaps are the libraries for newer processors of a directory. They are found
// under their own names, no links are made.
func (s system) hwcaps(dir string) ([]cached, error) {
	levels, err := s.list(path.Join(dir, hwcapsDirectory))
	if err != nil {
		return nil, err
	}
	var all []cached
	for _, level := range levels {
		place := path.Join(dir, hwcapsDirectory, level.Name())
		found, err := s.librariesOf(place)
		if err != nil {
			return nil, err
		}
		for _, l := range found {
			all = append(all, cached{soname: l.soname, path: path.Join(place, l.file), hwcaps: level.Name()})
		}
	}
	return all, nil
}

// librariesOf are the libraries of a directory, one for each name that programs
// ask for.
func (s system) librariesOf(dir string) ([]library, error) {
	entries, err := s.list(dir)
	if err != nil {
		return nil, err
	}
	var all []library
	index := map[string]int{}
	for _, e := range entries {
		if !isLibraryName(e.Name()) || e.IsDir() {
			continue
		}
		l, found, err := s.library(dir, e)
		if err != nil {
			return nil, err
		}
		if !found {
			continue
		}
		at, known := index[l.soname]
		switch {
		case !known:
			index[l.soname] = len(all)
			all = append(all, l)
		case !l.link && all[at].link || l.link == all[at].link && compareNames(all[at].file, l.file) < 0:
			all[at] = l
		}
	}
	return all, nil
}

// isLibraryName tells whether ldconfig(8) looks at a file.
func isLibraryName(name string) bool {
	if strings.HasSuffix(name, "-gdb.py") || strings.HasSuffix(name, ".dpkg-new") || strings.HasSuffix(name, ".dpkg-tmp") {
		return false
	}
	if strings.HasPrefix(name, "ld.so.") || strings.HasPrefix(name, "ld64.so.") {
		return true
	}
	return (strings.HasPrefix(name, "lib") || strings.HasPrefix(name, "ld-")) && strings.Contains(name, ".so")
}

// library reads a file or link of a directory; it is not found if it is no
// library of this machine.
func (s system) library(dir string, e fs.DirEntry) (library, bool, error) {
	name := path.Join(dir, e.Name())
	info, err := s.stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR):
		return library{}, false, nil
	case err != nil:
		return library{}, false, err
	case !info.Mode().IsRegular():
		return library{}, false, nil
	}
	f, err := s.open(name)
	if err != nil {
		return library{}, false, err
	}
	defer f.Close()
	asked, err := soname(f, s.machine.elf)
	switch {
	case errors.Is(err, errNoLibrary):
		return library{}, false, nil
	case err != nil:
		return library{}, false, err
	case asked == "":
		asked = e.Name()
	case !plainName(asked):
		return library{}, false, nil
	}
	l := library{file: e.Name(), soname: asked}
	// The link of the linker, libz.so, is listed as it is called; one with a
	// name of neither kind counts as the library itself.
	if e.Type()&fs.ModeSymlink != 0 &&
		(l.file == asked || strings.HasSuffix(l.file, ".so") && strings.HasPrefix(asked, l.file)) {
		l.link, l.soname = true, l.file
	}
	return l, true, nil
}

// plainName tells whether a name that a library gives itself can be that of a
// file beside it.
func plainName(name string) bool {
	return len(name) <= 255 && name != "." && name != ".." && !strings.ContainsAny(name, "/\n")
}

// linkSoname makes the link from the name that programs ask for, unless there
// is a file of that name, or a link that leads to the library already.
func (s system) linkSoname(dir string, l library) error {
	if l.file == l.soname {
		return nil
	}
	name := path.Join(dir, l.soname)
	place, err := s.place(name, false)
	if err != nil {
		return err
	}
	info, err := s.root.Lstat(place)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return s.link(name, l.file)
	case err != nil:
		return err
	case info.Mode()&fs.ModeSymlink == 0:
		return nil
	}
	now, err := s.place(name, true)
	if err != nil {
		return err
	}
	wanted, err := s.place(path.Join(dir, l.file), true)
	if err != nil || now == wanted {
		return err
	}
	return s.link(name, l.file)
}
