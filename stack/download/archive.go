package download

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"
)

// Archive is a gzip tar in a registry.
type Archive struct {
	// Subject names it in errors: a package with its version.
	Subject   string
	Request   Request
	Integrity Integrity
}

// Install downloads an archive and unpacks what is selected of it to a
// directory, which appears whole and verified or not at all. A directory that
// is there is replaced; its parent must exist.
func (f *Fetcher) Install(ctx context.Context, a Archive, dir string, s Selection) (err error) {
	beside, err := os.MkdirTemp(filepath.Dir(dir), "."+filepath.Base(dir)+"-*")
	if err != nil {
		return fmt.Errorf("installing %s: %w", a.Subject, err)
	}
	defer func() {
		err = errors.Join(err, os.RemoveAll(beside))
	}()
	// MkdirTemp's directories are private.
	if err := os.Chmod(beside, 0o755); err != nil {
		return fmt.Errorf("installing %s: %w", a.Subject, err)
	}
	if err := f.unpack(ctx, a, beside, s); err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("installing %s: %w", a.Subject, err)
	}
	if err := os.Rename(beside, dir); err != nil {
		return fmt.Errorf("installing %s: %w", a.Subject, err)
	}
	return nil
}

// Save downloads an archive as it is and verifies it. What was written when it
// fails is of no use.
func (f *Fetcher) Save(ctx context.Context, a Archive, to io.Writer) (err error) {
	sum := a.Integrity.Hash()
	if sum == nil {
		return noChecksum(a)
	}
	from, err := f.Open(ctx, a.Request)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	if _, err := io.Copy(io.MultiWriter(to, sum), from); err != nil {
		return err
	}
	if err := a.Integrity.Check(a.Subject, sum); err != nil {
		return &Error{Fault: Registry, Err: err}
	}
	return nil
}

func noChecksum(a Archive) error {
	return &Error{Fault: Registry, Err: fmt.Errorf("downloading %s: the registry has no checksum for it", a.Subject)}
}

// unpack runs network and checksum beside gunzip, untar and write.
func (f *Fetcher) unpack(ctx context.Context, a Archive, dir string, s Selection) error {
	sum := a.Integrity.Hash()
	if sum == nil {
		return noChecksum(a)
	}
	group, ctx := errgroup.WithContext(ctx)
	pipe := newPipe()
	group.Go(func() error {
		defer pipe.closeWrite()
		return f.feed(ctx, a, sum, pipe)
	})
	var unpackErr error
	group.Go(func() error {
		// What arrives may be anything until its checksum was seen, so this
		// error counts only when the checksum is right.
		unpackErr = UnpackTarGz(pipe, dir, s)
		pipe.closeRead()
		return nil
	})
	if err := group.Wait(); err != nil {
		return err
	}
	if err := a.Integrity.Check(a.Subject, sum); err != nil {
		return &Error{Fault: Registry, Err: err}
	}
	if unpackErr != nil {
		return fmt.Errorf("unpacking %s: %w", a.Subject, unpackErr)
	}
	return nil
}

// feed downloads the archive to its end, into the checksum and the pipe.
func (f *Fetcher) feed(ctx context.Context, a Archive, sum hash.Hash, to *pipe) (err error) {
	from, err := f.Open(ctx, a.Request)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	for {
		chunk := to.buffer()
		n, err := io.ReadFull(from, chunk)
		if n > 0 {
			// A hash never fails.
			sum.Write(chunk[:n])
			to.send(chunk[:n])
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return nil
		case err != nil:
			return err
		}
	}
}
