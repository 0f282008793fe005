package configure

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// merged are the directories of the root that are links below /usr since
// Debian 12. Packages of that release still ship files below /bin, /lib and
// /sbin; without the links they would make directories of them.
var merged = []string{"bin", "lib", "lib64", "sbin"}

// baseDirectory is one that a root has, whatever its packages are.
type baseDirectory struct {
	name string
	mode fs.FileMode
}

// baseDirectories are hier(7)'s, and those that base-files ships or makes when
// it is configured. The last are mount points for builds and processes: a
// sandbox that shows a root read-only cannot make them.
var baseDirectories = []baseDirectory{
	{"boot", 0o755},
	{"dev", 0o755},
	{"etc", 0o755},
	{"etc/opt", 0o755},
	{"home", 0o755},
	{"media", 0o755},
	{"mnt", 0o755},
	{"opt", 0o755},
	{"proc", 0o755},
	{"root", 0o700},
	{"run", 0o755},
	{"run/lock", fs.ModeSticky | 0o777},
	{"srv", 0o755},
	{"sys", 0o755},
	{"tmp", fs.ModeSticky | 0o777},
	{"usr", 0o755},
	{"usr/local", 0o755},
	{"usr/local/bin", 0o755},
	{"usr/local/etc", 0o755},
	{"usr/local/games", 0o755},
	{"usr/local/include", 0o755},
	{"usr/local/lib", 0o755},
	{"usr/local/libexec", 0o755},
	{"usr/local/sbin", 0o755},
	{"usr/local/share", 0o755},
	{"usr/local/share/ca-certificates", 0o755},
	{"usr/local/share/man", 0o755},
	{"usr/local/src", 0o755},
	{"var", 0o755},
	{"var/lib", 0o755},
	{"var/mail", fs.ModeSetgid | 0o775},
	{"var/opt", 0o755},
	{"var/spool", 0o755},
	{"var/tmp", fs.ModeSticky | 0o777},
	{"app", 0o755},
	{"layers", 0o755},
	{"platform", 0o755},
	{"workspace", 0o755},
}

// mailGroup is the group of /var/mail in base-passwd, where its number is fixed.
const mailGroup = 8

// Skeleton makes what must be in an empty root before packages are unpacked:
// the links of merged /usr with the directories they lead to, and the
// directories of hier(7). Links that are there already stay.
func Skeleton(root *os.Root) error {
	t := newTree(root, nil)
	for _, name := range merged {
		if err := t.directory("usr/"+name, 0o755); err != nil {
			return fmt.Errorf("making the directory /usr/%s: %w", name, err)
		}
		err := root.Symlink("usr/"+name, name)
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("making the link /%s: %w", name, err)
		}
	}
	return t.directories()
}

// directories makes the base directories. Packages that ship some of them may
// have changed their modes, so that it is done before and after unpacking.
func (t tree) directories() error {
	for _, d := range baseDirectories {
		if err := t.directory(d.name, d.mode); err != nil {
			return fmt.Errorf("making the directory /%s: %w", d.name, err)
		}
	}
	return t.own("var/mail", 0, mailGroup, fs.ModeSetgid|0o775)
}

// mergeLibraries makes the links of those /usr/lib* that came with packages and
// removes /lib64 where no package has anything for it, as the trigger of
// base-files does. An architecture such as arm64 keeps its loader in /lib.
func (t tree) mergeLibraries() error {
	for _, name := range []string{"lib32", "libo32", "libx32"} {
		found, err := t.exists("usr/" + name)
		if err != nil {
			return err
		}
		if found {
			if err := t.link(name, "usr/"+name); err != nil {
				return err
			}
		}
	}
	entries, err := t.list("usr/lib64")
	if err != nil || len(entries) > 0 {
		return err
	}
	for _, name := range []string{"lib64", "usr/lib64"} {
		if err := t.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
