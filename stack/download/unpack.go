package download

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/klauspost/pgzip"
)

// Selection says what of an archive is wanted.
type Selection struct {
	// Wants tells whether a file is wanted, by its path below the archive's
	// one top folder; nil wants all.
	Wants func(name string) bool
	// Only, when set, are the files that are wanted, in place of Wants; the
	// rest of an archive is not unpacked once they were all seen.
	Only []string
	// Executable are files that become executable whatever the archive says.
	Executable []string
	// MaxFiles and MaxBytes bound what is written. Zero is no bound.
	MaxFiles int
	MaxBytes int64
}

// UnpackTarGz unpacks the selected files of a gzip tar into a directory,
// without the archive's one top folder. Files are 0644, or 0755 where the
// archive lets anyone execute them. Links and devices are left out.
func UnpackTarGz(r io.Reader, dir string, s Selection) (err error) {
	unzipped, err := pgzip.NewReaderN(r, 1<<20, 4)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unzipped.Close()) }()
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	u := unpacking{selection: s, root: root, made: map[string]bool{".": true}, buffer: make([]byte, 1<<20)}
	if s.Only != nil {
		u.missing = map[string]bool{}
		for _, name := range s.Only {
			u.missing[name] = true
		}
	}
	entries := tar.NewReader(unzipped)
	for s.Only == nil || len(u.missing) > 0 {
		header, err := entries.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if err := u.entry(header, entries); err != nil {
			return err
		}
	}
	for _, name := range s.Only {
		if u.missing[name] {
			return fmt.Errorf("there is no %s in it", name)
		}
	}
	return nil
}

// unpacking is the state of one UnpackTarGz.
type unpacking struct {
	selection Selection
	root      *os.Root
	// missing are the files of Selection.Only that were not seen yet.
	missing map[string]bool
	made    map[string]bool
	buffer  []byte
	files   int
	bytes   int64
}

// entry writes one entry of the archive, if it is wanted.
func (u *unpacking) entry(header *tar.Header, content io.Reader) error {
	if header.Typeflag != tar.TypeReg {
		return nil
	}
	place := path.Clean(header.Name)
	_, name, found := strings.Cut(place, "/")
	if !found || !filepath.IsLocal(place) {
		return nil
	}
	switch {
	case u.missing != nil:
		if !u.missing[name] {
			return nil
		}
		delete(u.missing, name)
	case u.selection.Wants != nil && !u.selection.Wants(name):
		return nil
	}
	u.files++
	u.bytes += header.Size
	if most := u.selection.MaxFiles; most > 0 && u.files > most {
		return fmt.Errorf("more than %d files", most)
	}
	if most := u.selection.MaxBytes; most > 0 && u.bytes > most {
		return fmt.Errorf("more than %d bytes", most)
	}
	return u.write(name, header.FileInfo().Mode(), content)
}

func (u *unpacking) write(name string, mode os.FileMode, content io.Reader) (err error) {
	if parent := path.Dir(name); !u.made[parent] {
		if err := u.root.MkdirAll(parent, 0o755); err != nil {
			return err
		}
		u.made[parent] = true
	}
	perm := os.FileMode(0o644)
	if mode&0o111 != 0 || slices.Contains(u.selection.Executable, name) {
		perm = 0o755
	}
	file, err := u.root.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, perm)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	// Without the wrapper the file would read the tar in small steps.
	_, err = io.CopyBuffer(struct{ io.Writer }{file}, content, u.buffer)
	return err
}
