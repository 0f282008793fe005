package deploy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sync/errgroup"

	"github.com/slugc/slugc/build"
	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/pack"
	"github.com/slugc/slugc/release"
)

// LeakError says that what would be handed out has a secret in it.
type LeakError struct {
	// Name is the secret's, and Place where it is: a file, a label, a process
	// type.
	Name, Place string
}

func (e *LeakError) Error() string {
	return fmt.Sprintf("the secret %s is in %s, and whoever has the artifact would have it; remove it where it gets there, or hand it in with -e if it is none", e.Name, e.Place)
}

// forget clears the cache of a build that left a secret in what it made, so that
// the secret does not stay on this machine.
func (w *workplace) forget(err error) error {
	if _, leak := errors.AsType[*LeakError](err); leak {
		return errors.Join(err, w.entry.Clear())
	}
	return err
}

// shortestSecret is the length in bytes below which a value is too likely to be
// in a file by chance.
const shortestSecret = 8

// guard looks for secrets in all that a tree hands out: the files that are packed,
// labels, processes and config vars. It returns a *LeakError for the first.
func guard(ctx context.Context, tree artifact.Tree, found build.Walked, secrets map[string]string) error {
	g := newGuardian(secrets)
	if len(g.names) == 0 {
		return nil
	}
	if err := g.texts(tree); err != nil {
		return err
	}
	if err := g.files(ctx, tree.App.Host, tree.App.Path, found.App); err != nil {
		return err
	}
	for _, l := range slices.Concat(tree.LaunchLayers, tree.CacheLayers) {
		if l.Dir.Host == "" {
			continue
		}
		if err := g.files(ctx, l.Dir.Host, l.Dir.Path, found.Layers[l.ID()]); err != nil {
			return err
		}
	}
	return nil
}

// guardian looks for secrets.
type guardian struct {
	values map[string][]byte
	// names are those of the values, sorted.
	names []string
}

// newGuardian looks for those secrets that are long enough to be told from what
// is there by chance.
func newGuardian(secrets map[string]string) guardian {
	values := map[string][]byte{}
	for name, value := range secrets {
		if value = strings.TrimSpace(value); len(value) >= shortestSecret {
			values[name] = []byte(value)
		}
	}
	return guardian{values: values, names: slices.Sorted(maps.Keys(values))}
}

// in is the name of the first secret that is in data, empty for none.
func (g guardian) in(data []byte) string {
	for _, name := range g.names {
		if bytes.Contains(data, g.values[name]) {
			return name
		}
	}
	return ""
}

// texts looks at what is no file.
func (g guardian) texts(tree artifact.Tree) error {
	places := map[string]string{}
	for _, label := range tree.Labels {
		places["the label "+label.Key] = label.Value
	}
	types := map[string]bool{}
	for _, p := range tree.Metadata.Processes {
		types[p.Type] = true
		places["the command of the process type "+p.Type] = release.CommandLine(p)
	}
	for name, value := range tree.ConfigVars {
		places["the config var "+name] = value
	}
	places["the names of process types"] = strings.Join(slices.Sorted(maps.Keys(types)), "\n")
	places["what the buildpack calls the app"] = tree.Description
	places["the add-ons"] = strings.Join(tree.Addons, "\n")
	for _, l := range tree.LaunchLayers {
		places["the metadata of layer "+l.ID()] = fmt.Sprint(l.Metadata)
	}
	for _, place := range slices.Sorted(maps.Keys(places)) {
		if name := g.in([]byte(places[place])); name != "" {
			return &LeakError{Name: name, Place: place}
		}
	}
	return nil
}

// files looks at the files of an index.
func (g guardian) files(ctx context.Context, host, path string, index pack.Index) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for _, entry := range index {
		place := filepath.Join(path, entry.Path)
		if name := g.in([]byte(entry.Path + "\x00" + entry.Link)); name != "" {
			return errors.Join(&LeakError{Name: name, Place: "the name of " + place}, group.Wait())
		}
		if !entry.Mode.IsRegular() {
			continue
		}
		group.Go(func() error {
			name, err := g.inFile(ctx, filepath.Join(host, entry.Path))
			if err == nil && name != "" {
				err = &LeakError{Name: name, Place: place}
			}
			return err
		})
	}
	return group.Wait()
}

// inFile is in for the content of a file.
func (g guardian) inFile(ctx context.Context, file string) (string, error) {
	f, err := os.OpenFile(file, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return "", err
	}
	defer f.Close()
	overlap := 0
	for _, value := range g.values {
		overlap = max(overlap, len(value)-1)
	}
	// What is cut in two by the end of a stretch is whole in the next.
	buffer := make([]byte, overlap+256<<10)
	kept := 0
	for ctx.Err() == nil {
		n, err := io.ReadFull(f, buffer[kept:])
		if name := g.in(buffer[:kept+n]); name != "" {
			return name, nil
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		kept = copy(buffer, buffer[kept+n-overlap:kept+n])
	}
	return "", ctx.Err()
}
