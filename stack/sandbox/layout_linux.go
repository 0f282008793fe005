package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// hostName is the name of the machine as seen inside.
const hostName = "slugc"

// bundle is where programs look first for the certificates of authorities.
const bundle = "/etc/ssl/certs/ca-certificates.crt"

// step makes one place of the new root filesystem. Steps are worked out by the
// parent, which reads the machine at leisure, and carried out by the set-up
// stage, which has the power.
type step struct {
	Kind kind
	// Path is the place inside; directories on the way are made.
	Path string
	// Source is the file or directory of this machine that a bind shows.
	Source   string
	Writable bool
	// Text is what a link points to, and the content of a text.
	Text string
	// Own says that the place, at the top, belongs to the stack alone: what
	// else is there is removed.
	Own bool
}

// kind says what a step makes.
type kind int

const (
	// directory is an empty directory that nobody can write.
	directory kind = iota
	// scratch is an empty directory that everybody can write.
	scratch
	// sealed is a directory in memory that becomes read-only when all is in
	// place.
	sealed
	link
	// text is a read-only file.
	text
	bind
)

// layout works out the root filesystem for c, on top of the directory root of
// this machine if that is not empty.
func layout(c Command, root, caCert string) ([]step, error) {
	host, err := openTree("/")
	if err != nil {
		return nil, err
	}
	defer host.Close()
	var steps []step
	if c.Stack.Root == "" {
		steps, err = hostRoot(host, "/")
	} else {
		steps, err = imageRoot(c.Stack.Root)
	}
	if err != nil {
		return nil, err
	}
	steps = append(steps,
		step{Kind: scratch, Path: "/tmp"},
		step{Kind: scratch, Path: "/var/tmp"})
	if caCert != "" {
		source, err := sourceOf(caCert)
		if err != nil {
			return nil, fmt.Errorf("showing the certificates of authorities: %w", err)
		}
		steps = append(steps, step{Kind: bind, Path: bundle, Source: source})
	}
	if root != "" {
		steps = inRoot(root, steps)
	}
	for _, m := range c.Mounts {
		s, err := mountStep(m)
		if err != nil {
			return nil, err
		}
		steps = append(steps, s)
	}
	return steps, nil
}

// mountStep is the step for a mount of the caller.
func mountStep(m Mount) (step, error) {
	switch {
	case !path.IsAbs(m.Target):
		return step{}, fmt.Errorf("showing %s at %q: expected an absolute path", m.Source, m.Target)
	case slices.Contains(strings.Split(m.Target, "/"), ".."):
		return step{}, fmt.Errorf(`showing %s at %q: expected a path without ".."`, m.Source, m.Target)
	}
	target := path.Clean(m.Target)
	if target == "/" || target == "/proc" || strings.HasPrefix(target, "/proc/") {
		return step{}, fmt.Errorf("showing %s at %s: that place belongs to the sandbox", m.Source, target)
	}
	source, err := sourceOf(m.Source)
	if err != nil {
		return step{}, fmt.Errorf("showing %s at %s: %w", m.Source, target, err)
	}
	return step{Kind: bind, Path: target, Source: source, Writable: m.Writable}, nil
}

// sourceOf is the absolute form of a path that exists on this machine.
func sourceOf(name string) (string, error) {
	if name == "" {
		return "", errors.New("no source is given")
	}
	abs, err := filepath.Abs(name)
	if err != nil {
		return "", err
	}
	_, err = os.Stat(abs)
	return abs, err
}
