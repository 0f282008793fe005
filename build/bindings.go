package build

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
)

// Binding is a service that the buildpacks may use, as files (servicebinding.io,
// "Workload Projection").
type Binding struct {
	// Name is the directory's name for the buildpacks.
	Name string
	// Files are by their path below it.
	Files map[string][]byte
}

// BindingError says why a binding cannot be used.
type BindingError struct {
	// Name is the binding's, Dir where it was looked for.
	Name, Dir string
	Err       error
}

func (e *BindingError) Error() string {
	return fmt.Sprintf("service binding %s in %s: %v", e.Name, e.Dir, e.Err)
}

// Unwrap is what is wrong with it.
func (e *BindingError) Unwrap() error { return e.Err }

// FindBindings are the directories of bindings that a person names, by name.
// Each word is DIR or NAME=DIR. A directory without a file "type" is one of
// bindings, as SERVICE_BINDING_ROOT is; the name of a binding is by default that
// of its directory.
func FindBindings(words []string) (map[string]string, error) {
	found := map[string]string{}
	add := func(name, dir string) error {
		if !isBindingName(name) {
			return &BindingError{name, dir, errors.New("expected a name of letters, digits, dots, dashes and underscores; write NAME=DIR")}
		}
		if other, twice := found[name]; twice {
			return &BindingError{name, dir, fmt.Errorf("there is one of that name in %s; write NAME=DIR", other)}
		}
		found[name] = dir
		return nil
	}
	for _, word := range words {
		name, dir, named := strings.Cut(word, "=")
		if !named || strings.Contains(name, "/") {
			name, dir, named = "", word, false
		}
		if dir == "" {
			return nil, &BindingError{name, word, errors.New("expected DIR or NAME=DIR")}
		}
		dir, err := filepath.Abs(dir)
		if err != nil {
			return nil, err
		}
		if !named {
			name = filepath.Base(dir)
		}
		entries, err := os.ReadDir(dir)
		switch {
		case errors.Is(err, syscall.ENOTDIR):
			return nil, &BindingError{name, dir, errors.New("expected a directory, found a file")}
		case err != nil:
			return nil, &BindingError{name, dir, err}
		}
		several := !named && !slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == "type" })
		if !several {
			if err := add(name, dir); err != nil {
				return nil, err
			}
			continue
		}
		before := len(found)
		for _, entry := range entries {
			at := filepath.Join(dir, entry.Name())
			if info, err := os.Stat(at); err != nil || !info.IsDir() || strings.HasPrefix(entry.Name(), ".") {
				continue
			}
			if err := add(entry.Name(), at); err != nil {
				return nil, err
			}
		}
		if len(found) == before {
			return nil, &BindingError{name, dir, errNoType}
		}
	}
	return found, nil
}

var (
	bindingForm = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]*$`)
	errNoType   = errors.New("there is no file \"type\" that says what service it is for, such as postgresql")
)

// isBindingName says whether a binding may have that name, which is that of a
// directory. Counting in the pattern would make it a large program.
func isBindingName(name string) bool {
	const longest = 253
	return len(name) <= longest && bindingForm.MatchString(name)
}

const (
	// maxBinding bounds the files of a binding, in bytes together. A secret of
	// Kubernetes has at most a MiB.
	maxBinding = 16 << 20
	// maxBindingFiles bounds their number, and maxBindingDepth how deep they lie.
	maxBindingFiles = 1000
	maxBindingDepth = 8
)

// ReadBindings reads the directories of bindings, by name; links may lead from
// one file to another of the same binding only. Errors are a *BindingError.
func ReadBindings(dirs map[string]string) ([]Binding, error) {
	var all []Binding
	for _, name := range slices.Sorted(maps.Keys(dirs)) {
		b := Binding{Name: name, Files: map[string][]byte{}}
		err := b.read(dirs[name])
		if err == nil && b.Files["type"] == nil {
			err = errNoType
		}
		if err != nil {
			return nil, &BindingError{name, dirs[name], err}
		}
		all = append(all, b)
	}
	return all, nil
}

func (b Binding) read(dir string) error {
	if !isBindingName(b.Name) {
		return errors.New("expected a name of letters, digits, dots, dashes and underscores")
	}
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return errors.New("expected a directory, found a file")
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	left := int64(maxBinding)
	return b.readDir(root, ".", &left)
}

// readDir reads the files of one directory, of at most left bytes together.
func (b Binding) readDir(root *os.Root, dir string, left *int64) error {
	if strings.Count(dir, "/") > maxBindingDepth {
		return fmt.Errorf("%s lies more than %d directories deep", dir, maxBindingDepth)
	}
	entries, err := fs.ReadDir(root.FS(), dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), "..") {
			continue // where Kubernetes keeps the versions that its links lead to
		}
		name := path.Join(dir, entry.Name())
		info, err := root.Stat(name)
		switch {
		case err != nil:
			return err
		case info.IsDir() && entry.Type()&fs.ModeSymlink != 0:
			err = fmt.Errorf("%s is a link to a directory; expected links to files only", name)
		case info.IsDir():
			err = b.readDir(root, name, left)
		case !info.Mode().IsRegular():
			err = fmt.Errorf("%s is neither a file nor a directory", name)
		case len(b.Files) == maxBindingFiles:
			err = fmt.Errorf("more than %d files", maxBindingFiles)
		default:
			err = b.readFile(root, name, left)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (b Binding) readFile(root *os.Root, name string, left *int64) error {
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, *left+1))
	if err != nil {
		return err
	}
	if *left -= int64(len(content)); *left < 0 {
		return fmt.Errorf("more than %d MiB", maxBinding>>20)
	}
	b.Files[name] = content
	return nil
}

// Secrets are the values of bindings that nobody should read in what a build
// prints: all but those that say what the service is and where. A value with
// white space around it is there with and without.
func Secrets(bindings []Binding) []string {
	public := []string{"type", "provider", "host", "port"}
	var values []string
	for _, b := range bindings {
		for _, name := range slices.Sorted(maps.Keys(b.Files)) {
			value := bytes.TrimSpace(b.Files[name])
			if len(value) == 0 || slices.Contains(public, name) {
				continue
			}
			values = append(values, string(value))
			if len(value) < len(b.Files[name]) {
				values = append(values, string(b.Files[name]))
			}
		}
	}
	return values
}
