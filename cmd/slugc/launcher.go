package main

import (
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/klauspost/compress/gzip"

	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/stack"
)

// embedded holds the launcher for every platform, which make puts there.
//
//go:embed embedded
var embedded embed.FS

// launcherVersion is the version of the launcher, which changes with what the
// launcher does, not with every slugc: it is part of an image's digest. Platforms
// take it for one of the reference, whose launcher this one matches, and expect
// less of older ones: of those before 0.5.0 pack does not say what they stand on.
const launcherVersion = "0.21.0+slugc.1"

// launcherFor is the launcher for the images of a target.
func launcherFor(target stack.Target) (launcher oci.Launcher, err error) {
	name := fmt.Sprintf("embedded/launcher-%s-%s.gz", target.OS, target.Arch)
	f, err := embedded.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return oci.Launcher{}, fmt.Errorf("this slugc carries no launcher for %s, so it can make no image for it; build slugc with make build", target)
	}
	if err != nil {
		return oci.Launcher{}, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	unpacked, err := gzip.NewReader(f)
	if err != nil {
		return oci.Launcher{}, fmt.Errorf("unpacking the launcher: %w", err)
	}
	content, err := io.ReadAll(unpacked)
	if err != nil {
		return oci.Launcher{}, fmt.Errorf("unpacking the launcher: %w", err)
	}
	return oci.Launcher{Content: content, Info: oci.LauncherInfo{Version: launcherVersion}}, nil
}
