package stack

import (
	"cmp"
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// libcPlaces is where distributions keep the C library, below a root.
var libcPlaces = []string{
	"lib/*-linux-gnu/libc.so.6", "lib64/libc.so.6", "usr/lib64/libc.so.6", "lib/libc.so.6", "usr/lib/libc.so.6",
}

// Glibc is the version of the GNU C library of a root filesystem ("2.41"): the
// newest GLIBC_ version that it defines. It is empty where there is none, as
// on distributions with another C library.
func Glibc(root string) (string, error) {
	for _, pattern := range libcPlaces {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			return "", err
		}
		for _, file := range found {
			version, err := glibcVersion(file)
			if err != nil {
				return "", fmt.Errorf("reading the version of the C library %s: %w", file, err)
			}
			if version != "" {
				return version, nil
			}
		}
	}
	return "", nil
}

func glibcVersion(file string) (string, error) {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil // a link that leads nowhere
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	library, err := elf.NewFile(f)
	if err != nil {
		return "", err
	}
	versions, err := library.DynamicVersions()
	if err != nil {
		return "", err
	}
	newest := ""
	for _, v := range versions {
		number, is := strings.CutPrefix(v.Name, "GLIBC_")
		if is && (newest == "" || compareGlibc(number, newest) > 0) && number[0] >= '0' && number[0] <= '9' {
			newest = number
		}
	}
	return newest, nil
}

// compareGlibc compares two versions of the C library: -1, 0 or 1. A part that
// is no number counts as 0.
func compareGlibc(a, b string) int {
	for a != "" || b != "" {
		var x, y string
		x, a, _ = strings.Cut(a, ".")
		y, b, _ = strings.Cut(b, ".")
		// An error leaves 0, as the sentence above promises.
		m, _ := strconv.Atoi(x)
		n, _ := strconv.Atoi(y)
		if c := cmp.Compare(m, n); c != 0 {
			return c
		}
	}
	return 0
}
