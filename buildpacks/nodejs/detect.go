package nodejs

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/buildpacks/libcnb/v2"
)

// Detect returns bin/detect: it passes for an app with a package.json in its
// root, and otherwise prints to out why it does not (CNB Buildpack API,
// "Phase #1: Detection").
func Detect(out io.Writer) libcnb.DetectFunc {
	return func(c libcnb.DetectContext) (libcnb.DetectResult, error) {
		info, err := os.Stat(filepath.Join(c.ApplicationPath, manifestFile))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			reason, err := whyNot(c.ApplicationPath)
			if err != nil {
				return libcnb.DetectResult{}, err
			}
			_, err = fmt.Fprintln(out, reason)
			return libcnb.DetectResult{}, err
		case err != nil:
			return libcnb.DetectResult{}, fmt.Errorf("looking for %s: %w", manifestFile, err)
		case !info.Mode().IsRegular():
			_, err := fmt.Fprintf(out, "%s in the app's root is not a file\n", manifestFile)
			return libcnb.DetectResult{}, err
		}
		return libcnb.DetectResult{Pass: true, Plans: []libcnb.BuildPlan{{
			Provides: []libcnb.BuildPlanProvide{{Name: "node"}},
			Requires: []libcnb.BuildPlanRequire{{Name: "node"}},
		}}}, nil
	}
}

// whyNot says why an app without package.json is not one of Node.js, and what
// may be wrong if it is one.
func whyNot(dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", fmt.Errorf("looking for %s: %w", manifestFile, err)
	}
	lines := []string{"no " + manifestFile + " in the app's root; " + found(entries)}
	for _, name := range []string{".slugignore", ".gitignore"} {
		ignored, err := lists(filepath.Join(dir, name), manifestFile)
		if err != nil {
			return "", err
		}
		if ignored {
			lines = append(lines, fmt.Sprintf("%s lists %s, so it does not reach the build: remove that line", name, manifestFile))
		}
	}
	for _, entry := range entries {
		name := entry.Name()
		if strings.EqualFold(name, manifestFile) {
			lines = append(lines, fmt.Sprintf("%s is spelled differently: git mv %s %s", name, name, manifestFile))
		}
		if !entry.IsDir() || name == "node_modules" {
			continue
		}
		nested, err := exists(dir, filepath.Join(name, manifestFile))
		// A directory that nobody may enter is no app.
		if err == nil && nested {
			lines = append(lines, fmt.Sprintf("there is one in %s/: to build that directory, name it as the source", name))
		}
	}
	return strings.Join(lines, "\n"), nil
}

// found lists what is in the root in its place.
func found(entries []os.DirEntry) string {
	const most = 8
	var names []string
	for _, entry := range entries {
		name := entry.Name()
		if name == ".slugc" {
			continue // the platform's layers, not the app's
		}
		if entry.IsDir() {
			name += "/"
		}
		names = append(names, name)
	}
	if len(names) == 0 {
		return "it is empty"
	}
	// What begins with a dot seldom tells what an app is.
	slices.SortStableFunc(names, func(a, b string) int {
		switch {
		case a[0] == '.' && b[0] != '.':
			return 1
		case a[0] != '.' && b[0] == '.':
			return -1
		}
		return 0
	})
	if extra := len(names) - most; extra > 0 {
		names = append(names[:most], fmt.Sprintf("and %d more", extra))
	}
	return "found: " + strings.Join(names, ", ")
}

// lists tells whether an ignore file names a file of the root.
func lists(file, name string) (bool, error) {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("looking for %s: %w", name, err)
	}
	defer f.Close()
	scanner := bufio.NewScanner(f)
	for scanner.Scan() {
		if strings.TrimPrefix(strings.TrimSpace(scanner.Text()), "/") == name {
			return true, nil
		}
	}
	if err := scanner.Err(); err != nil {
		return false, fmt.Errorf("reading %s: %w", file, err)
	}
	return false, nil
}
