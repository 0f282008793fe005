package python

import (
	"archive/zip"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/language/layer"
	"github.com/slugc/slugc/buildpacks/runtime/pypi"
	"github.com/slugc/slugc/stack/download"
)

// uvVariable asks for another version of the installer.
const uvVariable = "BP_UV_VERSION"

// maxUV bounds the installer, unpacked.
const maxUV = 512 << 20

// pipScript lets hooks call the installer by the name that they know.
const pipScript = "#!/bin/sh\nexec uv pip \"$@\"\n"

// installUV makes the layer of the installer. Which file of the index it is, the
// checksum in buildpack.toml says; of another version, which a variable asks
// for, the index itself.
func (b *build) installUV(ctx context.Context) (libcnb.Layer, error) {
	version, sum := b.known.UV.Version, b.known.UV.SHA256[b.Arch]
	if asked := b.Env[uvVariable]; asked != "" && asked != version {
		version, sum = asked, ""
	}
	slot, err := layer.Open(b.Layers, uvLayer, libcnb.LayerTypes{Cache: true}, layout)
	if err != nil {
		return libcnb.Layer{}, err
	}
	inputs := map[string]string{"version": version, "integrity": sum, "arch": b.Arch}
	kept, why := slot.Keeps(inputs)
	if kept {
		return slot.Describe(inputs, nil), nil
	}
	fetcher := b.Fetcher
	if fetcher == nil {
		client, err := b.config.Network().Client()
		if err != nil {
			return libcnb.Layer{}, err
		}
		fetcher = download.NewFetcher(client)
	}
	index := &pypi.Registry{Config: b.config, Fetcher: fetcher}
	file, err := b.uvFile(ctx, index, version, sum)
	if err != nil {
		return libcnb.Layer{}, err
	}
	fresh := b.Scratch.Path(uvLayer)
	err = b.Download("uv", version, why, func(progress func(done, total int64)) error {
		return saveUV(ctx, index, file, fresh, progress)
	})
	if err != nil {
		return libcnb.Layer{}, err
	}
	if err := layer.WriteBeside(filepath.Join(fresh, "bin", "pip"), []byte(pipScript), 0o755); err != nil {
		return libcnb.Layer{}, err
	}
	if err := b.Scratch.Replace(slot.Layer.Path, "", fresh); err != nil {
		return libcnb.Layer{}, fmt.Errorf("installing uv: %w", err)
	}
	fetched := slot.Describe(inputs, nil)
	b.Whole(fetched)
	return fetched, nil
}

// uvFile is the wheel of the installer.
func (b *build) uvFile(ctx context.Context, index *pypi.Registry, version, sum string) (pypi.File, error) {
	files, err := index.Files(ctx, "uv")
	if err != nil {
		return pypi.File{}, fmt.Errorf("looking for the installer: %w", err)
	}
	machine := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[b.Arch]
	others := false
	for _, f := range files {
		if !strings.HasPrefix(f.Name, "uv-"+version+"-") || !strings.Contains(f.Name, "manylinux_2_17_"+machine) {
			continue
		}
		if sum == "" || f.SHA256 == sum || f.SHA256 == "" {
			f.SHA256 = cmp.Or(sum, f.SHA256)
			return f, nil
		}
		others = true
	}
	from, err := index.Config.Index()
	if err != nil {
		return pypi.File{}, err
	}
	if others {
		return pypi.File{}, &download.Error{Fault: download.Registry, Err: fmt.Errorf("%s has uv %s with another checksum than it had when slugc was made\n"+
			"this is neither the app's fault nor slugc's: ask its operator to clear its cache of uv", from, version)}
	}
	return pypi.File{}, appfile.Error("%s has no uv %s for %s, with which slugc installs packages\n"+
		"take a version that it has:\n  slugc build -e %s=VERSION", from, version, b.Arch, uvVariable)
}

// saveUV downloads a wheel, verifies it, and takes the program out of it.
func saveUV(ctx context.Context, index *pypi.Registry, file pypi.File, dir string, progress func(done, total int64)) (err error) {
	if err := os.MkdirAll(filepath.Join(dir, "bin"), 0o755); err != nil {
		return err
	}
	packed, err := os.CreateTemp(dir, "wheel-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, packed.Close(), os.Remove(packed.Name())) }()
	if err := index.Save(ctx, file, packed, progress); err != nil {
		return err
	}
	size, err := packed.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	archive, err := zip.NewReader(packed, size)
	if err != nil {
		return fmt.Errorf("unpacking %s: %w", file.Name, err)
	}
	for _, f := range archive.File {
		// {distribution}-{version}.data/scripts/uv (binary distribution format).
		if path.Base(f.Name) == "uv" && path.Base(path.Dir(f.Name)) == "scripts" {
			return unzip(f, filepath.Join(dir, "bin", "uv"))
		}
	}
	return &download.Error{Fault: download.Registry, Err: fmt.Errorf("unpacking %s: the program is not in it", file.Name)}
}

func unzip(f *zip.File, to string) (err error) {
	from, err := f.Open()
	if err != nil {
		return err
	}
	defer from.Close()
	file, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	n, err := io.Copy(file, io.LimitReader(from, maxUV+1))
	if err == nil && n > maxUV {
		err = fmt.Errorf("%s is larger than %d bytes", f.Name, int64(maxUV))
	}
	return err
}
