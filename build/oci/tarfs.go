package oci

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"time"
)

// archive is the files of a tar file, which stays where it is: a file of it is
// opened by its place in the tar file.
type archive struct {
	file  string
	files map[string]section
}

// section is the place of a file.
type section struct {
	offset, size int64
}

// openArchive reads the headers of an archive of an OCI layout.
func openArchive(file string) (a archive, err error) {
	switch info, err := os.Stat(file); {
	case errors.Is(err, fs.ErrNotExist):
		return archive{}, &missingError{errors.New("there is no such file")}
	case err != nil:
		return archive{}, err
	case info.IsDir():
		return archive{}, errors.New("it is a directory; an OCI layout is oci:DIR")
	}
	f, err := os.Open(file)
	if err != nil {
		return archive{}, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	a = archive{file: file, files: map[string]section{}}
	reader := tar.NewReader(f)
	for {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return a, nil
		}
		if err != nil {
			return archive{}, fmt.Errorf("expected an uncompressed tar file with an OCI layout: %w", err)
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		offset, err := f.Seek(0, io.SeekCurrent)
		if err != nil {
			return archive{}, err
		}
		// Some writers, pack for one, begin names with a slash.
		a.files[path.Clean("/" + header.Name)[1:]] = section{offset: offset, size: header.Size}
	}
}

// Open opens a file of the archive.
func (a archive) Open(name string) (fs.File, error) {
	at, found := a.files[name]
	if !fs.ValidPath(name) || !found {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	f, err := os.Open(a.file)
	if err != nil {
		return nil, err
	}
	return &archived{name: path.Base(name), size: at.size, Reader: io.NewSectionReader(f, at.offset, at.size), file: f}, nil
}

// archived is an open file of an archive, and its own description.
type archived struct {
	io.Reader
	name string
	size int64
	file *os.File
}

// Close closes the archive that was opened for the file.
func (a *archived) Close() error { return a.file.Close() }

// Stat describes the file.
func (a *archived) Stat() (fs.FileInfo, error) { return a, nil }

// Name is the last element of the path.
func (a *archived) Name() string { return a.name }

// Size is in bytes.
func (a *archived) Size() int64 { return a.size }

// Mode is that of a file to read.
func (a *archived) Mode() fs.FileMode { return 0o444 }

// ModTime is not known.
func (a *archived) ModTime() time.Time { return time.Time{} }

// IsDir is false.
func (a *archived) IsDir() bool { return false }

// Sys has nothing to add.
func (a *archived) Sys() any { return nil }
