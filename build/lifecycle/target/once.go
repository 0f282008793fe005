package target

import (
	"context"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"
)

// Once is a Target that is asked about an image once: what phases of one process
// say of it is of the same image, and no registry is asked again and again.
type Once struct {
	Target

	mu    sync.Mutex
	found map[string]Found
}

var (
	_ Target   = (*Once)(nil)
	_ Namer    = (*Once)(nil)
	_ Checker  = (*Once)(nil)
	_ Unpacker = (*Once)(nil)
)

// Find looks for an image, or remembers what it found by a name or an ID. What
// failed is tried again.
func (o *Once) Find(ctx context.Context, image string) (Found, error) {
	o.mu.Lock()
	known, is := o.found[image]
	o.mu.Unlock()
	if is {
		return known, nil
	}
	found, err := o.Target.Find(ctx, image)
	if err != nil {
		return Found{}, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.found == nil {
		o.found = map[string]Found{}
	}
	o.found[image] = found
	if found.There {
		o.found[found.ID] = found
	}
	return found, nil
}

// Access remembers the images that can be read, of a registry.
func (o *Once) Access(ctx context.Context, read, write []string) error {
	registry, is := o.Target.(Registry)
	if !is {
		return o.Target.Access(ctx, read, write)
	}
	group, asking := errgroup.WithContext(ctx)
	for _, image := range once(read) {
		group.Go(func() error {
			// What is remembered is read for longer than the group asks.
			if _, err := o.Find(ctx, image); err != nil {
				return noRead(image, err)
			}
			return nil
		})
	}
	group.Go(func() error { return registry.Access(asking, nil, write) })
	return group.Wait()
}

// once are the names that are not empty, each once.
func once(names []string) []string {
	var all []string
	seen := map[string]bool{"": true}
	for _, name := range names {
		if !seen[name] {
			seen[name] = true
			all = append(all, name)
		}
	}
	return all
}

func noRead(image string, err error) error {
	return fmt.Errorf("validating registry read access: failed to ensure registry read access to %s: %w", image, err)
}

// Unpacks is that of the target.
func (o *Once) Unpacks() bool {
	unpacker, is := o.Target.(Unpacker)
	return is && unpacker.Unpacks()
}

// Named is what messages call an image.
func (o *Once) Named(image string) string {
	if namer, ok := o.Target.(Namer); ok {
		return namer.Named(image)
	}
	return image
}

// Check fails for an image that is not whole.
func (o *Once) Check(ctx context.Context, found Found) error {
	if checker, ok := o.Target.(Checker); ok {
		return checker.Check(ctx, found)
	}
	return nil
}
