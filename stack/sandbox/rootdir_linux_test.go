package sandbox_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sclevine/spec"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/sandbox"
)

// rootDir is a root directory as a classic buildpack needs it.
func rootDir(t *testing.T) string {
	t.Helper()
	dir := tempDir(t)
	give(t, dir)
	for _, name := range []string{"app", "cache", "tmp"} {
		give(t, mkdir(t, filepath.Join(dir, name)))
	}
	return dir
}

func mkdir(t *testing.T, name string) string {
	t.Helper()
	if err := os.Mkdir(name, 0o755); err != nil {
		t.Fatal(err)
	}
	return name
}

func give(t *testing.T, name string) {
	t.Helper()
	if err := sandbox.Give(name); err != nil {
		t.Fatal(err)
	}
}

// inRoot runs each command that has no root directory in a fresh one.
type inRoot struct {
	sandbox.Namespaces
	t *testing.T
}

func (r inRoot) Run(ctx context.Context, c sandbox.Command) error {
	if c.Root == "" {
		c.Root = rootDir(r.t)
	}
	return r.Namespaces.Run(ctx, c)
}

func TestRoot(t *testing.T) { testRoots(t, "a root directory with ", sandbox.Namespaces{}) }

// testRoots tests box in root directories with all kinds of stacks.
func testRoots(t *testing.T, what string, box sandbox.Namespaces) {
	t.Helper()
	image := tempDir(t)
	for _, program := range []string{"sh", "cat", "ln", "ls", "mkdir", "mv", "rm", "rmdir", "stat", "chmod", "true"} {
		copyProgram(t, image, "/bin/"+program)
	}
	write(t, filepath.Join(image, "etc/os-release"), "ID=tiny\n")
	write(t, filepath.Join(image, "usr/file"), "of the image")
	for _, name := range []string{"app", "cache"} {
		write(t, filepath.Join(image, name, "of-the-image"), "")
	}
	if err := os.Symlink("usr/lib", filepath.Join(image, "library")); err != nil {
		t.Fatal(err)
	}
	for name, base := range map[string]stack.Stack{
		"the host stack": {}, "a directory": {ID: "tiny", Root: image},
	} {
		spec.Run(t, what+name, func(t *testing.T, when spec.G, it spec.S) { testRoot(t, when, it, box, base) })
	}
}

func testRoot(t *testing.T, when spec.G, it spec.S, box sandbox.Namespaces, base stack.Stack) {
	var root string
	it.Before(func() { root = rootDir(t) })

	in := func(lines string) sandbox.Command {
		c := script(lines)
		c.Stack, c.Root = base, root
		return c
	}
	belongs := func(name string) {
		t.Helper()
		info, err := os.Lstat(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		uid, gid := sandbox.Owner()
		if made, ok := info.Sys().(*syscall.Stat_t); !ok || int(made.Uid) != uid || int(made.Gid) != gid {
			t.Errorf("%s belongs to %+v, not to %d:%d", name, info.Sys(), uid, gid)
		}
	}

	it("lets a process remove and replace its directories", func() {
		write(t, filepath.Join(root, "app", "old"), "")
		if err := sandbox.GiveTree(root); err != nil {
			t.Fatal(err)
		}
		run(t, box, in("set -e; mkdir /tmp/stage; echo new > /tmp/stage/file; rm -rf /app; mv /tmp/stage /app; test ! -e /app/old"))
		if got, err := os.ReadFile(filepath.Join(root, "app", "file")); err != nil || string(got) != "new\n" {
			t.Errorf("app has %q: %v", got, err)
		}
		belongs("app")
		belongs("app/file")
	})

	it("lets a process link and move files from one to another", func() {
		run(t, box, in(`set -e; echo x > /cache/file; ln /cache/file /app/linked; echo y > /tmp/file; ln /tmp/file /app/other
			mv /tmp/file /app/moved; mkdir /new; mv /app/moved /new/moved`))
		if got := run(t, box, in("stat -c %h /app/linked /app/other; ls /tmp /new")); got != "2\n2\n/new:\nmoved\n\n/tmp:\n" {
			t.Errorf("the next command sees %q", got)
		}
		belongs("app/linked")
		belongs("new/moved")
	})

	it("is a root directory like any other", func() {
		want := "app cache dev etc proc run sys tmp usr var "
		got := " " + strings.ReplaceAll(run(t, box, in("ls /")), "\n", " ")
		for _, name := range strings.Fields(want) {
			if !strings.Contains(got, " "+name+" ") {
				t.Errorf("/%s is not among %q", name, got)
			}
		}
		if got := run(t, box, in("ls -A /app /cache /tmp")); got != "/app:\n\n/cache:\n\n/tmp:\n" {
			t.Errorf("its directories are not empty:\n%s", got)
		}
	})

	it("keeps the stack read-only and in its place", func() {
		run(t, box, in(`for d in /usr /etc /var /run /sys /dev /proc; do
				! echo x > $d/new && ! mv $d /moved && ! rmdir $d && test -d $d || exit 1
			done; ls /usr/* /etc/os-release > /dev/null`))
		for _, name := range []string{"/etc/os-release", "/usr/bin/env"} {
			if _, err := os.Stat(name); err != nil {
				t.Errorf("%s of the machine is gone: %v", name, err)
			}
		}
		if got, err := os.ReadFile(filepath.Join(image(base), "etc/os-release")); err != nil || len(got) == 0 {
			t.Errorf("the stack lost its os-release: %v", err)
		}
	})

	it("leads nowhere else", func() {
		outside := write(t, filepath.Join(tempDir(t), "secret"), "secret")
		c := in("for d in / /../../.. /app/../../.. /old /proc/self/root/.. /proc/1/root; do cat $d" + outside + "; done")
		if _, out := status(t, box, c); strings.Contains(strings.ReplaceAll(out, outside, ""), "secret") {
			t.Errorf("it says %q", out)
		}
	})

	it("has no set-user-ID programs and no devices", func() {
		mounts := run(t, box, in("cat /proc/self/mounts"))
		if !regexp.MustCompile(`(?m)^\S+ / \S+ rw,nosuid,nodev`).MatchString(mounts) {
			t.Errorf("the mounts are\n%s", mounts)
		}
	})

	it("has a /tmp in memory where it has none of its own", func() {
		if err := os.Remove(filepath.Join(root, "tmp")); err != nil {
			t.Fatal(err)
		}
		run(t, box, in("echo x > /tmp/file"))
		if got, err := os.ReadDir(filepath.Join(root, "tmp")); err != nil || len(got) != 0 {
			t.Errorf("on this machine it has %v: %v", got, err)
		}
	})

	it("keeps what else is private in memory", func() {
		run(t, box, in("echo x > /var/tmp/file && echo x > /dev/shm/file"))
		for _, name := range []string{"var", "dev", "etc", "usr", "proc", "run"} {
			if got, err := os.ReadDir(filepath.Join(root, name)); err != nil || len(got) != 0 {
				t.Errorf("on this machine %s has %v: %v", name, got, err)
			}
		}
	})

	it("has mounts on top", func() {
		dir, m := shared(t, "/app/vendor")
		one := write(t, filepath.Join(tempDir(t), "one"), "one")
		c := in("cat /env/ONE /etc/one && echo x > /app/vendor/file && ! echo x > /env/ONE")
		c.Mounts = []sandbox.Mount{m, {Source: filepath.Dir(one), Target: "/env"}, {Source: one, Target: "/env/ONE"}, {Source: one, Target: "/etc/one"}}
		write(t, filepath.Join(filepath.Dir(one), "ONE"), "")
		for range 2 {
			if got := run(t, box, c); got != "oneone" {
				t.Errorf("it printed %q", got)
			}
		}
		if _, err := os.Stat(filepath.Join(dir, "file")); err != nil {
			t.Error(err)
		}
		if got, err := os.ReadDir(filepath.Join(root, "app/vendor")); err != nil || len(got) != 0 {
			t.Errorf("the mount point has %v: %v", got, err)
		}
		belongs("app/vendor")
	})

	it("has a bundle of certificates of one's own", func() {
		n := box
		n.CACert = write(t, filepath.Join(tempDir(t), "company.pem"), "our own authority")
		for range 2 {
			if got := run(t, n, in("cat /etc/ssl/certs/ca-certificates.crt")); got != "our own authority" {
				t.Errorf("the bundle is %q", got)
			}
		}
	})

	it("leaves no mounts on this machine", func() {
		run(t, box, in("true"))
		info, err := os.ReadFile("/proc/self/mountinfo")
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(info), root) {
			t.Errorf("there are mounts in it:\n%s", info)
		}
	})

	it("does not keep a process from its end", func() {
		c := in("while :; do :; done")
		c.Timeout = 100 * time.Millisecond
		var late *sandbox.TimeoutError
		if err := box.Run(t.Context(), c); !errors.As(err, &late) {
			t.Errorf("Run returned %v", err)
		}
		run(t, box, in("true"))
	})

	it("serves several commands at once", func() {
		var group errgroup.Group
		for range 8 {
			group.Go(func() error {
				return box.Run(t.Context(), in("set -e; for i in 1 2 3 4 5 6 7 8 9; do cat /etc/os-release > /dev/null; done"))
			})
		}
		if err := group.Wait(); err != nil {
			t.Error(err)
		}
	})

	when("a process left something in the place of the stack", func() {
		var away string
		it.Before(func() {
			away = tempDir(t)
			give(t, away)
			write(t, filepath.Join(away, "file"), "untouched")
			write(t, filepath.Join(away, "bin", "sh"), "untouched")
			run(t, box, in("true"))
		})
		it.After(func() {
			var left []string
			err := filepath.WalkDir(away, func(path string, entry fs.DirEntry, err error) error {
				if err == nil && !entry.IsDir() {
					var content []byte
					content, err = os.ReadFile(path)
					left = append(left, strings.TrimPrefix(path, away)+" "+string(content))
				}
				return err
			})
			if diff := cmp.Diff([]string{"/bin/sh untouched", "/file untouched"}, left); diff != "" || err != nil {
				t.Errorf("what lies outside was changed: %v\n%s", err, diff)
			}
			if got, err := os.ReadDir(filepath.Join(away, "bin")); err != nil || len(got) != 1 {
				t.Errorf("what lies outside was changed: %v %v", got, err)
			}
		})
		places := []string{"usr", "bin", "lib", "etc", "var", "dev", "proc", "run", "sys", "tmp"}
		// instead puts something in the place of all of them, and runs a
		// command for which they have to be right.
		instead := func(put func(name string) error) {
			t.Helper()
			for _, place := range places {
				name := filepath.Join(root, place)
				replace(t, name)
				if err := errors.Join(put(name), sandbox.Give(name)); err != nil {
					t.Fatal(err)
				}
			}
			run(t, box, in(`set -e; cat /etc/os-release /proc/self/stat > /dev/null; echo x > /var/tmp/x; echo x > /tmp/x
				echo x > /usr/x && exit 9; for d in /*; do test ! -e $d/hidden; done`))
		}

		it("removes links, wherever they lead", func() {
			for _, to := range []string{away, "../../../../../.." + away, "/old" + away, "app", "bin", "nowhere"} {
				instead(func(name string) error { return os.Symlink(to, name) })
			}
		})

		it("removes files", func() {
			instead(func(name string) error { return os.WriteFile(name, nil, 0o644) })
			instead(func(name string) error { return unix.Mkfifo(name, 0o666) })
		})

		it("removes empty directories in the place of links", func() {
			instead(func(name string) error { return os.Mkdir(name, 0o755) })
		})

		it("hides what is in directories", func() {
			instead(func(name string) error {
				info, err := os.Lstat(filepath.Join(image(base), filepath.Base(name)))
				if err == nil && !info.IsDir() {
					return os.Symlink(away, name)
				}
				if err := os.Mkdir(name, 0o755); err != nil {
					return err
				}
				if filepath.Base(name) == "tmp" {
					return nil
				}
				write(t, filepath.Join(name, "hidden"), "")
				return os.Chmod(name, 0)
			})
		})

		it("says which directory it cannot remove", func() {
			name := "library"
			if base.Root == "" {
				name = "bin"
				if info, err := os.Lstat("/bin"); err != nil || info.IsDir() {
					return
				}
			}
			replace(t, filepath.Join(root, name))
			give(t, write(t, filepath.Join(root, name, "file"), "kept"))
			err := box.Run(t.Context(), in("true"))
			var setup *sandbox.SetupError
			if !errors.As(err, &setup) || setup.Path != "/"+name || !errors.Is(err, unix.ENOTEMPTY) ||
				!strings.Contains(setup.Hint, "fresh root directory") {
				t.Errorf("Run returned %v", err)
			}
			if _, err := os.Stat(filepath.Join(root, name, "file")); err != nil {
				t.Error(err)
			}
		})

		it("follows links of its directories only inside", func() {
			for _, to := range []string{away, "../../../../../.." + away, "/old" + away} {
				for _, name := range []string{"app", "cache/inner"} {
					link := filepath.Join(root, name)
					replace(t, link)
					if err := os.Symlink(to, link); err != nil {
						t.Fatal(err)
					}
					_, m := shared(t, "/"+name+"/deep")
					c := in("ls -d /" + name + "/deep")
					c.Mounts = []sandbox.Mount{m}
					run(t, box, c)
				}
			}
		})

		it("outlives the permissions of the root directory itself", func() {
			run(t, box, in("chmod 0 /"))
			run(t, box, in("echo x > /file"))
		})
	})
}

// image is where the parts of a stack come from.
func image(s stack.Stack) string {
	if s.Root == "" {
		return "/"
	}
	return s.Root
}

// replace makes room in a root directory, as a process in it might.
func replace(t *testing.T, name string) {
	t.Helper()
	if err := os.RemoveAll(name); err != nil {
		t.Fatal(err)
	}
}

func TestBadRoot(t *testing.T) {
	file := write(t, filepath.Join(tempDir(t), "file"), "")
	give(t, file)
	holder := rootDir(t)
	give(t, mkdir(t, filepath.Join(holder, "usr")))
	for _, bad := range []struct{ root, stack, says string }{
		{filepath.Join(holder, "none"), "", "no such file"},
		{file, "", "not a directory"},
		{"/proc/1", "", "sandbox.Give"},
		{holder, holder, "holds the stack"},
		{holder, filepath.Join(holder, "usr"), "holds the stack"},
	} {
		c := command("true")
		c.Root, c.Stack.Root = bad.root, bad.stack
		if err := (sandbox.Namespaces{}).Run(t.Context(), c); err == nil || !strings.Contains(err.Error(), bad.says) {
			t.Errorf("with %s Run returned %v", bad.root, err)
		}
	}
}

// TestMountedRoot tests that set-up changes nothing that is mounted in a root
// directory.
func TestMountedRoot(t *testing.T) {
	root := tempDir(t)
	mkdir(t, filepath.Join(root, "bin"))
	if err := os.Chown(root, os.Geteuid(), os.Getegid()); err != nil {
		t.Fatal(err)
	}
	cmd := outside(t, "cover", root)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}},
	}
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "op: changing to the root directory\n") || !strings.Contains(string(out), "umount it") {
		t.Errorf("it says: %v\n%s", err, out)
	}
	if got, err := os.ReadDir(root); err != nil || len(got) != 1 {
		t.Errorf("there is something new: %v %v", got, err)
	}
}
