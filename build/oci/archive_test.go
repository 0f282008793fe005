package oci_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sclevine/spec"

	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/build/oci/ocitest"
)

// untar unpacks an archive of files and directories.
func untar(t *testing.T, file, dir string) {
	t.Helper()
	f, err := os.Open(file)
	must(t, err)
	defer func() { must(t, f.Close()) }()
	root, err := os.OpenRoot(dir)
	must(t, err)
	defer func() { must(t, root.Close()) }()
	for r := tar.NewReader(f); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		must(t, err)
		if header.Typeflag == tar.TypeDir {
			must(t, root.MkdirAll(header.Name, 0o755))
			continue
		}
		data, err := io.ReadAll(r)
		must(t, err)
		must(t, root.WriteFile(header.Name, data, 0o644))
	}
}

func TestArchive(t *testing.T) {
	spec.Run(t, "Archive", func(t *testing.T, _ spec.G, it spec.S) {
		var file string
		it.Before(func() { file = filepath.Join(t.TempDir(), "image.tar") })

		it("is a layout as other tools read it", func() {
			image := anImage(t)
			made, err := oci.Archive{File: file, Tag: "v1"}.Export(t.Context(), image)
			must(t, err)
			dir := t.TempDir()
			untar(t, file, dir)
			read := pulled(t, dir, "v1")
			ocitest.Valid(t, read)
			checkBlobs(t, dir)
			if want := ocitest.DigestOf(t, image); ocitest.DigestOf(t, read) != want || made.Digest != want || made.Kind != "oci-archive" || made.Ref != file+":v1" {
				t.Errorf("returned %+v, want the digest %s", made, want)
			}
		})

		it("is the same file for the same image", func() {
			var files [2][]byte
			for i := range files {
				_, err := oci.Archive{File: file}.Export(t.Context(), anImage(t))
				must(t, err)
				files[i], err = os.ReadFile(file)
				must(t, err)
			}
			if !bytes.Equal(files[0], files[1]) {
				t.Error("the files differ")
			}
		})

		it("leaves the old archive when it fails", func() {
			must(t, os.WriteFile(file, []byte("old"), 0o644))
			_, err := oci.Archive{File: file}.Export(t.Context(), withBroken(t, anImage(t), errors.New("the disk is on fire")))
			if err == nil || !strings.Contains(err.Error(), "oci-archive:"+file) || !strings.Contains(err.Error(), "on fire") {
				t.Errorf("got the error %v", err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			_, err = oci.Archive{File: file, Progress: func(int64, int64) { cancel() }}.Export(ctx, anImage(t))
			if !errors.Is(err, context.Canceled) {
				t.Errorf("got the error %v", err)
			}
			if data, err := os.ReadFile(file); err != nil || string(data) != "old" {
				t.Errorf("the file holds %q: %v", data, err)
			}
			if left := state(t, filepath.Dir(file)); len(left) != 1 {
				t.Errorf("there is more than the file: %v", left)
			}
		})

		it("fails where there is no directory", func() {
			_, err := oci.Archive{File: filepath.Join(t.TempDir(), "none", "x.tar")}.Export(t.Context(), anImage(t))
			if !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("got the error %v", err)
			}
		})
	})
}
