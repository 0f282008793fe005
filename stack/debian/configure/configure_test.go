package configure_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/debian/configure"
)

func testSkeleton(t *testing.T, _ spec.G, it spec.S) {
	it("links the directories of merged /usr", func() {
		f := newFixture(t)
		for _, name := range []string{"bin", "lib", "lib64", "sbin"} {
			if got := f.text(name); got != "-> usr/"+name {
				t.Errorf("/%s: got %q, expected a link to usr/%s", name, got, name)
			}
			if _, err := os.Stat(filepath.Join(f.dir, name)); err != nil {
				t.Errorf("the link leads nowhere: %v", err)
			}
		}
	})

	it("makes directories that all may enter, whatever the umask", func() {
		before := syscall.Umask(0o077)
		defer syscall.Umask(before)
		f := newFixture(t)
		for name, mode := range map[string]fs.FileMode{
			"usr/lib": 0o755, "usr/local/share/man": 0o755, "root": 0o700, "tmp": 0o777, "app": 0o755, "layers": 0o755,
		} {
			info, err := os.Stat(filepath.Join(f.dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if info.Mode().Perm() != mode {
				t.Errorf("/%s: got %o, expected %o", name, info.Mode().Perm(), mode)
			}
		}
	})

	it("can be made twice", func() {
		f := newFixture(t)
		if err := configure.Skeleton(f.root); err != nil {
			t.Error(err)
		}
	})
}

// system is a root with a little of everything.
func system(t *testing.T) *fixture {
	f := newFixture(t)
	f.add("base-files", map[string]string{
		"/usr/share/base-files/dot.bashrc": "# bashrc\n", "/usr/share/base-files/dot.profile": "# profile\n",
		"/usr/share/base-files/profile": "# system profile\n", "/usr/share/base-files/motd": "welcome\n",
		"/usr/lib/os-release": "ID=debian\n", "/etc/dpkg/origins/debian": "Vendor: Debian\n",
	})
	f.add("base-passwd", map[string]string{
		"/usr/share/base-passwd/passwd.master": "root:*:0:0:root:/root:/bin/bash\nmail:*:8:8:mail:/var/mail:/usr/sbin/nologin\n",
		"/usr/share/base-passwd/group.master":  "root:*:0:\nmail:*:8:\nshadow:*:42:\n",
	})
	f.add("bash", map[string]string{
		"/usr/bin/bash": "", "/usr/share/debianutils/shells.d/bash": "/bin/bash\n/usr/bin/bash\n",
	})
	f.add("debianutils", map[string]string{
		"/usr/share/debianutils/shells": "# /etc/shells: valid login shells\n/bin/sh\n",
		"/usr/bin/which.debianutils":    "",
	})
	f.add("libc-bin", map[string]string{"/usr/share/libc-bin/nsswitch.conf": "hosts: files dns\n"})
	f.add("libpam-modules", map[string]string{"/usr/lib/x86_64-linux-gnu/security/pam_unix.so": ""})
	f.add("mawk", map[string]string{"/usr/bin/mawk": ""})
	f.add("netbase", map[string]string{"/etc/protocols": ""})
	f.add("python3.13-minimal", map[string]string{"/usr/bin/python3.13": ""})
	f.add("tzdata", map[string]string{"/usr/share/zoneinfo/Etc/UTC": "TZif"})
	return f
}

func testApply(t *testing.T, _ spec.G, it spec.S) {
	it("writes the files of a new system", func() {
		f := system(t)
		f.apply()
		got := map[string]string{}
		for name := range map[string]bool{
			"/root/.bashrc": true, "/root/.profile": true, "/etc/profile": true, "/etc/motd": true, "/etc/nsswitch.conf": true,
			"/etc/localtime": true, "/etc/os-release": true, "/etc/dpkg/origins/default": true, "/var/run": true,
			"/var/lock": true, "/var/spool/mail": true, "/etc/shells": true, "/etc/hosts": true, "/etc/timezone": true,
		} {
			got[name] = f.text(name)
		}
		want := map[string]string{
			"/root/.bashrc": "# bashrc\n", "/root/.profile": "# profile\n", "/etc/profile": "# system profile\n",
			"/etc/motd": "welcome\n", "/etc/nsswitch.conf": "hosts: files dns\n",
			"/etc/localtime": "-> /usr/share/zoneinfo/Etc/UTC", "/etc/os-release": "-> ../usr/lib/os-release",
			"/etc/dpkg/origins/default": "-> debian", "/var/run": "-> /run", "/var/lock": "-> /run/lock",
			"/var/spool/mail": "-> ../mail", "/etc/timezone": "",
			"/etc/shells": "# /etc/shells: valid login shells\n/bin/sh\n/usr/bin/sh\n/bin/bash\n/usr/bin/bash\n",
			"/etc/hosts": "127.0.0.1\tlocalhost\n::1\t\tlocalhost ip6-localhost ip6-loopback\n" +
				"ff02::1\t\tip6-allnodes\nff02::2\t\tip6-allrouters\n\n",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		for _, name := range []string{
			"/etc/hostname", "/etc/resolv.conf", "/etc/networks", "/etc/pam.d/common-auth", "/etc/pam.d/common-session",
			"/usr/local/lib/python3.13/dist-packages",
		} {
			if _, err := os.Stat(filepath.Join(f.dir, name)); err != nil {
				t.Errorf("missing: %v", err)
			}
		}
	})

	it("keeps files that packages bring themselves", func() {
		f := system(t)
		f.put("/etc/hosts", "10.0.0.1 mine\n")
		f.put("/etc/nsswitch.conf", "hosts: dns\n")
		f.apply()
		if got := f.text("/etc/hosts") + f.text("/etc/nsswitch.conf"); got != "10.0.0.1 mine\nhosts: dns\n" {
			t.Errorf("got %q, expected the files as they were", got)
		}
	})

	it("resolves localhost in a root without libc-bin", func() {
		f := newFixture(t)
		f.apply()
		if got := f.text("/etc/nsswitch.conf"); !cmp.Equal(hostsLine(got), []string{"files", "dns"}) {
			t.Errorf("got %q, expected hosts to be looked up in files first", got)
		}
	})

	it("makes the same of the same", func() {
		first, second := system(t), system(t)
		attributes, again := first.apply(), second.apply()
		if diff := cmp.Diff(attributes, again); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(first.tree(), second.tree()); diff != "" {
			t.Error(diff)
		}
	})

	it("changes nothing the second time", func() {
		f := system(t)
		f.request.Attributes = f.apply()
		before := f.tree()
		if diff := cmp.Diff(f.request.Attributes, f.apply()); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(before, f.tree()); diff != "" {
			t.Error(diff)
		}
	})

	it("tells owners and modes that the disk does not hold", func() {
		f := system(t)
		f.request.Attributes = stack.Attributes{"usr/bin/su": {Mode: fs.ModeSetuid | 0o755}}
		want := stack.Attributes{
			"usr/bin/su": {Mode: fs.ModeSetuid | 0o755},
			"tmp":        {Mode: fs.ModeSticky | 0o777},
			"var/tmp":    {Mode: fs.ModeSticky | 0o777},
			"run/lock":   {Mode: fs.ModeSticky | 0o777},
			"var/mail":   {GID: 8, Mode: fs.ModeSetgid | 0o775},
			"app":        {UID: 1000, GID: 1000, Mode: 0o755}, "layers": {UID: 1000, GID: 1000, Mode: 0o755},
			"workspace": {UID: 1000, GID: 1000, Mode: 0o755}, "home/slugc": {UID: 1000, GID: 1000, Mode: 0o755},
		}
		if diff := cmp.Diff(want, f.apply()); diff != "" {
			t.Error(diff)
		}
		if len(f.request.Attributes) != 1 {
			t.Error("the attributes that were given were changed")
		}
	})

	it("has /lib64 only where it is used", func() {
		f := system(t)
		f.request.Arch = "arm64"
		f.apply()
		if got := f.text("lib64"); got != "" {
			t.Errorf("got %q, expected no /lib64", got)
		}
		f = system(t)
		f.put("/usr/lib64/ld-linux-x86-64.so.2", "-> ../lib/x86_64-linux-gnu/ld-linux-x86-64.so.2")
		f.put("/usr/lib32/libc.so.6", "")
		f.apply()
		if got := f.text("lib64") + f.text("lib32"); got != "-> usr/lib64-> usr/lib32" {
			t.Errorf("got %q, expected both links", got)
		}
	})

	it("refuses an architecture it does not know", func() {
		f := system(t)
		f.request.Arch = "mips"
		f.refuse("mips", "amd64 or arm64")
	})

	it("stops when it is told to", func() {
		f := system(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := configure.Apply(ctx, f.root, f.request); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, expected it to be canceled", err)
		}
	})
}
