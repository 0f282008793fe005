package goproxy

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"golang.org/x/mod/module"
	"golang.org/x/sync/errgroup"

	"github.com/slugc/slugc/stack/download"
)

// SumError says that the files of a module are not those of its checksum.
type SumError struct {
	Module    module.Version
	Want, Got string
}

func (e *SumError) Error() string {
	return fmt.Sprintf("%s does not have the checksum that it should have\nexpected: %s\ngot:      %s", e.Module, e.Want, e.Got)
}

// Selection says what of a module is unpacked, and how.
type Selection struct {
	// Wants tells whether a file is wanted, by its path in the module; nil
	// wants all.
	Wants func(name string) bool
	// Executable tells whether a file becomes executable: the sum of a module
	// does not cover what its zip says about that.
	Executable func(name string) bool
	// MaxFiles and MaxBytes bound what the whole zip holds. Zero is no bound.
	MaxFiles int
	MaxBytes int64
}

// Unpack unpacks what is selected of a module's zip into an empty directory
// and checks the sum of all of it, unless it is "". It returns the sum that it
// has. What was written when it fails is of no use. Files are 0644, or 0755
// where the selection says so.
func Unpack(ctx context.Context, file string, m module.Version, sum, dir string, s Selection) (got string, err error) {
	archive, err := zip.OpenReader(file)
	if err != nil {
		return "", &download.Error{Fault: download.Registry, Err: fmt.Errorf("reading the files of %s: %w", m, err)}
	}
	defer func() { err = errors.Join(err, archive.Close()) }()
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", fmt.Errorf("unpacking %s: %w", m, err)
	}
	defer root.Close()
	if err := s.allows(archive.File); err != nil {
		return "", &download.Error{Fault: download.Registry, Err: fmt.Errorf("unpacking %s: %w", m, err)}
	}
	u := unpacking{prefix: m.String() + "/", selection: s, root: root, sums: make([]string, len(archive.File)), made: map[string]bool{}}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, entry := range archive.File {
		group.Go(func() error {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return u.entry(i, entry)
		})
	}
	if err := group.Wait(); err != nil {
		// Until its sum was seen, a zip may be anything.
		return "", fmt.Errorf("unpacking %s: %w", m, err)
	}
	got = u.sum()
	if sum != "" && got != sum {
		return got, &download.Error{Fault: download.Registry, Err: &SumError{Module: m, Want: sum, Got: got}}
	}
	return got, nil
}

func (s Selection) allows(entries []*zip.File) error {
	var size uint64
	for _, entry := range entries {
		// One entry after the other, so that no sum overflows.
		if entry.UncompressedSize64 > math.MaxInt64/2 {
			return fmt.Errorf("%s is larger than any file", entry.Name)
		}
		if size += entry.UncompressedSize64; s.MaxBytes > 0 && size > uint64(s.MaxBytes) {
			return fmt.Errorf("more than %d bytes", s.MaxBytes)
		}
	}
	if s.MaxFiles > 0 && len(entries) > s.MaxFiles {
		return fmt.Errorf("more than %d files", s.MaxFiles)
	}
	return nil
}

// unpacking is the state of one Unpack.
type unpacking struct {
	// prefix is what every name begins with: module@version/ (Go Modules
	// Reference, "Module zip files").
	prefix    string
	selection Selection
	root      *os.Root
	// sums are the lines of which the sum is made, by entry.
	sums []string

	mu   sync.Mutex
	made map[string]bool
}

// entry hashes one file and writes it, if it is wanted.
func (u *unpacking) entry(i int, entry *zip.File) (err error) {
	name, found := strings.CutPrefix(entry.Name, u.prefix)
	if !found || strings.Contains(entry.Name, "\n") {
		return fmt.Errorf("the name %q is not below %s", entry.Name, u.prefix)
	}
	if strings.HasSuffix(name, "/") {
		return nil
	}
	content, err := entry.Open()
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	defer func() { err = errors.Join(err, content.Close()) }()
	hash := sha256.New()
	var to io.Writer = hash
	if u.selection.Wants == nil || u.selection.Wants(name) {
		file, err := u.create(name)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		to = io.MultiWriter(hash, file)
	}
	if _, err := io.CopyN(to, content, int64(entry.UncompressedSize64)); err != nil { //#nosec G115 -- Selection.allows bounds it
		return fmt.Errorf("%s: %w", name, err)
	}
	// The end is where the checksum of the zip is compared.
	switch rest, err := io.Copy(io.Discard, io.LimitReader(content, 1)); {
	case err != nil:
		return fmt.Errorf("%s: %w", name, err)
	case rest > 0:
		return fmt.Errorf("%s is larger than the zip says", name)
	}
	u.sums[i] = entry.Name + "\x00" + hex.EncodeToString(hash.Sum(nil))
	return nil
}

func (u *unpacking) create(name string) (*os.File, error) {
	if !filepath.IsLocal(name) {
		return nil, fmt.Errorf("the name %q leads out of the module", name)
	}
	parent := path.Dir(name)
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.made[parent] {
		if err := u.root.MkdirAll(parent, 0o755); err != nil {
			return nil, err
		}
		u.made[parent] = true
	}
	perm := fs.FileMode(0o644)
	if u.selection.Executable != nil && u.selection.Executable(name) {
		perm = 0o755
	}
	return u.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, perm)
}

// sum is the Hash1 of all files (golang.org/x/mod/sumdb/dirhash): the sha256 of
// lines like those that sha256sum prints, in the order of the names.
func (u *unpacking) sum() string {
	slices.Sort(u.sums)
	h := sha256.New()
	for _, line := range u.sums {
		if name, sum, found := strings.Cut(line, "\x00"); found {
			fmt.Fprintf(h, "%s  %s\n", sum, name)
		}
	}
	return "h1:" + base64.StdEncoding.EncodeToString(h.Sum(nil))
}
