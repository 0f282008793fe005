package sandbox_test

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/sandbox"
)

func TestMounts(t *testing.T) {
	spec.Run(t, "mounts", func(t *testing.T, _ spec.G, it spec.S) { testMounts(t, it, sandbox.Namespaces{}) })
}

func TestMountsOnOldKernel(t *testing.T) {
	spec.Run(t, "mounts on an old kernel", func(t *testing.T, _ spec.G, it spec.S) {
		testMounts(t, it, sandbox.OnOldKernel(sandbox.Namespaces{}))
	})
}

func TestMountsInRoot(t *testing.T) {
	spec.Run(t, "mounts in a root directory", func(t *testing.T, _ spec.G, it spec.S) { testMounts(t, it, inRoot{t: t}) })
}

func TestMountsInRootOnOldKernel(t *testing.T) {
	spec.Run(t, "mounts in a root directory on an old kernel", func(t *testing.T, _ spec.G, it spec.S) {
		testMounts(t, it, inRoot{t: t, Namespaces: sandbox.OnOldKernel(sandbox.Namespaces{})})
	})
}

func testMounts(t *testing.T, it spec.S, box sandbox.Runner) {
	it("are writable when they are said to be, and give files to the owner", func() {
		dir, m := shared(t, "/app")
		c := script("echo hello > /app/file; mkdir /app/dir; stat -c %u:%g /app/file /app")
		c.Mounts = []sandbox.Mount{m}
		if got := run(t, box, c); got != "1000:1000\n1000:1000\n" {
			t.Errorf("inside the owner is %q", got)
		}
		info, err := os.Stat(filepath.Join(dir, "file"))
		if err != nil {
			t.Fatal(err)
		}
		uid, gid := sandbox.Owner()
		if made, ok := info.Sys().(*syscall.Stat_t); !ok || int(made.Uid) != uid || int(made.Gid) != gid {
			t.Errorf("the file belongs to %+v, not to %d:%d", made, uid, gid)
		}
		if os.Geteuid() == 0 && uid == 0 {
			t.Error("the owner is root")
		}
	})

	it("are read-only otherwise, below them too", func() {
		outer, m := shared(t, "/app")
		m.Writable = false
		write(t, filepath.Join(outer, "dir", "file"), "content")
		c := script("cat /app/dir/file /etc/one; echo x > /app/dir/file || echo x > /app/new || echo x > /etc/one")
		one := write(t, filepath.Join(tempDir(t), "one"), " of a file")
		c.Mounts = []sandbox.Mount{m, {Source: one, Target: "/etc/one"}}
		var out strings.Builder
		c.Stdout, c.Stderr = &out, io.Discard
		var exit *sandbox.ExitError
		if err := box.Run(t.Context(), c); !errors.As(err, &exit) {
			t.Errorf("Run returned %v", err)
		}
		if out.String() != "content of a file" {
			t.Errorf("it read %q", &out)
		}
	})

	it("come in order, each in the one before", func() {
		app, m := shared(t, "/app")
		layers, inner := shared(t, "/app/.slugc/layers")
		c := script("echo layer > /app/.slugc/layers/file; rmdir /app/.slugc/layers; rm -r /app/.slugc; ls /app/.slugc")
		c.Mounts = []sandbox.Mount{m, inner}
		var exit *sandbox.ExitError
		if err := box.Run(t.Context(), c); err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(app, ".slugc/layers")); err != nil {
			t.Errorf("the mount point in the directory of this machine: %v", err)
		}
		if got, err := os.ReadDir(layers); err != nil || len(got) != 0 {
			t.Errorf("the file is still there, or somewhere else: %v %v", got, err)
		}
		// The target may delete the mount points once nothing is mounted there.
		c = script("rm -r /app/.slugc")
		c.Mounts = []sandbox.Mount{m}
		run(t, box, c)
	})

	it("may lie in a read-only one that has no place for them", func() {
		app := tempDir(t)
		write(t, filepath.Join(app, "dir", "file"), "app")
		if err := os.Symlink("dir/file", filepath.Join(app, "link")); err != nil {
			t.Fatal(err)
		}
		layers, inner := shared(t, "/app/dir/.slugc/layers")
		c := script("cat /app/dir/file /app/link; echo layer > /app/dir/.slugc/layers/file; ! echo x > /app/dir/new")
		c.Mounts = []sandbox.Mount{{Source: app, Target: "/app"}, inner}
		if got := run(t, box, c); got != "appapp" {
			t.Errorf("it read %q", got)
		}
		if got, err := os.ReadFile(filepath.Join(layers, "file")); err != nil || string(got) != "layer\n" {
			t.Errorf("the inner mount has %q: %v", got, err)
		}
		if _, err := os.Lstat(filepath.Join(app, "dir", ".slugc")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("a mount point was made in a read-only directory: %v", err)
		}
	})

	it("never leave the sandbox by a link", func() {
		target := tempDir(t)
		app, m := shared(t, "/app")
		_, inner := shared(t, "/app/link/inner")
		for _, to := range []string{target, "../../../../../.." + target, "/old" + target} {
			link := filepath.Join(app, "link")
			if err := os.Symlink(to, link); err != nil {
				t.Fatal(err)
			}
			c := script("ls -d /app/link/inner")
			c.Mounts = []sandbox.Mount{m, inner}
			run(t, box, c)
			if got, err := os.ReadDir(target); err != nil || len(got) != 0 {
				t.Errorf("following %s something was made on this machine: %v %v", to, got, err)
			}
			if err := os.Remove(link); err != nil {
				t.Fatal(err)
			}
		}
	})

	it("cover what is private otherwise", func() {
		dir, m := shared(t, "/tmp")
		c := script("echo kept > /tmp/file")
		c.Mounts = []sandbox.Mount{m}
		run(t, box, c)
		if _, err := os.Stat(filepath.Join(dir, "file")); err != nil {
			t.Error(err)
		}
	})

	it("show what is not on the way of everybody", func() {
		dir := tempDir(t)
		file := write(t, filepath.Join(dir, "private", "app", "file"), "content")
		private := filepath.Join(dir, "private")
		if os.Geteuid() == 0 {
			// Somebody else's home.
			if err := os.Chown(private, 12345, 12345); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chmod(private, 0o700); err != nil {
			t.Fatal(err)
		}
		c := command("cat", "/app/file")
		c.Mounts = []sandbox.Mount{{Source: filepath.Dir(file), Target: "/app"}}
		if got := run(t, box, c); got != "content" {
			t.Errorf("it read %q", got)
		}
	})

	for _, bad := range []struct {
		mount sandbox.Mount
		says  string
	}{
		{sandbox.Mount{Source: "/usr", Target: "app"}, "absolute"},
		{sandbox.Mount{Source: "/usr", Target: "/app/../etc"}, `".."`},
		{sandbox.Mount{Source: "/usr", Target: "/"}, "belongs to the sandbox"},
		{sandbox.Mount{Source: "/usr", Target: "/proc/sys"}, "belongs to the sandbox"},
		{sandbox.Mount{Source: "/nowhere/at/all", Target: "/app"}, "/nowhere/at/all: no such file"},
		{sandbox.Mount{Target: "/app"}, "no source"},
	} {
		it("refuse "+bad.mount.Source+" at "+bad.mount.Target, func() {
			c := command("true")
			c.Mounts = []sandbox.Mount{bad.mount}
			if err := box.Run(t.Context(), c); err == nil || !strings.Contains(err.Error(), bad.says) {
				t.Errorf("Run returned %v", err)
			}
		})
	}
}

func TestStackRoot(t *testing.T) { spec.Run(t, "a root filesystem of its own", testStackRoot) }

func testStackRoot(t *testing.T, _ spec.G, it spec.S) {
	var box sandbox.Namespaces
	var root string
	var base stack.Stack

	it.Before(func() {
		root = tempDir(t)
		for _, program := range []string{"/bin/sh", "/bin/cat"} {
			copyProgram(t, root, program)
		}
		write(t, filepath.Join(root, "etc/os-release"), "ID=tiny\n")
		write(t, filepath.Join(root, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh")
		write(t, filepath.Join(root, "home/image/file"), "of the image")
		write(t, filepath.Join(root, "run/secret"), "of the image")
		if err := os.Symlink("/etc/os-release", filepath.Join(root, "release")); err != nil {
			t.Fatal(err)
		}
		base = stack.Stack{ID: "tiny", Root: root}
	})

	tiny := func(lines string) sandbox.Command {
		return sandbox.Command{
			Stack: base, Args: []string{"sh", "-c", lines}, Env: []string{"PATH=/bin:/usr/bin"}, Timeout: limit,
		}
	}

	it("is the root, and nothing of the machine's is left", func() {
		c := tiny("cat /release /home/image/file; echo; echo /*; echo /run/* /usr/bin/*")
		out := run(t, box, c)
		if !strings.HasPrefix(out, "ID=tiny\nof the image\n") || strings.Contains(out, "secret") ||
			strings.Contains(out, "/usr/bin/env") {
			t.Errorf("it printed\n%s", out)
		}
	})

	it("is read-only, and mounts lie beside and in it", func() {
		app, m := shared(t, "/app")
		_, deep := shared(t, "/etc/deep/inside")
		c := tiny("echo x > /app/file; echo x > /etc/deep/inside/file; cat /etc/os-release; (echo x > /etc/new) || (echo x > /new) || exit 9")
		c.Mounts = []sandbox.Mount{m, deep}
		var exit *sandbox.ExitError
		if err := box.Run(t.Context(), c); !errors.As(err, &exit) || exit.Code != 9 {
			t.Errorf("Run returned %v", err)
		}
		if _, err := os.Stat(filepath.Join(app, "file")); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(filepath.Join(root, "etc/deep")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the root filesystem was changed: %v", err)
		}
	})

	it("has the user of the sandbox beside its own", func() {
		want := "root:x:0:0:root:/root:/bin/sh\nslugc:x:1000:1000:slugc:/app:/bin/sh\n"
		if diff := cmp.Diff(want, run(t, box, tiny("cat /etc/passwd"))); diff != "" {
			t.Error(diff)
		}
	})

	it("resolves names as the machine does", func() {
		want, err := os.ReadFile("/etc/resolv.conf")
		if err != nil {
			want = nil
		}
		if got := run(t, box, tiny("if [ -e /etc/resolv.conf ]; then cat /etc/resolv.conf; fi")); got != string(want) {
			t.Errorf("resolv.conf is %q", got)
		}
		if got := run(t, box, tiny("cat /etc/hosts")); !strings.HasSuffix(got, "127.0.0.1\tslugc\n") {
			t.Errorf("hosts is %q", got)
		}
	})

	it("finds resolv.conf where the image points to", func() {
		if _, err := os.Stat("/etc/resolv.conf"); err != nil {
			return
		}
		if err := os.Symlink("/run/systemd/resolve/stub-resolv.conf", filepath.Join(root, "etc/resolv.conf")); err != nil {
			t.Fatal(err)
		}
		run(t, box, tiny("cat /run/systemd/resolve/stub-resolv.conf"))
	})

	it("trusts a bundle of one's own", func() {
		bundle := write(t, filepath.Join(tempDir(t), "company.pem"), "our own authority")
		n := sandbox.Namespaces{CACert: bundle}
		if got := run(t, n, tiny("cat /etc/ssl/certs/ca-certificates.crt")); got != "our own authority" {
			t.Errorf("the bundle is %q", got)
		}
	})

	it("cannot make slugc read files of the machine", func() {
		passwd := filepath.Join(root, "etc/passwd")
		if err := os.Remove(passwd); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(write(t, filepath.Join(tempDir(t), "shadow"), "secret"), passwd); err != nil {
			t.Fatal(err)
		}
		c := tiny("cat /etc/passwd")
		var out strings.Builder
		c.Stdout = &out
		if err := box.Run(t.Context(), c); err == nil || out.Len() > 0 {
			t.Errorf("Run returned %v, the target read %q", err, &out)
		}
	})

	it("has to be there", func() {
		base.Root = filepath.Join(root, "none")
		err := box.Run(t.Context(), tiny("true"))
		if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), base.Root) {
			t.Errorf("Run returned %v", err)
		}
	})
}

// copyProgram copies a program and the libraries that it is linked against.
func copyProgram(t *testing.T, root, program string) {
	t.Helper()
	copyFile(t, root, program)
	// It fails for a program that is linked against nothing.
	out, err := exec.CommandContext(t.Context(), "ldd", program).Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	for _, library := range regexp.MustCompile(`/\S+`).FindAllString(string(out), -1) {
		copyFile(t, root, library)
	}
}

func copyFile(t *testing.T, root, name string) {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(write(t, filepath.Join(root, name), string(content)), 0o755); err != nil {
		t.Fatal(err)
	}
}
