package sandbox

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// machine lays out the root filesystem of a machine: names that end in "/" are
// directories, those with " -> " links, all others files.
func machine(t *testing.T, names ...string) string {
	t.Helper()
	root := t.TempDir()
	for _, name := range names {
		name, to, isLink := strings.Cut(name, " -> ")
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		switch {
		case isLink:
			err = os.Symlink(to, path)
		case strings.HasSuffix(name, "/"):
			err = os.Mkdir(path, 0o755)
		default:
			err = os.WriteFile(path, []byte("127.0.0.1\tlocalhost"), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestHostRoot(t *testing.T) {
	for _, test := range []struct {
		name  string
		files []string
		// want are the places with where they come from: a link has "->", a
		// bind "=".
		want []string
	}{
		{
			name: "Debian with systemd-resolved",
			files: []string{
				"usr/bin/sh", "usr/lib/os-release", "usr/share/zoneinfo/Europe/Vienna",
				"bin -> usr/bin", "lib -> usr/lib",
				"run/systemd/resolve/stub-resolv.conf",
				"etc/resolv.conf -> ../run/systemd/resolve/stub-resolv.conf",
				"etc/localtime -> /usr/share/zoneinfo/Europe/Vienna",
				"etc/os-release -> ../usr/lib/os-release",
				"etc/ssl/certs/ca-certificates.crt", "etc/ssl/private/key.pem", "etc/ssl/openssl.cnf",
				"etc/shadow", "etc/machine-id", "etc/ssh/ssh_host_key", "etc/passwd", "etc/alternatives/",
				"etc/ca-certificates.conf", "etc/ld.so.cache",
			},
			want: []string{
				"/usr = /usr", "/bin -> /usr/bin", "/lib -> /usr/lib",
				"/etc/alternatives = /etc/alternatives",
				"/etc/ca-certificates.conf = /etc/ca-certificates.conf",
				"/etc/resolv.conf = /run/systemd/resolve/stub-resolv.conf",
				"/etc/ssl/certs = /etc/ssl/certs", "/etc/ssl/openssl.cnf = /etc/ssl/openssl.cnf",
				"/etc/ld.so.cache = /etc/ld.so.cache",
				"/etc/localtime -> /usr/share/zoneinfo/Europe/Vienna",
				"/etc/os-release -> /usr/lib/os-release",
			},
		},
		{
			name: "Fedora",
			files: []string{
				"usr/bin/sh", "bin -> usr/bin", "sbin -> usr/sbin", "usr/sbin/", "lib64 -> usr/lib64", "usr/lib64/",
				"etc/ssl/certs -> ../pki/tls/certs", "etc/pki/tls/certs/ca-bundle.crt", "etc/pki/tls/private/key.pem",
				"etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
				"etc/pki/tls/cert.pem -> /etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
				"etc/crypto-policies/config", "etc/redhat-release -> fedora-release", "etc/fedora-release",
			},
			want: []string{
				"/usr = /usr", "/bin -> /usr/bin", "/sbin -> /usr/sbin", "/lib64 -> /usr/lib64",
				"/etc/crypto-policies = /etc/crypto-policies",
				"/etc/pki/ca-trust = /etc/pki/ca-trust",
				"/etc/pki/tls/cert.pem = /etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
				"/etc/pki/tls/certs = /etc/pki/tls/certs",
				"/etc/ssl/certs = /etc/pki/tls/certs",
				"/etc/redhat-release = /etc/fedora-release",
			},
		},
		{
			name: "Alpine",
			files: []string{
				"usr/bin/env", "bin/busybox", "bin/sh -> /bin/busybox", "sbin/", "lib/ld-musl-x86_64.so.1",
				"etc/ssl/cert.pem -> certs/ca-certificates.crt", "etc/ssl/certs/ca-certificates.crt",
				"etc/ld-musl-x86_64.path", "etc/alpine-release", "etc/resolv.conf", "etc/apk/keys/key.rsa.pub",
			},
			want: []string{
				"/usr = /usr", "/bin = /bin", "/sbin = /sbin", "/lib = /lib",
				"/etc/resolv.conf = /etc/resolv.conf",
				"/etc/ssl/cert.pem = /etc/ssl/certs/ca-certificates.crt",
				"/etc/ssl/certs = /etc/ssl/certs",
				"/etc/ld-musl-x86_64.path = /etc/ld-musl-x86_64.path",
				"/etc/alpine-release = /etc/alpine-release",
			},
		},
		{
			name:  "a link to nowhere",
			files: []string{"usr/", "etc/resolv.conf -> /run/none", "etc/localtime -> localtime"},
			want:  []string{"/usr = /usr"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := machine(t, test.files...)
			host, err := openTree(root)
			if err != nil {
				t.Fatal(err)
			}
			defer host.Close()
			steps, err := hostRoot(host, root)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, s := range steps {
				switch {
				case s.Kind == bind:
					got = append(got, s.Path+" = "+within(root, s.Source))
				case s.Kind == link && s.Path != "/etc/mtab" && s.Path != "/var/run":
					got = append(got, s.Path+" -> "+s.Text)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTree(t *testing.T) {
	root := machine(t, "dir/file", "absolute -> /dir/file", "up -> ../../../../dir/file", "chain -> dir/../up",
		"loop -> loop", "etc/")
	tree, err := openTree(root)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	for how, find := range map[string]func(string) (*os.File, error){
		"at once": tree.find,
		"by name": func(path string) (*os.File, error) { return tree.byName(path, true, nil) },
	} {
		for _, name := range []string{"/dir/file", "dir/./file", "absolute", "up", "chain", "/../../absolute"} {
			f, err := find(name)
			if err != nil {
				t.Errorf("%s: %s: %v", how, name, err)
				continue
			}
			if there, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", f.Fd())); err != nil || within(root, there) != "/dir/file" {
				t.Errorf("%s: %s leads to %s (%v)", how, name, there, err)
			}
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		}
		for _, name := range []string{"loop", "none", "dir/file/none", "/etc/passwd"} {
			if f, err := find(name); err == nil {
				t.Errorf("%s: %s is %s", how, name, f.Name())
			}
		}
	}
}

func TestAccounts(t *testing.T) {
	for passwd, want := range map[string]string{
		"":                              "slugc:x:1000:1000:slugc:/app:/bin/sh\n",
		"root:x:0:0::/root:/bin/sh":     "root:x:0:0::/root:/bin/sh\nslugc:x:1000:1000:slugc:/app:/bin/sh\n",
		"cnb:x:1000:1000::/home/cnb:/x": "cnb:x:1000:1000::/home/cnb:/x",
		"a:x:1:1000::/:/x\n":            "a:x:1:1000::/:/x\nslugc:x:1000:1000:slugc:/app:/bin/sh\n",
	} {
		if diff := cmp.Diff(want, withUser(passwd)); diff != "" {
			t.Errorf("for %q: %s", passwd, diff)
		}
	}
	if diff := cmp.Diff("root:x:0:\nslugc:x:1000:\n", withGroup("root:x:0:\n")); diff != "" {
		t.Error(diff)
	}
}

func FuzzAccounts(f *testing.F) {
	f.Add("root:x:0:0:root:/root:/bin/sh\n")
	f.Add("::1000:\n\n:")
	f.Add("no newline:x:1000")
	f.Fuzz(func(t *testing.T, passwd string) {
		once := withUser(passwd)
		if !strings.HasPrefix(once, passwd) {
			t.Errorf("what the stack says is lost: %q became %q", passwd, once)
		}
		if twice := withUser(once); twice != once {
			t.Errorf("there are two users with one id: %q", twice)
		}
	})
}
