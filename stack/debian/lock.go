package debian

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/debian/control"
)

// LockFile is the usual name of a lock.
const LockFile = "stack.lock.toml"

// schema is the version of the form of a lock.
const schema = 1

// format is the version of what Make does with packages. A change of it gives
// other bytes, and so other digests.
const format = "1"

// Lock pins the packages of a stack's root filesystems, so that they come out
// the same later. It is the file stack.lock.toml.
type Lock struct {
	Schema int `toml:"schema"`
	// Stack and Variant say what it is for.
	Stack   string `toml:"stack"`
	Variant string `toml:"variant"`
	// Images are the root filesystems, one for each architecture.
	Images []LockedImage `toml:"image"`
}

// LockedImage is the packages of one root filesystem, by name.
type LockedImage struct {
	// Arch is the architecture, as GOARCH.
	Arch     string            `toml:"arch"`
	Packages []control.Package `toml:"package"`
}

// NewLock is the lock of the root filesystems of a variant of a stack.
func NewLock(stack, variant string, images ...LockedImage) Lock {
	return Lock{Schema: schema, Stack: stack, Variant: variant, Images: images}
}

// ReadLock reads a lock. An error is a *LockError, or that of a file that is
// not there.
func ReadLock(file string) (Lock, error) {
	info, err := os.Stat(file)
	if err != nil {
		return Lock{}, fmt.Errorf("reading the lock: %w", err)
	}
	// What is no lock may be a device without end, or a pipe that nobody writes
	// to.
	if !info.Mode().IsRegular() || info.Size() > maxLock {
		return Lock{}, &LockError{File: file, Err: fmt.Errorf("expected a file of at most %d bytes", maxLock)}
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return Lock{}, fmt.Errorf("reading the lock: %w", err)
	}
	lock, err := parseLock(string(data))
	if err != nil {
		return Lock{}, &LockError{File: file, Err: err}
	}
	return lock, nil
}

// maxLock bounds a lock, in bytes. That of a build image has 80 kB.
const maxLock = 16 << 20

// LockError says what is wrong with a lock.
type LockError struct {
	File string
	Err  error
}

func (e *LockError) Error() string { return fmt.Sprintf("the lock %s: %v", e.File, e.Err) }

// Unwrap returns the cause.
func (e *LockError) Unwrap() error { return e.Err }

// parseLock reads the text of a lock and checks that all that a package needs
// to be fetched and verified is there.
func parseLock(text string) (Lock, error) {
	var lock Lock
	meta, err := toml.Decode(text, &lock)
	if err != nil {
		return Lock{}, err
	}
	if lock.Schema != schema {
		return Lock{}, fmt.Errorf("schema %d: this version of slugc reads %d", lock.Schema, schema)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return Lock{}, fmt.Errorf("unknown key %s", unknown[0])
	}
	if lock.Stack == "" || lock.Variant == "" {
		return Lock{}, errors.New("expected the names of a stack and a variant")
	}
	for i, image := range lock.Images {
		if image.Arch == "" || slices.ContainsFunc(lock.Images[:i], func(o LockedImage) bool { return o.Arch == image.Arch }) {
			return Lock{}, fmt.Errorf("image %d: arch is %q, expected one of its own", i+1, image.Arch)
		}
		if err := image.check(); err != nil {
			return Lock{}, fmt.Errorf("image %s%w", image.Arch, err)
		}
	}
	return lock, nil
}

// check makes sure that a root filesystem can be made of the packages. The error
// continues the name of the image.
func (i LockedImage) check() error {
	if len(i.Packages) == 0 {
		return errors.New(": expected packages, has none")
	}
	seen := map[string]bool{}
	for at, p := range i.Packages {
		if err := p.Check(); err != nil {
			return fmt.Errorf(", package %d: %w", at+1, err)
		}
		if p.Architecture != i.Arch && p.Architecture != "all" {
			return fmt.Errorf(", package %d: %s is for %s", at+1, p.Name, p.Architecture)
		}
		if seen[p.Name] {
			return fmt.Errorf(", package %d: %s is there twice", at+1, p.Name)
		}
		seen[p.Name] = true
	}
	return nil
}

// Text is the lock as a file has it. Equal locks have equal texts.
func (l Lock) Text() (string, error) {
	var text bytes.Buffer
	text.WriteString("# Made by slugc stack create. Delete it to take newer packages.\n")
	encoder := toml.NewEncoder(&text)
	encoder.Indent = ""
	if err := encoder.Encode(l); err != nil {
		return "", fmt.Errorf("writing the lock: %w", err)
	}
	return text.String(), nil
}

// Image is the root filesystem of an architecture.
func (l Lock) Image(arch string) (LockedImage, error) {
	var known []string
	for _, image := range l.Images {
		if image.Arch == arch {
			return image, nil
		}
		known = append(known, image.Arch)
	}
	return LockedImage{}, fmt.Errorf("the lock has no image for %s; it has %s", arch, strings.Join(known, ", "))
}

// Digest identifies the root filesystem that a variant of a stack is with these
// packages, as "sha256:<hex>": equal digests, equal bytes. Where the packages
// came from does not count.
func (i LockedImage) Digest(d stack.Definition, variant string) (string, error) {
	v, err := d.Variant(variant)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	fmt.Fprintf(sum, "format %s\nstack %q %q %q\nuser %+v\nexclude %q keep %q\n",
		format, d.ID, variant, i.Arch, d.User, v.Exclude, v.Keep)
	for _, p := range i.Packages {
		fmt.Fprintf(sum, "%s %s\n", p.Name, p.SHA256)
	}
	return "sha256:" + hex.EncodeToString(sum.Sum(nil)), nil
}
