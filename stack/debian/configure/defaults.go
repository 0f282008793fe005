package configure

import (
	"errors"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

// copied are the files that postinst scripts copy to where an administrator may
// change them.
var copied = []struct{ from, to string }{
	{"usr/share/base-files/dot.profile", "root/.profile"},
	{"usr/share/base-files/dot.bashrc", "root/.bashrc"},
	{"usr/share/base-files/profile", "etc/profile"},
	{"usr/share/base-files/motd", "etc/motd"},
	{"usr/share/libc-bin/nsswitch.conf", "etc/nsswitch.conf"},
	{"usr/share/readline/inputrc", "etc/inputrc"},
}

// nsswitch is nsswitch.conf(5) for a root without libc-bin: without any, glibc
// would ask the network for localhost before it reads /etc/hosts.
const nsswitch = `passwd:         files
group:          files
shadow:         files
hosts:          files dns
networks:       files
protocols:      db files
services:       db files
ethers:         db files
rpc:            db files
`

// Texts that the postinst of netbase writes.
const (
	hosts = "127.0.0.1\tlocalhost\n" +
		"::1\t\tlocalhost ip6-localhost ip6-loopback\n" +
		"ff02::1\t\tip6-allnodes\n" +
		"ff02::2\t\tip6-allrouters\n\n"
	networks = "default\t\t0.0.0.0\nloopback\t127.0.0.0\nlink-local\t169.254.0.0\n\n"
)

// defaults makes what stands below /etc and /var of a new system.
func (s system) defaults() error {
	for _, file := range copied {
		if err := s.copyNew(file.from, file.to); err != nil {
			return err
		}
	}
	for _, file := range []struct{ name, text string }{
		{"etc/nsswitch.conf", nsswitch},
		{"etc/hosts", hosts},
		// Container runtimes and sandboxes mount their own over these.
		{"etc/hostname", ""},
		{"etc/resolv.conf", ""},
	} {
		if err := s.writeNew(file.name, file.text); err != nil {
			return err
		}
	}
	if s.packages["netbase"] {
		if err := s.writeNew("etc/networks", networks); err != nil {
			return err
		}
	}
	return errors.Join(s.defaultLinks(), s.shells(), s.pam(), s.python())
}

// defaultLinks makes the links of base-files and tzdata. /var/run and /var/lock
// may be directories of packages that were unpacked first.
func (s system) defaultLinks() error {
	for _, l := range []struct{ name, target, needs string }{
		{"var/run", "/run", ""},
		{"var/lock", "/run/lock", ""},
		{"var/spool/mail", "../mail", ""},
		{"usr/local/man", "share/man", ""},
		{"etc/os-release", "../usr/lib/os-release", "usr/lib/os-release"},
		{"etc/dpkg/origins/default", "debian", "etc/dpkg/origins/debian"},
		{"etc/localtime", "/usr/share/zoneinfo/Etc/UTC", "usr/share/zoneinfo/Etc/UTC"},
	} {
		if l.needs != "" {
			if found, err := s.exists(l.needs); err != nil {
				return err
			} else if !found {
				continue
			}
		}
		if err := s.linkDirectory(l.name, l.target); err != nil {
			return err
		}
	}
	return nil
}

// linkDirectory is link, and also replaces an empty directory. One with
// something in it stays.
func (s system) linkDirectory(name, target string) error {
	place, err := s.place(name, false)
	if err != nil {
		return err
	}
	info, err := s.root.Lstat(place)
	if err == nil && info.IsDir() {
		entries, err := s.list(place)
		if err != nil || len(entries) > 0 {
			return err
		}
		if err := s.root.Remove(place); err != nil {
			return err
		}
		delete(s.attributes, place)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return s.link(name, target)
}

// shells writes shells(5) as update-shells(8) of debianutils does: what
// packages name below shells.d, each also where the link of its directory
// leads.
func (s system) shells() error {
	text, found, err := s.readIf("usr/share/debianutils/shells")
	if err != nil || !found {
		return err
	}
	entries, err := s.list("usr/share/debianutils/shells.d")
	if err != nil {
		return err
	}
	sources := [][]byte{text}
	for _, e := range entries {
		data, err := s.read("usr/share/debianutils/shells.d/" + e.Name())
		if err != nil {
			return err
		}
		sources = append(sources, data)
	}
	listed := shellsOf(text)
	out := strings.TrimRight(string(text), "\n") + "\n"
	for _, source := range sources {
		for _, shell := range shellsOf(source) {
			dir, err := s.place(path.Dir(shell), true)
			if err != nil {
				return err
			}
			for _, name := range []string{shell, path.Join("/", dir, path.Base(shell))} {
				if !slices.Contains(listed, name) {
					listed = append(listed, name)
					out += name + "\n"
				}
			}
		}
	}
	return s.write("etc/shells", []byte(out), 0o644)
}

// shellsOf are the shells that a file names, without comments.
func shellsOf(text []byte) []string {
	var shells []string
	for line := range strings.Lines(string(text)) {
		shell, _, _ := strings.Cut(strings.TrimRight(line, "\n"), "#")
		if shell != "" {
			shells = append(shells, shell)
		}
	}
	return shells
}

// pythonPackage is a package that has the interpreter of one minor version.
var pythonPackage = regexp.MustCompile(`^(python3\.[0-9]+)-minimal$`)

// python makes the directory for modules that an administrator installs.
// Python searches it only if it is there when it starts.
func (s system) python() error {
	for name := range s.packages {
		match := pythonPackage.FindStringSubmatch(name)
		if match == nil {
			continue
		}
		if err := s.directory("usr/local/lib/"+match[1]+"/dist-packages", 0o755); err != nil {
			return err
		}
	}
	return nil
}
