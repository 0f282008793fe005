package detect

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Source is the app tree at one version.
type Source struct {
	// Kind is "dir".
	Kind string `json:"kind"`
	// Commit is the checked-out git commit, empty when the tree is not the
	// root of a repository.
	Commit string `json:"commit,omitempty"`
	// Digest is the sha256 over the tree's names, modes, links and contents,
	// as "sha256:<hex>". It is empty until the source was copied.
	Digest string `json:"digest,omitempty"`
	// Dir is the absolute directory that holds the tree.
	Dir string `json:"-"`
}

// SourceError says what is wrong with a source tree.
type SourceError struct {
	// Path is the object at fault, relative to the tree or the tree itself.
	Path    string
	Problem string
	// Next is what the person can do about it.
	Next string
	Err  error
}

func (e *SourceError) Error() string {
	s := fmt.Sprintf("source %s: %s", quotePath(e.Path), e.Problem)
	if e.Next != "" {
		s += "\n" + e.Next
	}
	return s
}

// Unwrap returns the cause, if the operating system named one.
func (e *SourceError) Unwrap() error { return e.Err }

// Open looks at a source and says what it is. It returns a *SourceError when
// there is nothing to build.
func Open(ref string) (Source, error) {
	dir, err := filepath.Abs(ref)
	if err != nil {
		return Source{}, &SourceError{Path: ref, Problem: err.Error(), Err: err}
	}
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Source{}, &SourceError{Path: ref, Problem: "no such directory",
			Next: "name the directory that holds the app: slugc build DIRECTORY", Err: err}
	case err != nil:
		return Source{}, &SourceError{Path: ref, Problem: reason(err), Err: err}
	case !info.IsDir():
		return Source{}, &SourceError{Path: ref, Problem: "not a directory",
			Next: "name the directory that holds the app: slugc build DIRECTORY"}
	}
	dir, err = filepath.EvalSymlinks(dir)
	if err != nil {
		return Source{}, &SourceError{Path: ref, Problem: reason(err), Err: err}
	}
	return Source{Kind: "dir", Dir: dir, Commit: headCommit(dir)}, nil
}

// headCommit is the commit that is checked out in a repository whose work tree
// is dir, or "" when there is none (gitrepository-layout(5)). It reads the
// files itself because a build machine need not have git.
func headCommit(dir string) string {
	git := filepath.Join(dir, ".git")
	if link, err := os.ReadFile(git); err == nil {
		// A linked work tree or submodule: .git is a file that names the place.
		place, ok := strings.CutPrefix(strings.TrimSpace(string(link)), "gitdir: ")
		if !ok {
			return ""
		}
		if !filepath.IsAbs(place) {
			place = filepath.Join(dir, place)
		}
		git = place
	}
	head, err := os.ReadFile(filepath.Join(git, "HEAD"))
	if err != nil {
		return ""
	}
	value := strings.TrimSpace(string(head))
	ref, symbolic := strings.CutPrefix(value, "ref: ")
	if !symbolic {
		return commitID(value)
	}
	if !filepath.IsLocal(ref) {
		return ""
	}
	common := git
	if shared, err := os.ReadFile(filepath.Join(git, "commondir")); err == nil {
		common = filepath.Join(git, strings.TrimSpace(string(shared)))
	}
	for _, base := range []string{git, common} {
		if loose, err := os.ReadFile(filepath.Join(base, ref)); err == nil {
			return commitID(strings.TrimSpace(string(loose)))
		}
	}
	packed, err := os.ReadFile(filepath.Join(common, "packed-refs"))
	if err != nil {
		return ""
	}
	for line := range strings.SplitSeq(string(packed), "\n") {
		if id, name, ok := strings.Cut(line, " "); ok && name == ref {
			return commitID(id)
		}
	}
	return ""
}

// commitID returns s if it is an object id, SHA-1 or SHA-256, else "".
func commitID(s string) string {
	if len(s) != 40 && len(s) != 64 {
		return ""
	}
	if strings.Trim(s, "0123456789abcdef") != "" {
		return ""
	}
	return s
}

// reason is the operating system's word for an error, without the path that
// the message names already.
func reason(err error) string {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err.Error()
	}
	return err.Error()
}

// quotePath prints a path so that odd names cannot disturb a terminal, and
// cuts it when it is too long to read.
func quotePath(path string) string {
	const most = 200
	plain := strings.IndexFunc(path, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\uFFFD' }) < 0
	if len(path) > most {
		path = path[:most] + "..."
	}
	if plain {
		return path
	}
	return fmt.Sprintf("%q", path)
}
