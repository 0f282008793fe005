package receive

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/slugc/slugc/build/beside"
)

// The names of the hooks (githooks(5)): before git takes a push, and after.
const (
	Pre  = "pre-receive"
	Post = "post-receive"
)

// mark is in hooks that are ours.
const mark = "# slugc receive: this file is made by slugc receive install"

// Hook is what is put into a repository.
type Hook struct {
	// Name is Pre or Post.
	Name string
	// Program is slugc, an absolute path.
	Program string
	// Env are the variables that it is started with, as NAME=value.
	Env []string
}

// RepositoryError says that a directory is no bare repository.
type RepositoryError struct{ Dir, Problem string }

func (e *RepositoryError) Error() string {
	return fmt.Sprintf("%s %s; expected a bare repository, which git init --bare %s makes", e.Dir, e.Problem, e.Dir)
}

// ForeignError says that there is a hook already that is not ours.
type ForeignError struct{ File, Program, Name string }

func (e *ForeignError) Error() string {
	flag := ""
	if e.Name == Post {
		flag = " --post"
	}
	return fmt.Sprintf("%s is a hook of somebody else, and stays as it is. Have it end with this line, which gets what it gets on its standard input, and install again with --adopt:\n  exec %s receive%s", e.File, shell(e.Program), flag)
}

// Open is the directory of a bare repository.
func Open(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	place, err := filepath.EvalSymlinks(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return "", &RepositoryError{dir, "is not there"}
	}
	if err != nil {
		return "", err
	}
	for _, name := range []string{"objects", "refs"} {
		if info, err := os.Stat(filepath.Join(place, name)); err != nil || !info.IsDir() {
			return "", &RepositoryError{dir, "is no bare repository"}
		}
	}
	for _, name := range []string{"HEAD", "config"} {
		if _, err := os.Stat(filepath.Join(place, name)); err != nil {
			return "", &RepositoryError{dir, "is no bare repository"}
		}
	}
	if filepath.Base(place) == ".git" {
		return "", &RepositoryError{dir, "has a work tree, which a push does not change"}
	}
	return place, nil
}

// Install puts a hook and the settings of an app into a bare repository. The hook is the same
// for all apps of it. With adopt a hook that is not ours stays, and is trusted to call
// slugc receive.
func Install(dir string, a App, h Hook, adopt bool) (file string, err error) {
	if err := a.Check(); err != nil {
		return "", err
	}
	hooks := filepath.Join(dir, "hooks")
	if err := os.MkdirAll(hooks, 0o755); err != nil {
		return "", fmt.Errorf("installing the hook: %w", err)
	}
	other := Post
	if h.Name == Post {
		other = Pre
	}
	if ours, err := isOurs(filepath.Join(hooks, other)); err != nil {
		return "", err
	} else if ours {
		return "", fmt.Errorf("%s calls slugc already, and would build a second time; remove it first: rm %s", filepath.Join(hooks, other), filepath.Join(hooks, other))
	}
	file = filepath.Join(hooks, h.Name)
	ours, err := isOurs(file)
	if err != nil {
		return "", err
	}
	if _, err := os.Lstat(file); err == nil && !ours {
		if !adopt {
			return "", &ForeignError{File: file, Program: h.Program, Name: h.Name}
		}
	} else if err := writeWhole(file, []byte(h.script()), 0o755); err != nil {
		return "", fmt.Errorf("installing the hook: %w", err)
	}
	return file, change(dir, a.App, a.lines()+keepAlive)
}

// keepAlive has git find out sooner that a pusher is gone: what it sends every so many seconds, 5 when nobody
// says, cannot be sent (git-config(1)). A repository that has a setting of its own keeps that.
const keepAlive = "[receive]\n\tkeepAlive = 2\n"

// Remove takes the settings of an app out of a repository, and the hook with the last of them: it
// returns the files that are gone.
func Remove(dir, app string) (gone []string, err error) {
	text, err := os.ReadFile(filepath.Join(dir, "config"))
	if err != nil {
		return nil, err
	}
	rest := replaced(string(text), app, "")
	if rest == string(text) {
		return nil, fmt.Errorf("no pushes to %s are built as %s", dir, app)
	}
	if err := change(dir, app, ""); err != nil {
		return nil, err
	}
	if replaced(rest, "", "") != rest {
		return nil, nil
	}
	for _, name := range []string{Pre, Post} {
		file := filepath.Join(dir, "hooks", name)
		ours, err := isOurs(file)
		if err == nil && ours {
			err = os.Remove(file)
			gone = append(gone, file)
		}
		if err != nil {
			return gone, err
		}
	}
	return gone, nil
}

// isOurs is whether a hook is there that was made here.
func isOurs(file string) (bool, error) {
	content, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return bytes.Contains(content, []byte(mark)), err
}

// script is the hook.
func (h Hook) script() string {
	var b strings.Builder
	b.WriteString("#!/bin/sh\n" + mark + "\n")
	for _, variable := range h.Env {
		name, value, _ := strings.Cut(variable, "=")
		fmt.Fprintf(&b, "export %s=%s\n", name, shell(value))
	}
	fmt.Fprintf(&b, "exec %s receive", shell(h.Program))
	if h.Name == Post {
		b.WriteString(" --post")
	}
	b.WriteByte('\n')
	return b.String()
}

// shell quotes a word for sh.
func shell(word string) string {
	if word != "" && strings.Trim(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-") == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// change replaces the section of an app in the config of a repository, under the lock that git
// takes for it.
func change(dir, app, lines string) (err error) {
	file := filepath.Join(dir, "config")
	lock, err := os.OpenFile(file+".lock", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("another process changes %s; when there is none, remove %s.lock", file, file)
	}
	if err != nil {
		return fmt.Errorf("changing %s: %w", file, err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("changing %s: %w", file, errors.Join(err, os.Remove(file+".lock")))
		}
	}()
	content, err := os.ReadFile(file)
	if err == nil {
		_, err = lock.WriteString(replaced(string(content), app, lines))
	}
	if info, statErr := os.Stat(file); err == nil && statErr == nil {
		err = lock.Chmod(info.Mode().Perm())
	}
	if err = errors.Join(err, lock.Sync(), lock.Close()); err != nil {
		return err
	}
	return os.Rename(file+".lock", file)
}

// hasKeepAlive finds a setting of keepAlive.
var hasKeepAlive = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?im)^\s*keepalive\s*=`) })

// replaced is the text of a git config with other lines in place of the section of an app, or of
// those of all apps when it is empty.
func replaced(text, app, lines string) string {
	var b strings.Builder
	inside := false
	for line := range strings.Lines(text) {
		if head := strings.TrimSpace(line); strings.HasPrefix(head, "[") {
			name, _, _ := strings.Cut(head, "]")
			kind, whose, _ := strings.Cut(strings.TrimSpace(name[1:]), " ")
			inside = strings.EqualFold(kind, section) && (app == "" || strings.TrimSpace(whose) == quoted(app))
		}
		if !inside {
			b.WriteString(line)
		}
	}
	kept := b.String()
	if kept != "" && !strings.HasSuffix(kept, "\n") {
		kept += "\n"
	}
	if hasKeepAlive().MatchString(kept) {
		lines = strings.TrimSuffix(lines, keepAlive)
	}
	return kept + lines
}

// writeWhole writes a file, whole or not at all.
func writeWhole(file string, content []byte, mode fs.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(file), beside.Prefix)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return beside.SyncDir(filepath.Dir(file))
}
