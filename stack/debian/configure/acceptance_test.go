//go:build acceptance

package configure_test

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/debian"
	"github.com/slugc/slugc/stack/debian/repository"
	"github.com/slugc/slugc/stack/download"
)

// work is a script that does in a root what people do there.
//
//go:embed testdata/work.sh
var work string

// TestRealPackages makes build root filesystems of the packages of this
// machine's mirror and compares them with what Debian's own tools make. It
// needs root, for chroot(2).
func TestRealPackages(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("changing the root directory needs root")
	}
	maker := makerOfMirror(t)
	for _, id := range []string{"slugc-13", "slugc-12"} {
		t.Run(id, func(t *testing.T) {
			d, err := stack.Find(id)
			if err != nil {
				t.Fatal(err)
			}
			r := makeRoot(t, maker, d, stack.Build, "amd64")
			// The last two let Debian's tools make anew what was made here.
			t.Run("alternatives", r.alternatives)
			t.Run("work", r.work)
			t.Run("certificates", r.certificates)
			t.Run("loader", r.loader)
		})
	}
}

// TestForeignMachine makes a root filesystem for arm64, whatever this machine
// is, and lets this machine's ldconfig read its cache.
func TestForeignMachine(t *testing.T) {
	d, err := stack.Find("slugc-13")
	if err != nil {
		t.Fatal(err)
	}
	r := makeRoot(t, makerOfMirror(t), d, stack.RunMinimal, "arm64")
	got := run(t, "ldconfig", "-p", "-C", filepath.Join(r.dir, "etc/ld.so.cache"))
	for _, library := range []string{"libc.so.6", "libstdc++.so.6", "libz.so.1"} {
		want := library + " (libc6,AArch64) => /lib/aarch64-linux-gnu/" + library + "\n"
		if !strings.Contains(got, want) {
			t.Errorf("got %q, expected %q in it", got, want)
		}
	}
	if _, err := os.Stat(filepath.Join(r.dir, "lib/ld-linux-aarch64.so.1")); err != nil {
		t.Errorf("the loader is not where programs expect it: %v", err)
	}
}

// makerOfMirror makes roots of the packages that this machine's apt would take.
func makerOfMirror(t *testing.T) debian.Maker {
	t.Helper()
	sources, err := repository.AptSources(os.DirFS("/"))
	if err != nil {
		t.Fatal(err)
	}
	environment := map[string]string{}
	for _, entry := range os.Environ() {
		name, value, _ := strings.Cut(entry, "=")
		environment[name] = value
	}
	client, err := download.Network{Proxies: download.ProxiesFrom(environment)}.Client()
	if err != nil {
		t.Fatal(err)
	}
	return debian.Maker{Repository: repository.Repository{
		Sources: sources, Fetcher: download.NewFetcher(client), Cache: t.TempDir(),
	}}
}

// realRoot is a root of real packages.
type realRoot struct {
	dir string
	// debs are the files of its packages.
	debs []string
}

func makeRoot(t *testing.T, maker debian.Maker, d stack.Definition, variant, arch string) realRoot {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "root")
	image, err := maker.Resolve(t.Context(), d, variant, arch)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := maker.Make(t.Context(), d, variant, image, dir); err != nil {
		t.Fatal(err)
	}
	debs, err := maker.Repository.Debs(t.Context(), image.Packages)
	if err != nil {
		t.Fatal(err)
	}
	return realRoot{dir: dir, debs: debs}
}

// run runs a command of this machine and returns what it says.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, name, args...)
	command.WaitDelay = time.Second
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// loader compares the cache with the one that the root's own ldconfig makes.
func (r realRoot) loader(t *testing.T) {
	run(t, "chroot", r.dir, "/sbin/ldconfig", "-X", "-C", "/tmp/ld.so.cache")
	want, err := os.ReadFile(filepath.Join(r.dir, "tmp/ld.so.cache"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(r.dir, "etc/ld.so.cache"))
	if err != nil {
		t.Fatal(err)
	}
	// The last 16 bytes of the directory of extensions tell of the generator,
	// whose name is at the end.
	libraries := bytes.LastIndex(want, []byte("ldconfig ")) - 16
	if libraries < 0 || len(got) < libraries || !bytes.Equal(got[:libraries], want[:libraries]) {
		t.Errorf("the cache differs from that of ldconfig:\n%s", cmp.Diff(decodeCache(t, string(want)), decodeCache(t, string(got))))
	}
	links := libraryLinks(t, r.dir)
	run(t, "chroot", r.dir, "/sbin/ldconfig")
	if diff := cmp.Diff(libraryLinks(t, r.dir), links); diff != "" {
		t.Errorf("ldconfig makes other links: %s", diff)
	}
}

// libraryLinks are the links in the directories of libraries.
func libraryLinks(t *testing.T, dir string) map[string]string {
	t.Helper()
	links := map[string]string{}
	err := filepath.WalkDir(filepath.Join(dir, "usr/lib/x86_64-linux-gnu"), func(place string, e fs.DirEntry, err error) error {
		if err == nil && e.Type()&fs.ModeSymlink != 0 {
			links[place], err = os.Readlink(place)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return links
}

// certificates compares the links with those that "openssl rehash" makes.
func (r realRoot) certificates(t *testing.T) {
	certs := filepath.Join(r.dir, "etc/ssl/certs")
	got := hashLinks(t, certs)
	if len(got) < 100 {
		t.Errorf("got %d links, expected one for each authority", len(got))
	}
	for name := range got {
		if err := os.Remove(filepath.Join(certs, name)); err != nil {
			t.Fatal(err)
		}
	}
	run(t, "chroot", r.dir, "/usr/bin/openssl", "rehash", "/etc/ssl/certs")
	if diff := cmp.Diff(hashLinks(t, certs), got); diff != "" {
		t.Error(diff)
	}
}

// hashLinks are the links by which OpenSSL finds certificates.
func hashLinks(t *testing.T, dir string) map[string]string {
	t.Helper()
	places, err := filepath.Glob(filepath.Join(dir, "????????.[0-9]"))
	if err != nil {
		t.Fatal(err)
	}
	links := map[string]string{}
	for _, place := range places {
		if links[filepath.Base(place)], err = os.Readlink(place); err != nil {
			t.Fatal(err)
		}
	}
	return links
}

// installs are the alternatives and slaves that a script installs: the link and
// its name.
var installs = regexp.MustCompile(`--(?:install|slave)\s+(\S+)\s+(\S+)\s+\S+`)

// alternatives looks for those that scripts of packages would have installed.
func (r realRoot) alternatives(t *testing.T) {
	count := 0
	for _, file := range r.debs {
		script, err := exec.CommandContext(t.Context(), "dpkg-deb", "--info", file, "postinst").Output()
		if failed := (*exec.ExitError)(nil); errors.As(err, &failed) {
			continue
		} else if err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(string(script), "\\\n", " ")
		for _, found := range installs.FindAllStringSubmatch(text, -1) {
			link, name := found[1], found[2]
			// The names that procps puts together are of files that it only has
			// on other systems.
			if strings.HasPrefix(link, "/usr/share/man/") || strings.Contains(name, "$") {
				continue
			}
			count++
			for _, place := range []string{filepath.Join("etc/alternatives", name), link} {
				if _, err := os.Readlink(filepath.Join(r.dir, place)); err != nil {
					t.Errorf("%s installs %s, which alternatives.toml does not know: %v", filepath.Base(file), name, err)
				}
			}
		}
	}
	if count < 10 {
		t.Errorf("found %d alternatives in %d packages, expected more", count, len(r.debs))
	}
}

// work runs the script in the root.
func (r realRoot) work(t *testing.T) {
	if err := os.WriteFile(filepath.Join(r.dir, "tmp/work.sh"), []byte(work), 0o644); err != nil {
		t.Fatal(err)
	}
	got := run(t, "unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "sh", "-ec",
		`mount --rbind /dev "$0/dev"; mount -t proc proc "$0/proc"; exec chroot "$0" /usr/bin/env -i `+
			`PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 /bin/bash /tmp/work.sh`, r.dir)
	if !strings.HasSuffix(got, "all done\n") {
		t.Errorf("got %s", got)
	}
	t.Log(got)
}
