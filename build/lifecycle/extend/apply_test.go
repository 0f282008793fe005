package extend_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/lifecycle/extend"
	"github.com/slugc/slugc/stack/sandbox"
)

// TestApplier applies Dockerfiles to a directory of this machine, as root.
func TestApplier(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("files for several users need root")
	}
	spec.Run(t, "Applier", testApplier)
}

func testApplier(t *testing.T, _ spec.G, it spec.S) {
	var (
		root    string
		said    bytes.Buffer
		changed []string
		applier extend.Applier
	)
	it.Before(func() {
		root = t.TempDir()
		// The directory above it is that of the test, and closed to others.
		must(t, os.Chmod(filepath.Dir(root), 0o755))
		applier = extend.Applier{Kind: extend.Run, Context: t.TempDir(), Out: &said, Changed: func(_ context.Context, i extend.Instruction, _ extend.Key) error {
			changed = append(changed, i.Name)
			return nil
		}}
	})
	apply := func(config v1.Config, lines ...string) (v1.Config, error) {
		t.Helper()
		text := strings.ReplaceAll("ARG base_image\nFROM ${base_image}\n"+strings.Join(lines, "\n"), "ROOT", root)
		d, err := extend.Parse([]byte(text))
		must(t, err)
		got, _, err := applier.Apply(t.Context(), d, config)
		return got, err
	}
	put := func(name, text string, mode fs.FileMode) {
		t.Helper()
		file := filepath.Join(applier.Context, name)
		must(t, os.MkdirAll(filepath.Dir(file), 0o755))
		must(t, os.WriteFile(file, []byte(text), 0o600))
		must(t, os.Chmod(file, mode))
	}

	it("changes the config, and leaves the one that it had alone", func() {
		applier.Args = []extend.Argument{{Name: "given", Value: "g"}, {Name: "user_id", Value: "7"}, {Name: "undeclared", Value: "u"}}
		before := v1.Config{Env: []string{"PATH=/usr/bin:/bin", "OLD=o"}, User: "1:2", Labels: map[string]string{"a": "1"}}
		got, err := apply(before,
			"ARG given=default other=${given}x", "ARG user_id", "ARG none",
			"ENV OLD=$OLD:new GIVEN=\"$given $other\" NONE=$none$undeclared", "ENV old form $given",
			"LABEL a=2 b=\"$OLD\"", "WORKDIR ROOT/made", "WORKDIR below", `SHELL ["/bin/sh", "-ec"]`, "USER ${user_id}:${none:-9}")
		must(t, err)
		want := v1.Config{
			Env: []string{"PATH=/usr/bin:/bin", "OLD=o:new", "GIVEN=g gx", "NONE=", "old=form g"}, User: "7:9",
			Labels: map[string]string{"a": "2", "b": "o:new"}, WorkingDir: root + "/made/below", Shell: []string{"/bin/sh", "-ec"},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("config (-expected +got):\n%s", diff)
		}
		if before.Labels["a"] != "1" || before.Env[1] != "OLD=o" {
			t.Errorf("the config before: %+v", before)
		}
		if got := look(t, root, "made", "made/below"); got != "made 755 1:2\nmade/below 755 1:2\n" {
			t.Errorf("working directories:\n%s", got)
		}
	})

	it("runs commands as the user, with arguments and variables and nothing else", func() {
		t.Setenv("SECRET", "s")
		applier.Env = map[string]string{"HTTP_PROXY": "p", "OWN": "weak"}
		config, err := apply(v1.Config{Env: []string{"OWN=o"}},
			"ARG declared=d", "RUN env | sort | grep -v -e PWD -e SHLVL -e _=; id -u; pwd", `RUN ["echo", "$declared"]`,
			"USER 65534:12", "WORKDIR /tmp", "RUN id -u; id -g; id -G; pwd", `SHELL ["/bin/bash", "-c"]`, "RUN [[ $declared == d ]] && echo bash")
		must(t, err)
		if want := "HOME=/root\nHTTP_PROXY=p\nOWN=o\nPATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\ndeclared=d\n0\n/\n$declared\n65534\n12\n12\n/tmp\nbash\n"; said.String() != want {
			t.Errorf("commands say (-expected +got):\n%s", cmp.Diff(want, said.String()))
		}
		if config.Env[0] != "OWN=o" || len(config.Env) != 1 {
			t.Errorf("variables of the image: %v", config.Env)
		}
		if diff := cmp.Diff([]string{"RUN", "RUN", "RUN", "RUN"}, changed); diff != "" {
			t.Errorf("what may have changed files:\n%s", diff)
		}
	})

	it("copies files and what is in directories", func() {
		put("a.txt", "a", 0o640)
		put("b.txt", "b", 0o755)
		put("dir/deep/c", "c", fs.ModeSetuid|0o711)
		put("dir/d", "d", 0o644)
		must(t, os.Symlink("d", filepath.Join(applier.Context, "dir/link")))
		_, err := apply(v1.Config{WorkingDir: root},
			"COPY a.txt one", "COPY --chown=1:2 *.txt many/", "COPY --chown=3 --chmod=1700 /dir ./tree", `COPY ["a.txt", "ROOT/tree"]`, "ADD ./dir/../a.txt tree/d",
			"COPY dir/deep .")
		must(t, err)
		want := "one 640 0:0 a\nmany 755 1:2\nmany/a.txt 640 1:2 a\nmany/b.txt 755 1:2 b\ntree 755 3:3\ntree/deep 1700 3:3\ntree/deep/c 1700 3:3 c\ntree/d 640 0:0 a\ntree/link 3:3 -> d\ntree/a.txt 640 0:0 a\nc 4711 0:0 c\n"
		if got := look(t, root, "one", "many", "many/a.txt", "many/b.txt", "tree", "tree/deep", "tree/deep/c", "tree/d", "tree/link", "tree/a.txt", "c"); got != want {
			t.Errorf("copies (-expected +got):\n%s", cmp.Diff(want, got))
		}
	})

	it("copies nothing from outside of the context", func() {
		secret := filepath.Join(t.TempDir(), "secret")
		must(t, os.WriteFile(secret, []byte("s"), 0o600))
		must(t, os.Symlink(secret, filepath.Join(applier.Context, "link")))
		must(t, os.Symlink("..", filepath.Join(applier.Context, "up")))
		for _, from := range []string{"../" + filepath.Base(applier.Context), "link", "up", "li*", secret} {
			if _, err := apply(v1.Config{}, "COPY "+from+" ROOT/x"); err == nil {
				t.Errorf("%s: copied", from)
			}
		}
	})

	it("says what it does not do, before it does anything", func() {
		put("archive.tgz", "\x1f\x8b", 0o644)
		for line, what := range map[string]string{
			"CMD x": "CMD", "EXPOSE 80": "EXPOSE", "COPY --from=x a b": "COPY --from", "RUN --mount=type=cache x": "RUN --mount",
			"RUN <<A\nA": "RUN <<", "COPY --exclude=x a b": "COPY --exclude", "ONBUILD RUN x": "ONBUILD",
		} {
			_, err := apply(v1.Config{}, "RUN echo done", line)
			want := fmt.Sprintf("run.Dockerfile command %s on line 4 is not supported by this lifecycle", what)
			unsupported, ok := errors.AsType[*extend.UnsupportedError](err)
			if !ok || unsupported.Error() != want || said.Len() > 0 {
				t.Errorf("%s: %v, expected %s; it said %q", line, err, want, &said)
			}
		}
		for line, what := range map[string]string{"ADD https://example.com/x /x": "ADD of https://example.com/x", "ADD archive.tgz /x": "ADD of the archive archive.tgz"} {
			_, err := apply(v1.Config{}, line)
			if unsupported, ok := errors.AsType[*extend.UnsupportedError](err); !ok || unsupported.What != what {
				t.Errorf("%s: %v", line, err)
			}
		}
	})

	it("says which line failed, and why", func() {
		put("a", "a", 0o644)
		put("b", "b", 0o644)
		for line, want := range map[string]string{
			"RUN echo first; exit 3":    "run.Dockerfile, line 3: RUN echo first; exit 3: exit status 3",
			"RUN [\"none\"]":            "none: not found",
			"RUN":                       "there is no command",
			"USER nobody-at-all\nRUN x": "run.Dockerfile, line 4: RUN x: there is no user nobody-at-all",
			"USER 1:none\nRUN x":        "there is no group none",
			"COPY none /x":              "no such file",
			"COPY n* /x":                "matches n*",
			"COPY a b /x":               "expected a directory that ends with /",
			"COPY --chmod=rwx a /x":     "expected an octal number",
			"COPY --chown=none a /x":    "there is no user none",
			"COPY a /dev/null/x":        "is not a directory",
			"ENV a=${b":                 "expected }",
		} {
			_, err := apply(v1.Config{}, line)
			if _, ok := errors.AsType[*extend.InstructionError](err); !ok || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, expected %q", line, err, want)
			}
		}
	})

	it("ends what runs when nobody waits any more", func() {
		ctx, cancel := context.WithCancelCause(t.Context())
		applier.Out = writer(func() { cancel(errors.New("enough")) })
		d, err := extend.Parse([]byte("FROM x\nRUN echo started; sleep 1000"))
		must(t, err)
		if _, _, err := applier.Apply(ctx, d, v1.Config{}); err == nil || !strings.Contains(err.Error(), "enough") {
			t.Errorf("got %v", err)
		}
	})

	it("makes layers of what instructions change", func() {
		must(t, os.MkdirAll(filepath.Join(root, "old/below/deeper"), 0o750))
		must(t, os.WriteFile(filepath.Join(root, "old/below/gone"), nil, 0o644))
		must(t, os.WriteFile(filepath.Join(root, "old/stays"), []byte("stays"), 0o644))
		must(t, os.WriteFile(filepath.Join(root, "old/swapped"), nil, 0o644))
		must(t, os.Mkdir(filepath.Join(root, "ignored"), 0o755))
		ignored := []string{filepath.Join(root, "ignored")}
		before, err := extend.Take(t.Context(), root, ignored)
		must(t, err)
		var layers []string
		temp := t.TempDir()
		applier.Changed = func(ctx context.Context, _ extend.Instruction, _ extend.Key) error {
			after, err := extend.Take(ctx, root, ignored)
			must(t, err)
			layer, changed, err := after.Layer(ctx, root, before, temp)
			must(t, err)
			before = after
			if !changed {
				layers = append(layers, "nothing")
				return nil
			}
			layers = append(layers, entries(t, layer.File))
			return nil
		}
		_, err = apply(v1.Config{WorkingDir: root},
			"RUN touch ignored/x",
			"RUN rm old/below/gone && rmdir old/below/deeper && chmod 700 old/below",
			"RUN rm -r old/below && rm old/swapped && mkdir old/swapped && touch old/swapped/in",
			"RUN echo 1 > file && ln file second && ln -s file link && chown -h 1:2 link file && mkfifo pipe",
			"RUN sed -i s/stays/STAYS/ old/stays && mkdir dir && touch dir/x && rm dir/x && chown 5 dir")
		must(t, err)
		want := []string{
			"nothing",
			"old/ 750 0:0\nold/below/ 700 0:0\nold/below/.wh.deeper\nold/below/.wh.gone\n",
			"old/ 750 0:0\nold/.wh.below\nold/swapped/ 755 0:0\nold/swapped/in 644 0:0\n",
			"file 644 1:2 1\nlink 777 1:2 -> file\npipe 644 0:0\nsecond 644 1:2 = file\n",
			"dir/ 755 5:0\nold/ 750 0:0\nold/stays 644 0:0 STAYS\n",
		}
		if diff := cmp.Diff(want, layers); diff != "" {
			t.Errorf("layers (-expected +got):\n%s", diff)
		}
	})
}

// TestKept keeps layers, and does again what they are of.
func TestKept(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("files for several users need root")
	}
	spec.Run(t, "Kept", testKept)
}

func testKept(t *testing.T, _ spec.G, it spec.S) {
	var (
		root, temp string
		kept       extend.Kept
	)
	it.Before(func() {
		root, temp = t.TempDir(), t.TempDir()
		kept = extend.Store{Dir: t.TempDir()}.Kept(time.Hour)
	})
	// keys are those of instructions, by their text.
	keys := func(before extend.Key, config v1.Config, args []extend.Argument, lines ...string) map[string]extend.Key {
		t.Helper()
		d, err := extend.Parse([]byte("FROM x\n" + strings.Join(lines, "\n")))
		must(t, err)
		found := map[string]extend.Key{}
		applier := extend.Applier{Kind: extend.Run, Before: before, Args: args, Context: root, Skip: func(_ context.Context, i extend.Instruction, key extend.Key) (bool, error) {
			found[i.Text] = key
			return true, nil
		}}
		_, last, err := applier.Apply(t.Context(), d, config)
		must(t, err)
		found["last"] = last
		return found
	}
	// layer is one that a shell makes below the root.
	layer := func(script string) artifact.Segment {
		t.Helper()
		before, err := extend.Take(t.Context(), root, nil)
		must(t, err)
		must(t, sandbox.Direct{}.Run(t.Context(), sandbox.Command{Args: []string{"/bin/sh", "-ec", script}, Dir: root, Env: []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}}))
		after, err := extend.Take(t.Context(), root, nil)
		must(t, err)
		made, _, err := after.Layer(t.Context(), root, before, temp)
		must(t, err)
		return made
	}

	it("names what an instruction depends on", func() {
		must(t, os.WriteFile(filepath.Join(root, "file"), []byte("1"), 0o644))
		run := []string{"ARG a", "RUN x", "COPY file /y"}
		first := keys(extend.Key{}, v1.Config{}, nil, run...)
		if again := keys(extend.Key{}, v1.Config{}, []extend.Argument{{Name: "other", Value: "1"}}, run...); cmp.Diff(first, again) != "" {
			t.Error("the same instructions have other keys")
		}
		if first["RUN x"] == first["COPY file /y"] || first["last"] != first["COPY file /y"] {
			t.Error("two instructions have one key, or the last one is another")
		}
		must(t, os.WriteFile(filepath.Join(root, "file"), []byte("2"), 0o644))
		edited := keys(extend.Key{}, v1.Config{}, nil, run...)
		if edited["RUN x"] != first["RUN x"] || edited["COPY file /y"] == first["COPY file /y"] {
			t.Error("an edit of a file shows in the wrong key")
		}
		for what, other := range map[string]map[string]extend.Key{
			"another base":     keys(extend.NewKey("base"), v1.Config{}, nil, run...),
			"another argument": keys(extend.Key{}, v1.Config{}, []extend.Argument{{Name: "a", Value: "1"}}, run...),
			"another user":     keys(extend.Key{}, v1.Config{User: "1"}, nil, run...),
		} {
			if other["RUN x"] == first["RUN x"] {
				t.Errorf("%s has the same key", what)
			}
		}
	})

	it("does again what a layer is of", func() {
		prepare := "mkdir -p old/dir; touch old/gone old/dir/in old/file; ln -s x old/swapped"
		layer(prepare)
		made := layer("rm -r old/gone old/dir; rm old/swapped; mkdir -m 2750 old/swapped; echo 1 > old/file; chown 5:6 old/file; chmod 4711 old/file; " +
			"ln old/file hard; ln -s old/file soft; chown -h 7 soft; mkfifo -m 620 pipe; mknod null c 1 3; mkdir -p ignored/x")
		must(t, os.MkdirAll(filepath.Join(root, "ignored/x"), 0o755))
		state := func() string {
			t.Helper()
			after, err := extend.Take(t.Context(), root, nil)
			must(t, err)
			whole, _, err := after.Layer(t.Context(), root, nil, temp)
			must(t, err)
			return entries(t, whole.File)
		}
		want := strings.ReplaceAll(state(), "ignored/x/ 755 0:0\n", "")
		want = strings.ReplaceAll(want, "ignored/ 755 0:0\n", "")
		must(t, sandbox.Remove(root))
		must(t, os.Mkdir(root, 0o755))
		layer(prepare)
		must(t, extend.Unpack(t.Context(), root, made, []string{filepath.Join(root, "ignored")}))
		if diff := cmp.Diff(want, state()); diff != "" {
			t.Errorf("files (-made +unpacked):\n%s", diff)
		}
	})

	it("gives back what it was given, and nothing else", func() {
		key, none, missing := extend.NewKey("1"), extend.NewKey("2"), extend.NewKey("3")
		made := layer("echo 1 > file")
		must(t, kept.Add(key, made))
		must(t, kept.Add(none, artifact.Segment{}))
		found, ok, err := kept.Find(key, t.TempDir())
		if !ok || err != nil || found.DiffID != made.DiffID || found.Digest != made.Digest || found.Size != made.Size {
			t.Fatalf("found %+v, %v, %v, expected %+v", found, ok, err, made)
		}
		if got := entries(t, found.File); got != "file 644 0:0 1\n" {
			t.Errorf("the layer has\n%s", got)
		}
		if found, ok, err := kept.Find(none, t.TempDir()); !ok || err != nil || found.Digest != "" {
			t.Errorf("nothing: %+v, %v, %v", found, ok, err)
		}
		if _, ok, err := kept.Find(missing, t.TempDir()); ok || err != nil {
			t.Errorf("found what nobody kept: %v", err)
		}
		for _, file := range []string{key.String() + ".tgz", key.String()} {
			must(t, os.WriteFile(filepath.Join(kept.Dir, file), []byte("damaged"), 0o644))
			_, ok, err := kept.Find(key, t.TempDir())
			if _, damaged := errors.AsType[*extend.DamagedError](err); ok || !damaged {
				t.Errorf("a damaged %s: %v, %v", file, ok, err)
			}
		}
	})

	it("takes nothing that others may have written", func() {
		key := extend.NewKey("1")
		made := layer("echo 1 > file")
		record := filepath.Join(kept.Dir, key.String())
		for what, spoil := range map[string]func() error{
			"a record of a stranger":      func() error { return os.Chown(record, 1, 1) },
			"a record that all may write": func() error { return os.Chmod(record, 0o666) },
			"a layer of a stranger":       func() error { return os.Chown(record+".tgz", 1, 1) },
			"a directory of a stranger":   func() error { return os.Chown(kept.Dir, 1, 1) },
			"a link": func() error {
				return errors.Join(os.Remove(record), os.Symlink("/etc/passwd", record))
			},
			"an old record": func() error { return os.Chtimes(record, time.Time{}, time.Now().Add(-2*time.Hour)) },
			"a layer of another": func() error {
				return errors.Join(os.Rename(record+".tgz", record+".x"), os.Symlink("/etc/passwd", record+".tgz"))
			},
		} {
			must(t, os.RemoveAll(kept.Dir))
			must(t, kept.Add(key, made))
			must(t, spoil())
			if _, ok, err := kept.Find(key, t.TempDir()); ok || err != nil {
				t.Errorf("%s is taken, or %v", what, err)
			}
		}
		// What a stranger has makes way.
		must(t, os.WriteFile(filepath.Join(kept.Dir, "strange"), nil, 0o644))
		must(t, os.Chown(kept.Dir, 1, 1))
		must(t, kept.Add(key, made))
		_, err := os.Stat(filepath.Join(kept.Dir, "strange"))
		if _, ok, findErr := kept.Find(key, t.TempDir()); !ok || findErr != nil || !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("kept in the place of a stranger's: %v, %v, %v", ok, findErr, err)
		}
	})

	it("forgets what is old", func() {
		must(t, kept.Prune(t.Context()))
		must(t, kept.Add(extend.NewKey("1"), layer("echo 1 > file")))
		must(t, kept.Add(extend.NewKey("2"), layer("echo 2 > file")))
		for _, name := range []string{extend.NewKey("1").String(), extend.NewKey("1").String() + ".tgz"} {
			must(t, os.Chtimes(filepath.Join(kept.Dir, name), time.Time{}, time.Now().Add(-2*time.Hour)))
		}
		must(t, kept.Prune(t.Context()))
		left, err := os.ReadDir(kept.Dir)
		if _, ok, findErr := kept.Find(extend.NewKey("2"), t.TempDir()); !ok || findErr != nil || err != nil || len(left) != 2 {
			t.Errorf("left: %v, %v", left, err)
		}
	})
}

// writer calls a function when something is written.
type writer func()

// Write calls it.
func (w writer) Write(p []byte) (int, error) {
	w()
	return len(p), nil
}

// look tells mode, owner and content of files.
func look(t *testing.T, root string, names ...string) string {
	t.Helper()
	var out strings.Builder
	for _, name := range names {
		file := filepath.Join(root, name)
		info, err := os.Lstat(file)
		must(t, err)
		stat, ok := info.Sys().(*syscall.Stat_t)
		if !ok {
			t.Fatal("no owner")
		}
		owner := fmt.Sprintf("%d:%d", stat.Uid, stat.Gid)
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := os.Readlink(file)
			must(t, err)
			fmt.Fprintf(&out, "%s %s -> %s\n", name, owner, target)
		case info.IsDir():
			fmt.Fprintf(&out, "%s %o %s\n", name, stat.Mode&0o7777, owner)
		default:
			content, err := os.ReadFile(file)
			must(t, err)
			fmt.Fprintf(&out, "%s %o %s %s\n", name, stat.Mode&0o7777, owner, content)
		}
	}
	return out.String()
}

// entries tells what is in a layer.
func entries(t *testing.T, file string) string {
	t.Helper()
	f, err := os.Open(file)
	must(t, err)
	defer f.Close()
	content, err := gzip.NewReader(f)
	must(t, err)
	var out strings.Builder
	for archive := tar.NewReader(content); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return out.String()
		}
		must(t, err)
		if strings.Contains(h.Name, ".wh.") {
			fmt.Fprintln(&out, h.Name)
			continue
		}
		text, err := io.ReadAll(archive)
		must(t, err)
		fmt.Fprintf(&out, "%s %o %d:%d", h.Name, h.Mode, h.Uid, h.Gid)
		switch {
		case h.Typeflag == tar.TypeSymlink:
			fmt.Fprintf(&out, " -> %s", h.Linkname)
		case h.Typeflag == tar.TypeLink:
			fmt.Fprintf(&out, " = %s", h.Linkname)
		case len(text) > 0:
			fmt.Fprintf(&out, " %s", strings.TrimSpace(string(text)))
		}
		fmt.Fprintln(&out)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
