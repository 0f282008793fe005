package referencetest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"testing"
)

// Archive packs the lifecycle, with a launcher, as platforms take it into a builder.
func (l Lifecycle) Archive(t testing.TB, file, launcher string) {
	t.Helper()
	var packed bytes.Buffer
	compressed := gzip.NewWriter(&packed)
	archive := tar.NewWriter(compressed)
	add := func(h tar.Header, content []byte) {
		h.Mode, h.Size = 0o755, int64(len(content))
		if err := archive.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := archive.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	add(tar.Header{Name: "lifecycle.toml"}, []byte("[lifecycle]\nversion = \""+Version+"\"\n"+
		"[apis.buildpack]\nsupported = [\"0.10\", \"0.11\", \"0.12\"]\n[apis.platform]\nsupported = [\"0.15\"]\n"))
	for name, program := range map[string]string{"launcher": launcher, "lifecycle": filepath.Join(l.Dir, "lifecycle")} {
		content, err := os.ReadFile(program)
		if err != nil {
			t.Fatal(err)
		}
		add(tar.Header{Name: "lifecycle/" + name}, content)
	}
	for _, phase := range []string{"detector", "restorer", "analyzer", "builder", "exporter", "creator"} {
		add(tar.Header{Name: "lifecycle/" + phase, Typeflag: tar.TypeSymlink, Linkname: "lifecycle"}, nil)
	}
	for _, end := range []func() error{archive.Close, compressed.Close, func() error { return os.WriteFile(file, packed.Bytes(), 0o644) }} {
		if err := end(); err != nil {
			t.Fatal(err)
		}
	}
}
