//go:build acceptance

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"golang.org/x/sys/unix"
)

// TestFullDisk has the disk of a phase full in the middle of what it writes: it says
// so, and nothing half-written is there under a name that others know.
func TestFullDisk(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("mounting needs root")
	}
	const big = 4 << 20
	for _, c := range []struct {
		name, phase string
		// disk is the directory that takes size bytes more.
		disk string
		size int
		// prepare is called before the phases before it.
		prepare func(builder)
		args    []string
		code    int
		// files are not there afterwards.
		files []string
	}{
		{name: "its file", phase: "analyzer", disk: "layers", code: 1, files: []string{"layers/analyzed.toml"}},
		{name: "its files", phase: "detector", disk: "layers", code: 1, files: []string{"layers/group.toml", "layers/plan.toml"}},
		{
			name: "a layer", phase: "restorer", disk: "layers", size: 1 << 20, code: 42, files: []string{"layers/test_hello/big"},
			prepare: func(b builder) {
				build := b.at("buildpacks/test_hello/1.0.0/bin/build")
				must(b.t, os.WriteFile(build, []byte(fmt.Sprintf("#!/bin/bash\nmkdir \"$1/big\"\nhead -c %d /dev/urandom >\"$1/big/file\"\necho -e '[types]\\ncache = true' >\"$1/big.toml\"\n", big)), 0o755))
				b.phases("0.15", "before", five...)
			},
		},
		{name: "its file", phase: "builder", disk: "layers", size: 64 << 10, code: 52, files: []string{"layers/config/metadata.toml"}, prepare: func(b builder) {
			build := b.at("buildpacks/test_hello/1.0.0/bin/build")
			must(b.t, os.WriteFile(build, []byte("#!/bin/bash\ncat /dev/zero >\"$1/filler\" 2>/dev/null || true\n"), 0o755))
		}},
		{name: "layers in the making", phase: "exporter", disk: "tmp", size: 1 << 20, args: []string{"-cache-dir", ""}, code: 62, files: []string{"layers/report.toml"}},
		{name: "layers in the making", phase: "creator", disk: "tmp", size: 1 << 20, args: []string{"-cache-dir", ""}, code: 62, files: []string{"layers/report.toml"}},
		{
			name: "the layout", phase: "creator", disk: "layout", size: 1 << 20, args: []string{"-layout", "-layout-dir", "LAYOUT", "-cache-dir", ""}, code: 62,
			files: []string{"layers/report.toml", "layout/HOST/app/latest/index.json"},
		},
	} {
		t.Run(c.phase+" with "+c.name, func(t *testing.T) {
			b := newBuilder(t)
			b.fresh("layers", "tmp", "cache", "layout")
			noise, err := os.Open("/dev/urandom")
			must(t, err)
			defer noise.Close()
			random := make([]byte, big)
			_, err = noise.Read(random)
			must(t, err)
			b.write("app/big", string(random))
			if c.prepare != nil {
				c.prepare(b)
			}
			b.phases("0.15", "app", five[:max(0, slices.Index(five, c.phase))]...)
			b.toLayout("run")
			b.full(c.disk, c.size)
			args := b.arguments(c.phase, b.host+"/app")
			at := b.options(c.phase)
			for _, arg := range c.args {
				args = slices.Insert(args, at, strings.ReplaceAll(arg, "LAYOUT", b.at("layout")))
				at++
			}
			command := b.command("0.15", c.phase, args...)
			command.Env = append(command.Env, "CNB_EXPERIMENTAL_MODE=warn")
			code, out := ended(t, command)
			if code != c.code || !strings.Contains(out, "no space left on device") {
				t.Errorf("it ended with %d, expected %d\n%s", code, c.code, out)
			}
			for _, file := range c.files {
				if _, err := os.Lstat(b.at(strings.ReplaceAll(file, "HOST", b.host))); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("there is a %s", file)
				}
			}
			left, err := os.ReadDir(b.at("tmp"))
			left = slices.DeleteFunc(left, func(entry fs.DirEntry) bool { return entry.Name() == filler })
			if err != nil || len(left) > 0 {
				t.Errorf("left over: %v, %v", left, err)
			}
			if _, err := remote.Head(b.tag("app")); err == nil {
				t.Error("there is an image")
			}
		})
	}
}

// filler is the name of a file that fills a disk.
const filler = "filler"

// full makes a directory, with what is in it, one that takes size bytes more.
func (b builder) full(dir string, size int) {
	b.t.Helper()
	before := b.t.TempDir()
	must(b.t, os.CopyFS(before, os.DirFS(b.at(dir))))
	must(b.t, unix.Mount("tmpfs", b.at(dir), "tmpfs", 0, "mode=0755,size=16m"))
	b.t.Cleanup(func() { must(b.t, unix.Unmount(b.at(dir), unix.MNT_DETACH)) })
	must(b.t, os.CopyFS(b.at(dir), os.DirFS(before)))
	uid, gid := owner()
	must(b.t, filepath.WalkDir(b.at(dir), func(path string, _ fs.DirEntry, err error) error {
		return errors.Join(err, os.Lchown(path, uid, gid))
	}))
	var now unix.Statfs_t
	must(b.t, unix.Statfs(b.at(dir), &now))
	free := int64(now.Bfree)*now.Bsize - int64(size)
	must(b.t, os.WriteFile(filepath.Join(b.at(dir), filler), make([]byte, free), 0o600))
}

// toLayout puts an image of the registry into the layout directory.
func (b builder) toLayout(image string) {
	b.t.Helper()
	found, err := remote.Image(b.tag(image))
	must(b.t, err)
	path, err := layout.Write(filepath.Join(b.at("layout"), b.host, image, "latest"), empty.Index)
	must(b.t, err)
	must(b.t, path.AppendImage(found))
}
