package fetch_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/sclevine/spec"
	"github.com/ulikunitz/xz"
	"golang.org/x/sync/errgroup"

	"github.com/slugc/slugc/buildpacks/fetch"
	"github.com/slugc/slugc/stack/sandbox"
	"github.com/slugc/slugc/stack/untar"
)

func TestFetch(t *testing.T) {
	spec.Run(t, "references", testReferences)
	spec.Run(t, "directories", testDirectories)
	spec.Run(t, "archives", testArchives)
	spec.Run(t, "images", testImages)
	spec.Run(t, "registries", testRegistries)
	spec.Run(t, "addresses", testAddresses)
	spec.Run(t, "repositories", testRepositories)
	spec.Run(t, "servers of repositories", testServers)
}

// refused expects that a reference is refused with an error that says something.
func refused(t *testing.T, f fetch.Fetcher, ref, want string) {
	t.Helper()
	if err := refusal(t, f, ref, want); err == nil {
		t.Errorf("%s: no error", ref)
	}
}

// refusal is refused for who wants to know more of the error.
func refusal(t *testing.T, f fetch.Fetcher, ref, want string) *fetch.RefError {
	t.Helper()
	p, err := f.Fetch(t.Context(), ref)
	var failed *fetch.RefError
	if !errors.As(err, &failed) || !strings.Contains(err.Error(), want) {
		t.Errorf("%s: got %s, %v\nexpected %q", ref, members(p), err, want)
		return &fetch.RefError{Err: errors.New("none")}
	}
	if strings.Contains(err.Error(), ".unfinished-") {
		t.Errorf("%s: the error names a directory that is gone: %v", ref, err)
	}
	return failed
}

// fetched expects that a reference leads to buildpacks.
func fetched(t *testing.T, f fetch.Fetcher, ref, want string) fetch.Package {
	t.Helper()
	p, err := f.Fetch(t.Context(), ref)
	if err != nil {
		t.Fatalf("%s: %v", ref, err)
	}
	if got := members(p); got != want {
		t.Errorf("%s: got %s, expected %s", ref, got, want)
	}
	return p
}

// leftovers are what is in a store beside what is kept.
func leftovers(t *testing.T, f fetch.Fetcher) []string {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(f.Dir, ".*"))
	must(t, err)
	return left
}

func testReferences(t *testing.T, _ spec.G, it spec.S) {
	it("says what is wrong with one that is no reference", func() {
		f := fetcher(t)
		for ref, want := range map[string]string{
			"":                                  "it is empty",
			"no/such":                           "no builtin buildpack of that id",
			"urn:cnb:registry:example/java@1.0": "name the image that it lists: docker://IMAGE",
			"urn:cnb:builder:example/java":      "there is no builder",
			"from=builder":                      "there is no builder",
			"ftp://example.com/x.tgz":           "ftp:// is not known; expected https://",
			"http://example.com/x.tgz":          "expected https://",
			"git+http://example.com/x":          "expected git+https://",
			"http://localhost/x.git":            "expected https://",
			"https:///x.tgz":                    "no valid address",
			"https://example.com/x.git#--evil":  "is no branch, tag or commit",
			"https://example.com/x.git#a..b":    "is no branch, tag or commit",
			"https://example.com/x.tgz#sha256=": "is no checksum",
			"docker://Not A Name":               "expected docker://",
			"oci:":                              "it names no directory",
			"oci:/no/such/layout":               "there is no directory",
			"oci-archive:/no/such/file":         "there is no such file",
			"/dev/null":                         "neither a file nor a directory",
		} {
			refused(t, f, ref, want)
		}
	})
	it("shows no credentials", func() {
		f := fetcher(t)
		f.Offline = true
		for _, ref := range []string{
			"https://me:hunter2@example.com/x.tgz", "https://example.com/x.tgz?token=hunter2", "git+https://me:hunt@er2@example.com/x#main",
			"https://hunter2@example.com/x.git?a=hunter2",
		} {
			err := refusal(t, f, ref, "was never fetched")
			if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "er2@") {
				t.Error(err)
			}
		}
	})
}

func testDirectories(t *testing.T, _ spec.G, it spec.S) {
	it("opens a component", func() {
		dir := component("test/one", "1.0.0").write(t, t.TempDir())
		p := fetched(t, fetcher(t), dir, "test/one@1.0.0: test/one@1.0.0")
		if p.Digest != "" || p.Buildpacks[0].Dir != dir {
			t.Errorf("digest %q, directory %s", p.Digest, p.Buildpacks[0].Dir)
		}
		fetched(t, fetcher(t), "file://"+dir, "test/one@1.0.0: test/one@1.0.0")
	})
	it("opens a composite with what its package.toml names", func() {
		dir := t.TempDir()
		composite("test/all", []string{"test/one", "test/inner"}, "../one", "../inner").write(t, filepath.Join(dir, "all"))
		composite("test/inner", []string{"test/one", "test/two"}, "../one", "two.tgz").write(t, filepath.Join(dir, "inner"))
		component("test/one", "1.0.0").write(t, filepath.Join(dir, "one"))
		must(t, os.WriteFile(filepath.Join(dir, "inner/two.tgz"), gz(t, component("test/two", "1.0.0").tar(t)), 0o644))
		fetched(t, fetcher(t), filepath.Join(dir, "all"), "test/all@1.0.0: [test/all@1.0.0] [test/inner@1.0.0] test/one@1.0.0 test/two@1.0.0")
	})
	it("opens a composite whose members come from elsewhere", func() {
		dir := composite("test/all", []string{"test/one"}).write(t, t.TempDir())
		fetched(t, fetcher(t), dir, "test/all@1.0.0: [test/all@1.0.0]")
	})
	it("says what is wrong with a package.toml", func() {
		dir := t.TempDir()
		for uri, want := range map[string]string{
			"urn:cnb:registry:example/java": "its package.toml: buildpack urn:cnb:registry:example/java: the buildpack registry is not asked",
			"../nothing":                    "no such file",
			".":                             "it needs itself",
		} {
			composite("test/all", []string{"test/one"}, uri).write(t, dir)
			refused(t, fetcher(t), dir, want)
		}
		for text, want := range map[string]string{
			"[[dependencies]]\n":                  "dependency 1 names nothing",
			"[[dependencies\n":                    "package.toml: line 2",
			"x = " + strings.Repeat("[", 500_000): "package.toml: line 1: nested more than",
			strings.Repeat("# long\n", 1<<20):     "larger than",
			"[[dependencies]]\nimage=\"Not A\"\n": "docker://Not A: expected docker://",
		} {
			must(t, os.WriteFile(filepath.Join(dir, "package.toml"), []byte(text), 0o644))
			refused(t, fetcher(t), dir, want)
		}
	})
	it("knows a classic buildpack, wherever it comes from", func() {
		classic := files{"bin/detect": "", "bin/compile": "", "buildpack.toml": "[buildpack]\nname = \"Go\"\n"}
		dir := classic.write(t, filepath.Join(t.TempDir(), "heroku-buildpack-go"))
		archive := filepath.Join(t.TempDir(), "go.tgz")
		must(t, os.WriteFile(archive, gz(t, classic.below("go-v1").tar(t)), 0o644))
		bare := filepath.Join(t.TempDir(), "bare.tar")
		delete(classic, "buildpack.toml")
		must(t, os.WriteFile(bare, classic.tar(t), 0o644))
		for ref, id := range map[string]string{dir: "heroku-buildpack-go", "file://" + dir: "heroku-buildpack-go", archive: "go", bare: "bare"} {
			p, err := fetcher(t).Fetch(t.Context(), ref)
			must(t, err)
			if p.Classic == nil || len(p.Buildpacks) > 0 || p.Root.ID != id || p.Classic.Descriptor().ID != id || ref != bare && p.Classic.Descriptor().Name != "Go" {
				t.Errorf("%s: got %+v", ref, p)
				continue
			}
			if _, version, _ := strings.Cut(p.Digest, ":"); p.Root.Version != version[:min(len(version), 12)] {
				t.Errorf("%s: version %q of digest %s", ref, p.Root.Version, p.Digest)
			}
		}
	})
	it("names no classic buildpack in an order", func() {
		dir := t.TempDir()
		files{"bin/detect": "", "bin/compile": ""}.write(t, filepath.Join(dir, "classic"))
		composite("test/all", []string{"test/one"}, "../classic").write(t, filepath.Join(dir, "all"))
		refused(t, fetcher(t), filepath.Join(dir, "all"), "buildpack package --classic")
	})
	it("says what a directory is instead", func() {
		for want, f := range map[string]files{
			"has neither buildpack.toml":           {"x": ""},
			"classic buildpack without bin/detect": {"bin/compile": ""},
			"is an image extension":                {"extension.toml": ""},
			"write oci:DIR":                        {"oci-layout": "{}", "index.json": "{}"},
			"no bin/build":                         {"buildpack.toml": component("a", "1")["buildpack.toml"], "bin/detect": ""},
		} {
			refused(t, fetcher(t), f.write(t, t.TempDir()), want)
		}
	})
}

// zipped is the files as a zip file, made on a system that has modes or not.
func zipped(t *testing.T, f files, creator uint16, links map[string]string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	add := func(name, text string, mode fs.FileMode) {
		h := &zip.FileHeader{Name: name, Method: zip.Deflate}
		h.SetMode(mode)
		if creator == 0 {
			h.ExternalAttrs = 0
		}
		h.CreatorVersion = creator << 8
		to, err := w.CreateHeader(h)
		must(t, err)
		_, err = io.WriteString(to, text)
		must(t, err)
	}
	for name, text := range f {
		add(name, text, fs.FileMode(mode(name)))
	}
	for name, target := range links {
		add(name, target, fs.ModeSymlink|0o777)
	}
	must(t, w.Close())
	return out.Bytes()
}

func testArchives(t *testing.T, when spec.G, it spec.S) {
	const is = "test/one@1.0.0: test/one@1.0.0"
	var f fetch.Fetcher
	it.Before(func() { f = fetcher(t) })
	one := component("test/one", "1.0.0")

	it("reads every format, by content", func() {
		plain := one.tar(t)
		var z, x bytes.Buffer
		zw, err := zstd.NewWriter(&z)
		must(t, err)
		_, err = zw.Write(plain)
		must(t, errors.Join(err, zw.Close()))
		xw, err := xz.NewWriter(&x)
		must(t, err)
		_, err = xw.Write(plain)
		must(t, errors.Join(err, xw.Close()))
		for name, data := range map[string][]byte{
			"tar": plain, "gzip": gz(t, plain), "zstd": z.Bytes(), "xz": x.Bytes(),
			"zip": zipped(t, one, 3, nil), "zip without modes": zipped(t, one, 0, nil),
			"folder": gz(t, one.below("one-1.0.0").tar(t)), "mac": zipped(t, one.below("one").and(files{"__MACOSX/x": "x"}), 3, nil),
			"absolute": one.below("").tar(t),
		} {
			p := fetched(t, fetcher(t), save(t, "file", data), is)
			info, err := os.Stat(filepath.Join(p.Buildpacks[0].Dir, "bin/build"))
			if err != nil || info.Mode().Perm() != 0o755 {
				t.Error(name, info, err)
			}
			if !strings.HasPrefix(p.Digest, "sha256:") {
				t.Errorf("%s: digest %q", name, p.Digest)
			}
		}
	})
	it("keeps it by digest, once", func() {
		file := save(t, "one.tgz", gz(t, one.tar(t)))
		first := fetched(t, f, file, is)
		info, err := os.Stat(first.Buildpacks[0].Dir)
		must(t, err)
		second := fetched(t, f, file, is)
		again, err := os.Stat(second.Buildpacks[0].Dir)
		must(t, err)
		if !os.SameFile(info, again) || first.Digest != second.Digest {
			t.Errorf("%s and %s", first.Buildpacks[0].Dir, second.Buildpacks[0].Dir)
		}
		if left := leftovers(t, f); len(left) > 0 {
			t.Error("left behind:", left)
		}
	})
	it("can be used by many at once", func() {
		file := save(t, "one.tgz", gz(t, one.tar(t)))
		group := errgroup.Group{}
		for range 8 {
			group.Go(func() error { _, err := f.Fetch(t.Context(), file); return err })
		}
		must(t, group.Wait())
		if left := leftovers(t, f); len(left) > 0 {
			t.Error("left behind:", left)
		}
	})
	it("removes what a killed process has left", func() {
		dead := filepath.Join(f.Dir, ".unfinished-dead")
		must(t, os.MkdirAll(filepath.Join(dead, "x"), 0o755))
		must(t, os.Chtimes(dead, long(), long()))
		fetched(t, f, save(t, "one.tgz", gz(t, one.tar(t))), is)
		if left := leftovers(t, f); len(left) > 0 {
			t.Error("left behind:", left)
		}
	})
	it("lets everybody read and execute what the owner may", func() {
		data := one.tar(t, tar.Header{Name: "bin", Typeflag: tar.TypeDir, Mode: 0o700}, tar.Header{Name: "bin/helper", Typeflag: tar.TypeReg, Mode: 0o700})
		p := fetched(t, f, save(t, "one.tar", data), is)
		for _, name := range []string{"bin", "bin/helper"} {
			if info, err := os.Stat(filepath.Join(p.Buildpacks[0].Dir, name)); err != nil || info.Mode().Perm() != 0o755 {
				t.Error(name, info, err)
			}
		}
	})
	it("takes the members of a composite from its own archive", func() {
		all := composite("test/all", []string{"test/one"}, "../one").below("all").and(one.below("one"), files{
			"buildpack.toml": composite("test/top", []string{"test/all"})["buildpack.toml"],
			"package.toml":   "[[dependencies]]\nuri = \"all\"\n",
		})
		fetched(t, f, save(t, "all.tgz", gz(t, all.tar(t))), "test/top@1.0.0: [test/all@1.0.0] [test/top@1.0.0] test/one@1.0.0")
	})
	it("does not let an archive name files of this machine", func() {
		outside := one.write(t, t.TempDir())
		for _, uri := range []string{outside, "../../../..", "oci:" + outside, "file://" + outside, "git+file://" + outside, "link/x", "."} {
			all := composite("test/all", []string{"test/one"}, uri)
			data := gz(t, all.tar(t, tar.Header{Name: "link", Typeflag: tar.TypeSymlink, Linkname: filepath.Dir(outside)}))
			refused(t, fetcher(t), save(t, "all.tgz", data), "package.toml")
		}
	})

	when("what is in it is bad", func() {
		for name, c := range map[string]struct {
			data func() []byte
			want string
		}{
			"a path that leads out": {func() []byte { return one.tar(t, tar.Header{Name: "../x", Typeflag: tar.TypeReg}) }, `".."`},
			"a file below a link": {func() []byte {
				return one.tar(t, tar.Header{Name: "l", Typeflag: tar.TypeSymlink, Linkname: "/tmp"}, tar.Header{Name: "l/x", Typeflag: tar.TypeReg})
			}, "it lies below l"},
			"a hard link that leads out": {func() []byte {
				return one.tar(t, tar.Header{Name: "l", Typeflag: tar.TypeLink, Linkname: "/etc/passwd"})
			}, "hard link"},
			"a device": {func() []byte {
				return one.tar(t, tar.Header{Name: "null", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3})
			}, "device"},
			"a descriptor that is a link": {func() []byte {
				return files{"x": ""}.tar(t, tar.Header{Name: "buildpack.toml", Typeflag: tar.TypeSymlink, Linkname: "/etc/hostname"})
			}, "buildpack.toml"},
			"half of it":           {func() []byte { return gz(t, one.tar(t))[:200] }, "unexpected EOF"},
			"nothing":              {func() []byte { return nil }, "it is no archive"},
			"no files":             {func() []byte { return gz(t, files{}.tar(t)) }, "it is empty"},
			"something else":       {func() []byte { return bytes.Repeat([]byte("lorem ipsum "), 1000) }, "tar"},
			"a web page":           {func() []byte { return []byte("<!DOCTYPE html><html></html>") }, "it is a web page"},
			"a classic one":        {func() []byte { return gz(t, files{"x-main/bin/compile": ""}.tar(t)) }, "classic buildpack without bin/detect"},
			"no buildpack":         {func() []byte { return gz(t, files{"a": "", "b": ""}.tar(t)) }, "has neither buildpack.toml"},
			"a broken one":         {func() []byte { return gz(t, files{"buildpack.toml": "x = ["}.tar(t)) }, "buildpack.toml: line 1"},
			"a link in a zip":      {func() []byte { return zipped(t, files{"l/x": ""}, 3, map[string]string{"l": "/tmp"}) }, "l"},
			"a zip that leads out": {func() []byte { return zipped(t, files{"../x": ""}, 3, nil) }, `".."`},
			"a zip cut short":      {func() []byte { return zipped(t, one, 3, nil)[:100] }, "zip"},
		} {
			it("refuses "+name, func() {
				f := fetcher(t)
				refused(t, f, save(t, "bad.tgz", c.data()), c.want)
				kept, err := filepath.Glob(filepath.Join(f.Dir, "*"))
				must(t, err)
				if left := append(leftovers(t, f), kept...); len(left) > 0 {
					t.Error("left behind:", left)
				}
			})
		}
		it("refuses bombs", func() {
			many := make([]tar.Header, 2000)
			for i := range many {
				many[i] = tar.Header{Name: strings.Repeat("d/", i%50) + "x", Typeflag: tar.TypeReg}
			}
			for want, data := range map[string][]byte{
				"more than 1000 entries": gz(t, one.tar(t, many...)),
				"a file of 10485760":     gz(t, one.tar(t, tar.Header{Name: "big", Typeflag: tar.TypeReg, Size: 10 << 20})),
				"a file of 10485761":     zipped(t, files{"big": strings.Repeat("x", 10<<20+1)}, 3, nil),
			} {
				f := fetcher(t)
				f.Limits = untar.Limits{Entries: 1000, FileBytes: 1 << 20}
				refused(t, f, save(t, "bomb", data), want)
			}
			var list bytes.Buffer
			w := zip.NewWriter(&list)
			for i := range 50_000 {
				_, err := w.CreateRaw(&zip.FileHeader{Name: fmt.Sprintf("a/file/with/a/name/of/some/length/%d", i)})
				must(t, err)
			}
			must(t, w.Close())
			f := fetcher(t)
			f.Limits = untar.Limits{Entries: 1000}
			refused(t, f, save(t, "bomb.zip", list.Bytes()), "the list of its files is too long")
		})
	})
}

// git runs the machine's git in a directory.
func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), "git", append([]string{"-C", dir, "-c", "user.name=n", "-c", "user.email=e@example.com", "-c", "commit.gpgsign=false"}, args...)...)
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "GIT_CONFIG_NOSYSTEM=1"}
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func testRepositories(t *testing.T, _ spec.G, it spec.S) {
	const is = "test/one@1.0.0: test/one@1.0.0"
	var (
		f             fetch.Fetcher
		dir           string
		first, second string
		tag           string
	)
	it.Before(func() {
		f = fetcher(t)
		dir = component("test/one", "1.0.0").and(files{"ignored": "x", ".gitattributes": "ignored export-ignore\n"}).write(t, filepath.Join(t.TempDir(), "work"))
		git(t, dir, "init", "--quiet", "-b", "main")
		git(t, dir, "add", ".")
		git(t, dir, "commit", "--quiet", "-m", "first")
		first = git(t, dir, "rev-parse", "HEAD")
		git(t, dir, "tag", "-a", "-m", "tag", "v1")
		tag = git(t, dir, "rev-parse", "v1")
		component("test/one", "2.0.0").write(t, dir)
		git(t, dir, "commit", "--quiet", "-a", "-m", "second")
		second = git(t, dir, "rev-parse", "HEAD")
		git(t, dir, "branch", "feature/x", first)
	})

	it("fetches a branch, a tag or a commit", func() {
		for ref, want := range map[string]string{
			"git+file://" + dir: second, "file://" + dir + "#main": second, dir + "/.git": second, dir + "/.git#v1": first, dir + "#feature/x": first,
			dir + "#" + first: first, dir + "#" + first[:10]: first, dir + "#" + tag: first, dir + "#HEAD": second, "file://" + dir + "#refs/tags/v1": first,
		} {
			p, err := f.Fetch(t.Context(), ref)
			if err != nil || p.Digest != "git:"+want {
				t.Errorf("%s: got %s, %v; expected %s", ref, p.Digest, err, want)
			}
		}
	})
	it("takes the tree as git has it, and no repository", func() {
		p := fetched(t, f, "file://"+dir+"#v1", is)
		for name, there := range map[string]bool{"ignored": true, ".gitattributes": true, ".git": false} {
			if _, err := os.Stat(filepath.Join(p.Buildpacks[0].Dir, name)); (err == nil) != there {
				t.Errorf("%s: %v", name, err)
			}
		}
		info, err := os.Stat(filepath.Join(p.Buildpacks[0].Dir, "bin/build"))
		if err != nil || info.Mode().Perm() != 0o755 {
			t.Error(info, err)
		}
	})
	it("takes a bare repository", func() {
		bare := filepath.Join(t.TempDir(), "bare")
		git(t, dir, "clone", "--quiet", "--bare", dir, bare)
		fetched(t, f, bare+"#v1", is)
	})
	it("does not run git again for a commit that is kept", func() {
		fetched(t, f, dir+"#"+first, is)
		f.Runner = nil
		fetched(t, f, "git+https://example.com/anything#"+first, is)
	})
	it("says what is wrong", func() {
		for ref, want := range map[string]string{
			dir + "#nothing":            `no branch and no tag "nothing"`,
			dir + "#deadbeefdeadbeef":   "no commit deadbeef",
			"git+file:///no/such":       "no git repository",
			"git+file://" + t.TempDir(): "no git repository",
		} {
			refused(t, f, ref, want)
		}
		empty := t.TempDir()
		git(t, empty, "init", "--quiet")
		refused(t, f, empty+"/.git", "is empty")
		f.Runner = nil
		refused(t, f, dir+"/.git", "nothing to run git with")
		f.Offline = true
		refused(t, f, "git@example.com:a/b#main", "was never fetched")
	})
	it("does not reach what is not there", func() {
		err := refusal(t, f, "git://127.0.0.1:1/x", "git: ")
		if !err.Temporary() {
			t.Error("it is not temporary:", err)
		}
	})
	it("refuses pointers of Git LFS", func() {
		must(t, os.WriteFile(filepath.Join(dir, "large.bin"), []byte("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"), 0o644))
		git(t, dir, "add", ".")
		git(t, dir, "commit", "--quiet", "-m", "large")
		refused(t, f, dir+"/.git", "large.bin is a pointer of Git LFS")
	})
	it("runs nothing of the repository", func() {
		mark := filepath.Join(t.TempDir(), "mark")
		hook := "#!/bin/sh\ntouch " + mark + "\n"
		must(t, os.WriteFile(filepath.Join(dir, ".git/hooks/post-checkout"), []byte(hook), 0o755))
		must(t, os.WriteFile(filepath.Join(dir, ".gitattributes"), []byte("* filter=evil\n"), 0o644))
		git(t, dir, "config", "filter.evil.smudge", "touch "+mark)
		git(t, dir, "config", "uploadpack.packObjectsHook", hook)
		git(t, dir, "add", ".")
		git(t, dir, "commit", "--quiet", "-m", "evil")
		fetched(t, f, dir+"/.git", "test/one@2.0.0: test/one@2.0.0")
		if _, err := os.Stat(mark); err == nil {
			t.Error("a program of the repository ran")
		}
	})
	it("says that there is no git", func() {
		f.Runner = without{f.Runner}
		refused(t, f, dir+"/.git", "there is no git on this machine")
	})
}

// without is the runner of a machine that lacks the program.
type without struct{ sandbox.Runner }

func (w without) Run(ctx context.Context, c sandbox.Command) error {
	c.Args = append([]string{"no-such-program"}, c.Args[1:]...)
	return w.Runner.Run(ctx, c)
}

// long is long ago.
func long() time.Time { return time.Now().Add(-time.Hour) }
