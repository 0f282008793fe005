//go:build acceptance

package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/slugc/slugc/build/lifecycle/extend"
	"github.com/slugc/slugc/build/lifecycle/files"
	"github.com/slugc/slugc/build/lifecycle/platform"
)

// TestReferenceExtended compares what exporters make of an extended run image, with
// layers as kaniko writes them.
func TestReferenceExtended(t *testing.T) {
	for _, c := range []struct {
		name, api, mode string
		extend, there   bool
	}{
		{"extended", "0.14", "", true, true},
		{"an experiment", "0.12", "warn", true, true},
		{"an experiment that nobody wants", "0.12", "", true, true},
		{"before there was one", "0.11", "warn", true, true},
		{"layers without a config", "0.13", "", false, true},
		{"none", "0.13", "", true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBuilder(t)
			b.fresh("cache")
			b.phases(c.api, "app", five[:4]...)
			if c.there {
				b.extendRun()
			}
			analyzed, err := files.ReadAnalyzed(b.at("layers/analyzed.toml"), &platform.Log{})
			must(t, err)
			analyzed.RunImage.Extend = c.extend
			must(t, files.WriteAnalyzed(b.at("layers/analyzed.toml"), analyzed))
			must(t, os.Chmod(b.at("layers/analyzed.toml"), 0o644))
			seen := map[string]map[string]string{}
			both(t, func(program string, by func(*exec.Cmd) *exec.Cmd) {
				b.fresh("cache")
				command := by(b.command(c.api, "exporter", b.arguments("exporter", b.host+"/app")...))
				command.Env = append(command.Env, "CNB_EXPERIMENTAL_MODE="+c.mode)
				code, out := ended(t, command)
				seen[program] = map[string]string{"code": fmt.Sprint(code), "experiment": fmt.Sprint(strings.Contains(out, "experimental feature 'Dockerfiles'"))}
				if code != 0 {
					return
				}
				image, err := remote.Image(b.tag("app"))
				must(t, err)
				config, err := image.ConfigFile()
				must(t, err)
				// It has the version of the launcher, and a base without PATH gets one.
				delete(config.Config.Labels, "io.buildpacks.build.metadata")
				config.Config.Env = slices.DeleteFunc(config.Config.Env, func(word string) bool { return strings.HasPrefix(word, "PATH=") })
				seen[program]["config"] = strings.ReplaceAll(fmt.Sprintf("%+v\n%v", config, config.Config.Labels), " ", "\n")
				must(t, remote.Delete(b.tag("app")))
			})
			if diff := cmp.Diff(seen["reference"], seen["ours"]); diff != "" {
				t.Errorf("(-reference +ours):\n%s", diff)
			}
			if got := seen["ours"]["config"]; c.extend && c.there && got != "" && c.api != "0.11" && !strings.Contains(got, "EXTENDED=yes") {
				t.Errorf("the image is not extended:\n%s", got)
			}
		})
	}
}

// extendRun makes the run image of a build an extended one.
func (b builder) extendRun() {
	b.t.Helper()
	base, err := remote.Image(b.tag("run"))
	must(b.t, err)
	temp := b.t.TempDir()
	var adds []mutate.Addendum
	var made []string
	for i, headers := range [][]tar.Header{
		{
			{Name: "etc/", Typeflag: tar.TypeDir, Mode: 0o755, Uname: "root", Gname: "root", ModTime: time.Now()},
			{Name: "etc/greeting", Typeflag: tar.TypeReg, Mode: 0o640, Uid: 5, Gid: 6, Uname: "games", Size: 2, ModTime: time.Unix(1700000000, 123456789), Format: tar.FormatPAX,
				PAXRecords: map[string]string{"SCHILY.xattr.security.capability": "\x01\x00"}},
			{Name: "etc/again", Typeflag: tar.TypeLink, Linkname: "etc/greeting"},
			{Name: "etc/link", Typeflag: tar.TypeSymlink, Linkname: "greeting", Mode: 0o777},
		},
		{{Name: "etc/.wh.gone", Typeflag: tar.TypeReg}, {Name: "/abs/" + strings.Repeat("long/", 40), Typeflag: tar.TypeDir, Mode: 0o1777}},
	} {
		var content bytes.Buffer
		zip := gzip.NewWriter(&content)
		archive := tar.NewWriter(zip)
		for _, h := range headers {
			must(b.t, archive.WriteHeader(&h))
			_, err := archive.Write(make([]byte, h.Size))
			must(b.t, err)
		}
		must(b.t, archive.Close())
		must(b.t, zip.Close())
		file := filepath.Join(temp, fmt.Sprint(i))
		must(b.t, os.WriteFile(file, content.Bytes(), 0o644))
		layer, err := tarball.LayerFromFile(file)
		must(b.t, err)
		digest, err := layer.Digest()
		must(b.t, err)
		named := filepath.Join(temp, digest.Hex)
		must(b.t, os.Rename(file, named))
		layer, err = tarball.LayerFromFile(named)
		must(b.t, err)
		made = append(made, named)
		adds = append(adds, mutate.Addendum{Layer: layer, History: v1.History{CreatedBy: fmt.Sprintf("Layer: 'RUN number %d', Created by extension: test/ext", i)}})
	}
	image, err := mutate.Append(base, adds...)
	must(b.t, err)
	config, err := image.ConfigFile()
	must(b.t, err)
	config = config.DeepCopy()
	config.Config.Env = append(config.Config.Env, "EXTENDED=yes")
	config.Config.User = "1001:1002"
	config.Config.Labels = map[string]string{"io.buildpacks.rebasable": "true", "own": "label"}
	image, err = mutate.ConfigFile(image, config)
	must(b.t, err)
	must(b.t, extend.Extended{Dir: b.at("layers/extended/run")}.Write(image, made))
	uid, gid := owner()
	must(b.t, filepath.WalkDir(b.at("layers/extended"), func(path string, _ fs.DirEntry, err error) error {
		must(b.t, err)
		return os.Chown(path, uid, gid)
	}))
}
