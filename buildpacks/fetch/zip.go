package fetch

import (
	"archive/tar"
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sync/errgroup"
)

// Systems that a zip file was made on (APPNOTE 4.4.2, "version made by") and
// that have modes.
const (
	madeOnUnix  = 3
	madeOnMacOS = 19
)

// perEntry is what an entry of the list of files may take on average, in bytes.
const perEntry = 256

// unzip writes a zip file to an empty directory, as the tar stream that says
// the same: one writer has to be safe, not two.
func (f Fetcher) unzip(ctx context.Context, file *os.File, dir string) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	// The list of files is read into memory as a whole.
	limited := &listLimit{from: file, left: f.Limits.Entries*perEntry + 1<<20}
	archive, err := zip.NewReader(limited, info.Size())
	if err != nil {
		return err
	}
	limited.lifted = true
	group, ctx := errgroup.WithContext(ctx)
	reader, writer := io.Pipe()
	group.Go(func() error {
		err := f.untar(ctx, reader, dir)
		// Who writes need not wait for a reader that has left.
		return errors.Join(err, reader.CloseWithError(err))
	})
	group.Go(func() error {
		err := retar(archive, writer, f.Limits.Path)
		return errors.Join(ignoreClosed(err), writer.CloseWithError(err))
	})
	return group.Wait()
}

// ignoreClosed is for a writer whose reader has an error of its own.
func ignoreClosed(err error) error {
	if errors.Is(err, io.ErrClosedPipe) {
		return nil
	}
	return err
}

// retar writes the entries of a zip file as tar.
func retar(archive *zip.Reader, to io.Writer, longest int) error {
	stream := tar.NewWriter(to)
	for _, entry := range archive.File {
		if err := retarEntry(entry, stream, longest); err != nil {
			return fmt.Errorf("%q: %w", entry.Name, err)
		}
	}
	return stream.Close()
}

func retarEntry(entry *zip.File, to *tar.Writer, longest int) (err error) {
	header := &tar.Header{Name: entry.Name, Typeflag: tar.TypeReg, Mode: 0o755, ModTime: entry.Modified, Format: tar.FormatPAX}
	mode := entry.Mode()
	if made := entry.CreatorVersion >> 8; made == madeOnUnix || made == madeOnMacOS {
		header.Mode = int64(mode.Perm())
	} else if strings.HasSuffix(entry.Name, "/") {
		mode = fs.ModeDir
	} else {
		mode = 0
	}
	content, err := entry.Open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, content.Close()) }()
	switch {
	case mode.IsDir():
		header.Typeflag = tar.TypeDir
		return to.WriteHeader(header)
	case mode&fs.ModeSymlink != 0:
		if longest == 0 {
			longest = 4095
		}
		target, err := io.ReadAll(io.LimitReader(content, int64(longest)+1))
		if err != nil {
			return err
		}
		header.Typeflag, header.Linkname = tar.TypeSymlink, string(target)
		return to.WriteHeader(header)
	case !mode.IsRegular():
		return errors.New("it is a device or a pipe; expected a file, a directory or a link")
	}
	if entry.UncompressedSize64 > 1<<62 {
		return errors.New("a size that no file has")
	}
	header.Size = int64(entry.UncompressedSize64)
	if err := to.WriteHeader(header); err != nil {
		return err
	}
	// One byte more than there should be has the zip reader compare the
	// checksum, and the tar writer complain where there is more.
	_, err = io.Copy(to, io.LimitReader(content, header.Size+1))
	return err
}

// listLimit is a file of which only so many bytes are read, until it is lifted.
type listLimit struct {
	from   io.ReaderAt
	left   int64
	lifted bool
}

func (l *listLimit) ReadAt(p []byte, at int64) (int, error) {
	if !l.lifted {
		if l.left -= int64(len(p)); l.left < 0 {
			return 0, errors.New("the list of its files is too long")
		}
	}
	return l.from.ReadAt(p, at)
}
