package builder

import (
	"archive/tar"
	"context"
	"encoding/json"
	"fmt"
	"path"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/build/pack"
	"github.com/slugc/slugc/stack"
)

// Labels of an image with a lifecycle and nothing else, by which platforms know
// what it is (the forms are the reference lifecycle's).
const (
	lifecycleVersionLabel = "io.buildpacks.lifecycle.version"
	lifecycleAPIsLabel    = "io.buildpacks.lifecycle.apis"
)

// LifecycleImage makes the image in which a platform runs the phases that see
// credentials, when it does not trust a builder. On is what it stands on: an
// image reference, or "" for nothing but the users that such a phase looks for.
// The archive is that for the target.
func (c Creator) LifecycleImage(ctx context.Context, archive LifecycleArchive, on string, t stack.Target) (oci.Image, error) {
	l, err := archive.read(t.Arch)
	if err != nil {
		return oci.Image{}, fmt.Errorf("lifecycle: %w", err)
	}
	var base oci.Base
	s := smallLayers{temp: c.Temp}
	if on == "" {
		if base, err = oci.Scratch(t); err == nil {
			err = s.users()
		}
	} else {
		opener := c.Opener
		opener.Target = t
		base, err = opener.Open(ctx, on)
	}
	if err != nil {
		return oci.Image{}, err
	}
	if err := s.programs(archive); err != nil {
		return oci.Image{}, err
	}
	return base.Compose(func(into *v1.Config) error {
		// The phases begin as root, and give its rights up themselves.
		into.User, into.Entrypoint, into.Cmd, into.WorkingDir = "", nil, nil, layersDir
		if len(into.Env) == 0 {
			into.Env = []string{"PATH=" + stack.DefaultPath}
		}
		return l.label(into.Labels)
	}, "slugc builder lifecycle", s.made...)
}

// label says in labels what the lifecycle is.
func (l lifecycle) label(labels map[string]string) error {
	apis, err := json.Marshal(l.APIs)
	if err != nil {
		return err
	}
	labels[lifecycleVersionLabel], labels[lifecycleAPIsLabel] = l.Version, string(apis)
	// Older platforms look where builders have it.
	type versionInfo struct {
		Version string `json:"version"`
	}
	return setLabel(labels, builderLabel, struct {
		Lifecycle versionInfo  `json:"lifecycle"`
		API       lifecycleAPI `json:"api"`
	}{versionInfo{l.Version}, l.API})
}

// users adds the users that a phase looks for by name or number, and the
// directory for temporary files.
func (s *smallLayers) users() error {
	return s.add("users", func(w *tar.Writer) error {
		for _, h := range []*tar.Header{
			rootDir("/etc"), rootDir("/root"),
			{Name: "/tmp", Typeflag: tar.TypeDir, Mode: 0o1777, ModTime: pack.Epoch()},
		} {
			if err := w.WriteHeader(h); err != nil {
				return err
			}
		}
		for _, f := range [][2]string{
			{"/etc/passwd", "root:x:0:0:root:/root:/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n"},
			{"/etc/group", "root:x:0:\nnogroup:x:65534:\n"},
		} {
			h := &tar.Header{Name: f[0], Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(f[1])), ModTime: pack.Epoch()}
			if err := w.WriteHeader(h); err != nil {
				return err
			}
			if _, err := w.Write([]byte(f[1])); err != nil {
				return err
			}
		}
		return nil
	})
}

// programs adds the archive below /cnb, owned by root.
func (s *smallLayers) programs(archive LifecycleArchive) error {
	return s.add("lifecycle", func(w *tar.Writer) error {
		if err := w.WriteHeader(rootDir(cnbDir)); err != nil {
			return err
		}
		return archive.each(func(name string, h *tar.Header, content []byte) error {
			if name == "." {
				return nil
			}
			own := &tar.Header{
				Name: path.Join(cnbDir, name), Typeflag: h.Typeflag, Linkname: h.Linkname, Mode: h.Mode, Size: h.Size, ModTime: pack.Epoch(),
			}
			if err := w.WriteHeader(own); err != nil {
				return err
			}
			_, err := w.Write(content)
			return err
		})
	})
}
