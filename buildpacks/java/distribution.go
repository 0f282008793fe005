package java

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/slugc/slugc/stack/download"
)

const (
	// maxToolFiles and maxToolBytes bound what a build tool unpacks to. Gradle
	// with its sources has 20,000 files.
	maxToolFiles = 100_000
	maxToolBytes = 2 << 30
)

// unpackTool unpacks the archive of a build tool into a directory, without its
// one top folder: a zip, or a gzip tar.
func unpackTool(archive, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if !strings.HasSuffix(archive, ".zip") {
		f, err := os.Open(archive)
		if err != nil {
			return err
		}
		defer f.Close()
		return download.UnpackTarGz(f, dir, download.Selection{MaxFiles: maxToolFiles, MaxBytes: maxToolBytes})
	}
	return unzip(archive, dir)
}

// unzip unpacks a zip without its one top folder. Files are 0644, or 0755 where
// the archive lets anyone execute them; links are left out. A name that leads
// elsewhere is an error.
func unzip(archive, dir string) (err error) {
	reader, err := zip.OpenReader(archive)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	if len(reader.File) > maxToolFiles {
		return fmt.Errorf("more than %d files", maxToolFiles)
	}
	left := int64(maxToolBytes)
	for _, entry := range reader.File {
		name := path.Clean(entry.Name)
		if !filepath.IsLocal(name) {
			return fmt.Errorf("a file of it is called %q, which leads out of it", entry.Name)
		}
		_, name, nested := strings.Cut(name, "/")
		if !nested || !entry.Mode().IsRegular() {
			continue
		}
		written, err := unzipFile(entry, root, name, left)
		if err != nil {
			return fmt.Errorf("unpacking %s: %w", entry.Name, err)
		}
		left -= written
	}
	return nil
}

func unzipFile(entry *zip.File, root *os.Root, name string, most int64) (written int64, err error) {
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return 0, err
	}
	mode := os.FileMode(0o644)
	if entry.Mode()&0o111 != 0 {
		mode = 0o755
	}
	to, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	from, err := entry.Open()
	if err != nil {
		return 0, err
	}
	defer from.Close()
	written, err = io.Copy(to, io.LimitReader(from, most+1))
	if err == nil && written > most {
		err = fmt.Errorf("it is larger than %d bytes", int64(maxToolBytes))
	}
	return written, err
}
