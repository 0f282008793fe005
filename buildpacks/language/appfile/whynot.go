package appfile

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// WhyNot says for bin/detect why an app is not one of a language: none of some
// files is in its root, the first of which is the usual one. It tells what is
// there in their place, and what may be wrong if the app is one of the language.
func WhyNot(dir string, names ...string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", fmt.Errorf("looking for %s: %w", names[0], err)
	}
	lines := []string{"no " + either(names) + " in the app's root; " + inPlace(entries)}
	for _, ignore := range []string{".slugignore", ".gitignore"} {
		for _, name := range names {
			ignored, err := lists(filepath.Join(dir, ignore), name)
			if err != nil {
				return "", err
			}
			if ignored {
				lines = append(lines, fmt.Sprintf("%s lists %s, so it does not reach the build: remove that line", ignore, name))
			}
		}
	}
	for _, entry := range entries {
		for _, name := range names {
			if strings.EqualFold(entry.Name(), name) && entry.Name() != name {
				lines = append(lines, fmt.Sprintf("%s is spelled differently: git mv %s %s", entry.Name(), entry.Name(), name))
			}
		}
		if !entry.IsDir() || entry.Name() == "node_modules" || entry.Name() == "vendor" || strings.HasPrefix(entry.Name(), ".") {
			continue
		}
		// A directory that nobody may enter is no app.
		if nested, err := Found(filepath.Join(dir, entry.Name()), names...); err == nil && len(nested) > 0 {
			one := "one"
			if len(names) > 1 {
				one = nested[0]
			}
			lines = append(lines, fmt.Sprintf("there is %s in %s/: to build that directory: slugc build --app %[2]s", one, entry.Name()))
		}
	}
	return strings.Join(lines, "\n"), nil
}

// either is some names as "a, b or c".
func either(names []string) string {
	if len(names) == 1 {
		return names[0]
	}
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}

// inPlace lists what is in the root.
func inPlace(entries []os.DirEntry) string {
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
