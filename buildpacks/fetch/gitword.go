package fetch

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/slugc/slugc/stack/download"
	"github.com/slugc/slugc/stack/sandbox"
)

// Words of git and of what it runs, by what they mean to a person.
var (
	passingWords = []string{
		"Could not resolve host", "Connection refused", "Connection reset", "Connection timed out", "Operation timed out",
		"Failed to connect", "Operation too slow", "unexpected disconnect", "early EOF", "RPC failed", "Network is unreachable",
		"No route to host", "Temporary failure in name resolution", "Could not resolve hostname", "kex_exchange_identification",
		"returned error: 408", "returned error: 429", "returned error: 5",
	}
	deniedWords = []string{
		"could not read Username", "could not read Password", "Authentication failed", "Permission denied",
		"returned error: 401", "returned error: 403", "Host key verification failed",
	}
	missingWords = []string{"not found", "does not appear to be a git repository", "does not exist", "not a git repository"}
)

// explainGit says why git failed, for people, and whether it may pass.
func explainGit(exit *sandbox.ExitError, complaint string) error {
	complaint = strings.TrimSpace(complaint)
	err := fmt.Errorf("git: %w", exit)
	if complaint != "" {
		err = &said{"git: " + complaint, exit}
	}
	says := func(words []string) bool {
		for _, w := range words {
			if strings.Contains(complaint, w) {
				return true
			}
		}
		return false
	}
	switch {
	case exit.Code == 127:
		return &said{"there is no git on this machine; install it, or name an archive", exit}
	case says(passingWords):
		return &download.Error{Fault: download.Passing, Err: err}
	case says(deniedWords):
		return fmt.Errorf("there is no such repository, or it does not let you: %w", err)
	case says(missingWords):
		return fmt.Errorf("there is no such repository: %w", err)
	}
	return err
}

const (
	// pointer begins a file that Git LFS has elsewhere (Git LFS, "The
	// Pointer"), and maxPointer is how long it may be.
	pointer    = "version https://git-lfs.github.com/spec/"
	maxPointer = 1024
)

// noPointers refuses a tree of which Git LFS has files elsewhere.
func noPointers(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	return fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err != nil || info.Size() > maxPointer || info.Size() < int64(len(pointer)) {
			return err
		}
		head := make([]byte, len(pointer))
		file, err := root.Open(filepath.FromSlash(name))
		if err != nil {
			return err
		}
		_, err = io.ReadFull(file, head)
		if err = errors.Join(err, file.Close()); err != nil {
			return err
		}
		if string(head) == pointer {
			return fmt.Errorf("%s is a pointer of Git LFS, and its content is not in the repository; commit the file itself, or pack the buildpack and name the archive", name)
		}
		return nil
	})
}
