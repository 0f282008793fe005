package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// hostEtc is what a process gets to see of this machine's /etc, as glob
// patterns: what name resolution, certificates, dynamic linking and the
// alternatives of Debian need, and what names the distribution and the time
// zone. Everything else may hold secrets, or says who the machine is.
var hostEtc = []string{
	"alternatives",
	"ca-certificates*",
	"crypto-policies",
	"gai.conf",
	"host.conf",
	"networks",
	"nsswitch.conf",
	"protocols",
	"resolv.conf",
	"services",

	"pki/ca-trust",
	"pki/java",
	"pki/tls/ca-bundle.pem",
	"pki/tls/cert.pem",
	"pki/tls/certs",
	"pki/tls/openssl.cnf",
	"ssl/ca-bundle.pem",
	"ssl/cert.pem",
	"ssl/certs",
	"ssl/openssl.cnf",

	// A JDK of Debian keeps its security settings here and does not start
	// without them.
	"java-*-openjdk",
	"ld-musl-*.path",
	"ld.so.cache",
	"ld.so.conf",
	"ld.so.conf.d",

	"alpine-release",
	"debian_version",
	"localtime",
	"lsb-release",
	"mime.types",
	"os-release",
	"redhat-release",
	"timezone",
}

// hostRoot shows the parts of this machine that programs in /usr need. Root is
// "/", and host the tree that begins there.
func hostRoot(host tree, root string) ([]step, error) {
	names, err := hostNames(root)
	if err != nil {
		return nil, err
	}
	var steps []step
	for _, name := range names {
		s, err := hostStep(host, root, name)
		if unseen(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("showing %s of this machine: %w", name, err)
		}
		steps = append(steps, s)
	}
	// Programs expect these, but what this machine has there is its own.
	for _, name := range []string{
		"/home", "/mnt", "/opt", "/root", "/run", "/srv", "/sys", "/var/cache", "/var/lib", "/var/log",
	} {
		steps = append(steps, step{Kind: directory, Path: name})
	}
	hosts, err := readHosts(root)
	if err != nil {
		return nil, err
	}
	return append(steps,
		step{Kind: link, Path: "/etc/mtab", Text: "../proc/self/mounts"},
		step{Kind: link, Path: "/var/run", Text: "/run"},
		step{Kind: text, Path: "/etc/group", Text: withGroup(basicGroup)},
		step{Kind: text, Path: "/etc/hostname", Text: hostName + "\n"},
		step{Kind: text, Path: "/etc/hosts", Text: withHostName(hosts)},
		step{Kind: text, Path: "/etc/passwd", Text: withUser(basicPasswd)},
	), nil
}

// unseen is whether err says that the caller does not see a file; then its
// builds have to do without it, too.
func unseen(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.ELOOP)
}

// hostNames are the names below root that may be shown, as absolute paths.
func hostNames(root string) ([]string, error) {
	names := []string{"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"}
	for _, pattern := range hostEtc {
		matches, err := filepath.Glob(filepath.Join(root, "etc", pattern))
		if err != nil {
			return nil, err
		}
		for _, match := range matches {
			names = append(names, within(root, match))
		}
	}
	return names, nil
}

// within is the path that a process whose root is root has for name.
func within(root, name string) string {
	return strings.TrimPrefix(name, strings.TrimSuffix(root, "/"))
}

func readHosts(root string) (string, error) {
	hosts, err := os.ReadFile(filepath.Join(root, "etc/hosts"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	return string(hosts), nil
}

// hostStep shows one file or directory of this machine. A link stays a link
// where it leads into /usr, else what it leads to is shown in its place.
func hostStep(host tree, root, name string) (step, error) {
	source := filepath.Join(root, name)
	info, err := os.Lstat(source)
	if err != nil {
		return step{}, err
	}
	if info.Mode()&fs.ModeSymlink == 0 {
		return step{Kind: bind, Path: name, Source: source}, nil
	}
	file, err := host.find(name)
	if err != nil {
		return step{}, err
	}
	defer file.Close()
	end, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", file.Fd()))
	if err != nil {
		return step{}, err
	}
	if inside := within(root, end); strings.HasPrefix(inside, "/usr/") {
		return step{Kind: link, Path: name, Text: inside}, nil
	}
	return step{Kind: bind, Path: name, Source: end}, nil
}
