package commits

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/slugc/slugc/stack/sandbox"
)

// Local opens a bare repository of this machine.
func (g Git) Local(dir string, in Incoming) (r *Repository, err error) {
	dir, err = filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return nil, err
	}
	own, err := sandbox.ReadFile(filepath.Join(dir, "config"), maxComplaint)
	if err != nil {
		return nil, fmt.Errorf("%s is no bare repository: %w", dir, err)
	}
	if r, err = g.open(dir, "", sha256Config().Match(own)); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.Close())
		}
	}()
	shown := dir
	if uid, _ := sandbox.Owner(); uid != os.Getuid() && isPrivate(dir) {
		if shown, err = r.copied(dir); err != nil {
			return nil, err
		}
	}
	objects := []string{gitLocal + "/objects"}
	r.mounts = append(r.mounts, sandbox.Mount{Source: shown, Target: gitLocal})
	for _, more := range alternates(dir) {
		r.mounts = append(r.mounts, sandbox.Mount{Source: more, Target: more})
	}
	if in.Objects != "" {
		incoming, err := r.incoming(in.Objects)
		if err != nil {
			return nil, err
		}
		r.mounts = append(r.mounts, sandbox.Mount{Source: incoming, Target: gitIncoming})
		objects = append(objects, gitIncoming)
	}
	r.env = append(r.env, "GIT_ALTERNATE_OBJECT_DIRECTORIES="+strings.Join(objects, ":"))
	return r, sandbox.GiveTree(r.scratch)
}

// sha256Config finds the setting of a repository whose ids are of SHA-256.
var sha256Config = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?im)^\s*objectformat\s*=\s*sha256`) })

// isPrivate is whether not everybody can read a repository.
func isPrivate(dir string) bool {
	for _, name := range []string{"config", "HEAD", "packed-refs", "refs", "objects"} {
		err := filepath.WalkDir(filepath.Join(dir, name), func(_ string, d fs.DirEntry, err error) error {
			if err != nil || strings.HasPrefix(d.Name(), "tmp_objdir") {
				return skip(d)
			}
			info, err := d.Info()
			if err == nil && (info.Mode()&0o4 == 0 || d.IsDir() && info.Mode()&0o1 == 0) {
				return fs.ErrPermission
			}
			return nil
		})
		if errors.Is(err, fs.ErrPermission) {
			return true
		}
	}
	return false
}

// skip leaves out what is not there, and what lies in it.
func skip(d fs.DirEntry) error {
	if d != nil && d.IsDir() {
		return fs.SkipDir
	}
	return nil
}

// copied is a copy of a repository that git in the sandbox can read; what is not needed is left out.
func (r *Repository) copied(dir string) (string, error) {
	place := filepath.Join(r.scratch, "repository")
	for _, name := range []string{"config", "HEAD", "packed-refs", "refs", "objects"} {
		err := filepath.WalkDir(filepath.Join(dir, name), func(path string, d fs.DirEntry, err error) error {
			if err != nil || strings.HasPrefix(d.Name(), "tmp_objdir") {
				return skip(d)
			}
			at, err := filepath.Rel(dir, path)
			if err != nil {
				return err
			}
			switch to := filepath.Join(place, at); {
			case d.IsDir():
				return os.MkdirAll(to, 0o700)
			case d.Type().IsRegular():
				return copyFile(path, to)
			}
			return nil
		})
		if err != nil {
			return "", fmt.Errorf("copying the repository: %w", err)
		}
	}
	return place, nil
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// alternates are the other places of a repository's objects (gitrepository-layout(5)).
func alternates(dir string) (others []string) {
	const most = 64 << 10
	text, err := sandbox.ReadFile(filepath.Join(dir, "objects", "info", "alternates"), most)
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); filepath.IsAbs(line) {
			others = append(others, filepath.Clean(line))
		}
	}
	return others
}

// incoming are the objects of a push for git in the sandbox. Only who receives the push may
// enter their directory, so where git runs as somebody else it gets a copy.
func (r *Repository) incoming(objects string) (string, error) {
	if uid, _ := sandbox.Owner(); uid == os.Getuid() {
		return objects, nil
	}
	place := filepath.Join(r.scratch, "incoming")
	if err := os.CopyFS(place, os.DirFS(objects)); err != nil {
		return "", fmt.Errorf("copying the objects of the push: %w", err)
	}
	return place, nil
}
