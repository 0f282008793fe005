package main

import (
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/klauspost/compress/gzip"

	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/build/oci/assemble"
	"github.com/slugc/slugc/stack"
)

// embedded holds the programs that go into what slugc makes, for every platform,
// which make puts there.
//
//go:embed embedded
var embedded embed.FS

// launcherVersion is the version of the launcher, which changes with what the
// launcher does, not with every slugc: it is part of an image's digest. Platforms
// take it for one of the reference, whose launcher this one matches, and expect
// less of older ones: of those before 0.5.0 pack does not say what they stand on.
const launcherVersion = "0.21.0+slugc.1"

// launcherFor is the launcher for the images of a target.
func launcherFor(target stack.Target) (assemble.Launcher, error) {
	program, err := embeddedGzip("launcher", target.OS, target.Arch)
	if errors.Is(err, fs.ErrNotExist) {
		return assemble.Launcher{}, fmt.Errorf("this slugc carries no launcher for %s, so it can make no image for it; build slugc with make build", target)
	}
	if err != nil {
		return assemble.Launcher{}, err
	}
	return assemble.Launcher{Gzip: program, Info: oci.LauncherInfo{Version: launcherVersion}}, nil
}

// embeddedGzip is a program for a platform, as one gzip member. An error is
// fs.ErrNotExist where there is none.
func embeddedGzip(name, system, arch string) (*io.SectionReader, error) {
	file, err := embedded.Open(fmt.Sprintf("embedded/%s-%s-%s.gz", name, system, arch))
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	return io.NewSectionReader(file.(io.ReaderAt), 0, info.Size()), nil
}

// embeddedProgram unpacks a program for a platform. An error is fs.ErrNotExist
// where there is none.
func embeddedProgram(name, system, arch string) ([]byte, error) {
	packed, err := embeddedGzip(name, system, arch)
	if err != nil {
		return nil, err
	}
	unpacked, err := gzip.NewReader(packed)
	if err != nil {
		return nil, fmt.Errorf("unpacking the %s: %w", name, err)
	}
	content, err := io.ReadAll(unpacked)
	if err != nil {
		return nil, fmt.Errorf("unpacking the %s: %w", name, err)
	}
	return content, nil
}
