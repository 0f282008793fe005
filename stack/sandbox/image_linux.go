package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// imageRoot shows a root filesystem of its own. Its top-level entries are
// shown one by one, so that places beside them can be made.
func imageRoot(dir string) ([]step, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	image, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("opening the root filesystem of the stack: %w", err)
	}
	defer image.Close()
	entries, err := fs.ReadDir(image.FS(), ".")
	if err != nil {
		return nil, fmt.Errorf("opening the root filesystem of the stack: %w", err)
	}
	var steps []step
	for _, e := range entries {
		place := "/" + e.Name()
		switch {
		case slices.Contains([]string{"dev", "proc", "run", "sys", "tmp"}, e.Name()):
		case e.Type()&fs.ModeSymlink != 0:
			to, err := image.Readlink(e.Name())
			if err != nil {
				return nil, err
			}
			steps = append(steps, step{Kind: link, Path: place, Text: to})
		default:
			steps = append(steps, step{Kind: bind, Path: place, Source: filepath.Join(dir, e.Name())})
		}
	}
	steps = append(steps,
		step{Kind: directory, Path: "/run"},
		step{Kind: directory, Path: "/sys"})
	passwd, err := imageText(image, "etc/passwd", basicPasswd)
	if err != nil {
		return nil, err
	}
	group, err := imageText(image, "etc/group", basicGroup)
	if err != nil {
		return nil, err
	}
	hosts, err := readHosts("/")
	if err != nil {
		return nil, err
	}
	steps = append(steps,
		step{Kind: text, Path: "/etc/group", Text: withGroup(group)},
		step{Kind: text, Path: "/etc/hosts", Text: withHostName(string(hosts))},
		step{Kind: text, Path: "/etc/passwd", Text: withUser(passwd)})
	if _, err := os.Stat("/etc/resolv.conf"); err == nil {
		steps = append(steps, step{Kind: bind, Path: "/etc/resolv.conf", Source: "/etc/resolv.conf"})
	}
	return steps, nil
}

// imageText reads a file of the image; without it, it is otherwise. A link
// that leads out of the image is an error.
func imageText(image *os.Root, name, otherwise string) (string, error) {
	content, err := image.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return otherwise, nil
	}
	if err != nil {
		return "", fmt.Errorf("reading the root filesystem of the stack: %w", err)
	}
	return string(content), nil
}
