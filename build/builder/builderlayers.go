package builder

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"slices"

	"github.com/BurntSushi/toml"
	"github.com/klauspost/compress/gzip"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/pack"
)

// Paths of a builder image (CNB Platform API, "Build Image"; pack has the same).
const (
	cnbDir          = "/cnb"
	extensionShelf  = "/cnb/extensions"
	lifecycleDir    = "/cnb/lifecycle"
	oldLifecycleDir = "/lifecycle"
	orderPath       = "/cnb/order.toml"
	systemPath      = "/cnb/system.toml"
	stackPath       = "/cnb/stack.toml"
	runPath         = "/cnb/run.toml"
	buildConfigDir  = "/cnb/build-config"
	platformDir     = "/platform"
	workspaceDir    = "/workspace"
	layersDir       = "/layers"
)

// smallLayers makes layers of few files, each with the bytes that the writer of
// pack gives it.
type smallLayers struct {
	// temp is where they are kept.
	temp string
	made []artifact.Segment
}

// counted counts bytes.
type counted struct{ n int64 }

func (c *counted) Write(b []byte) (int, error) {
	c.n += int64(len(b))
	return len(b), nil
}

// add makes the next layer.
func (s *smallLayers) add(name string, write func(*tar.Writer) error) error {
	segment, err := layerFile(s.temp, name, func(w io.Writer) error {
		archive := tar.NewWriter(w)
		if err := write(archive); err != nil {
			return err
		}
		return archive.Close()
	})
	if err != nil {
		return err
	}
	s.made = append(s.made, segment)
	return nil
}

// layerFile makes a layer of a tar, in a new file.
func layerFile(temp, name string, write func(io.Writer) error) (_ artifact.Segment, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("making the layer of %s: %w", name, err)
		}
	}()
	file, err := os.CreateTemp(temp, "layer-")
	if err != nil {
		return artifact.Segment{}, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	packed, raw := sha256.New(), sha256.New()
	var size, rawSize counted
	compressed, err := gzip.NewWriterLevel(io.MultiWriter(file, packed, &size), pack.DefaultLevel)
	if err != nil {
		return artifact.Segment{}, err
	}
	if err := write(io.MultiWriter(compressed, raw, &rawSize)); err != nil {
		return artifact.Segment{}, err
	}
	if err := compressed.Close(); err != nil {
		return artifact.Segment{}, err
	}
	return artifact.Segment{
		Name: name, File: file.Name(), Size: size.n, RawSize: rawSize.n,
		Digest: "sha256:" + hex.EncodeToString(packed.Sum(nil)), DiffID: "sha256:" + hex.EncodeToString(raw.Sum(nil)),
	}, nil
}

// file adds a layer of one file.
func (s *smallLayers) file(at string, content []byte) error {
	return s.files(at, map[string][]byte{at: content})
}

// files adds a layer of files by their paths, in the order of those.
func (s *smallLayers) files(name string, contents map[string][]byte) error {
	return s.add(name, func(w *tar.Writer) error {
		for _, at := range slices.Sorted(maps.Keys(contents)) {
			h := &tar.Header{Name: at, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(contents[at])), ModTime: pack.Epoch()}
			if err := w.WriteHeader(h); err != nil {
				return err
			}
			if _, err := w.Write(contents[at]); err != nil {
				return err
			}
		}
		return nil
	})
}

// env adds a layer of variables, each a file in a directory.
func (s *smallLayers) env(dir string, variables map[string]string) error {
	files := map[string][]byte{}
	for name, value := range variables {
		files[path.Join(dir, name)] = []byte(value)
	}
	return s.files(dir, files)
}

// toml adds a layer of one file of TOML.
func (s *smallLayers) toml(at string, value any) error {
	var text bytes.Buffer
	if value != nil {
		if err := toml.NewEncoder(&text).Encode(value); err != nil {
			return fmt.Errorf("writing %s: %w", at, err)
		}
	}
	return s.file(at, text.Bytes())
}

// dirs adds the directories of a builder. The app and its layers belong to the
// user who builds.
func (s *smallLayers) dirs(uid, gid int) error {
	return s.add("directories", func(w *tar.Writer) error {
		for _, dir := range []string{workspaceDir, layersDir} {
			h := &tar.Header{Name: dir, Typeflag: tar.TypeDir, Mode: 0o755, ModTime: pack.Epoch(), Uid: uid, Gid: gid}
			if err := w.WriteHeader(h); err != nil {
				return err
			}
		}
		for _, dir := range []string{
			cnbDir, shelf, extensionShelf, platformDir, platformDir + "/env", buildConfigDir, buildConfigDir + "/env",
		} {
			if err := w.WriteHeader(rootDir(dir)); err != nil {
				return err
			}
		}
		return nil
	})
}

// rootDir is a directory of root.
func rootDir(dir string) *tar.Header {
	return &tar.Header{Name: dir, Typeflag: tar.TypeDir, Mode: 0o755, ModTime: pack.Epoch()}
}

// lifecycle adds the programs of a lifecycle, with the headers of their archive,
// and a link from where they were once.
func (s *smallLayers) lifecycle(l lifecycle) error {
	return s.add("lifecycle", func(w *tar.Writer) error {
		if err := w.WriteHeader(rootDir(lifecycleDir)); err != nil {
			return err
		}
		for _, e := range l.entries {
			h := e.header
			h.Name = path.Join(lifecycleDir, e.name)
			if err := w.WriteHeader(&h); err != nil {
				return err
			}
			if _, err := w.Write(e.content); err != nil {
				return err
			}
		}
		return w.WriteHeader(&tar.Header{
			Name: oldLifecycleDir, Linkname: lifecycleDir, Typeflag: tar.TypeSymlink, Mode: 0o644, ModTime: pack.Epoch(),
		})
	})
}

// whiteout adds a layer that takes the buildpack of the same id and version out
// of the layers below.
func (s *smallLayers) whiteout(m module) error {
	return s.add("no "+m.String(), func(w *tar.Writer) error {
		return w.WriteHeader(&tar.Header{Name: path.Join(m.above(), ".wh."+m.Version), Mode: 0o644})
	})
}
