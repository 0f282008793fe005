package kept

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/launch"
	"github.com/slugc/slugc/stack/sandbox"
)

// noteName is the file with the command.
const noteName = "command.json"

// schema is the version of the note's form.
const schema = 1

// Kept is a failed build on disk.
type Kept struct {
	// Dir holds it.
	Dir string
	// Args are the command that failed, as it was seen inside.
	Args []string

	command sandbox.Command
}

// note is the file form of a command. Paths of this machine that lie in what is
// kept are relative to it.
type note struct {
	Schema  int             `json:"schema"`
	StackID string          `json:"stack"`
	Root    string          `json:"stack_root,omitempty"`
	Target  stack.Target    `json:"target"`
	Place   string          `json:"root,omitempty"`
	Mounts  []sandbox.Mount `json:"mounts"`
	Args    []string        `json:"args"`
	Dir     string          `json:"dir"`
	Env     []string        `json:"env"`
	Network bool            `json:"network"`
}

// Keep moves directories of a build to a new directory below root, whose name
// begins with name, and notes the command that worked in them. Those that are
// not there are left out.
func Keep(root, name string, c sandbox.Command, dirs []string) (k Kept, err error) {
	if err := os.MkdirAll(root, 0o700); err != nil {
		return k, fmt.Errorf("keeping the failed build: %w", err)
	}
	dir, err := os.MkdirTemp(root, plain(name)+"-")
	if err != nil {
		return k, fmt.Errorf("keeping the failed build: %w", err)
	}
	n := note{
		Schema: schema, StackID: c.Stack.ID, Root: c.Stack.Root, Target: c.Stack.Target, Place: c.Root,
		Args: c.Args, Dir: c.Dir, Env: c.Env, Network: c.Network,
	}
	n.Mounts = append(n.Mounts, c.Mounts...)
	for _, from := range dirs {
		base := filepath.Base(from)
		if err := sandbox.Move(from, filepath.Join(dir, base)); errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return k, fmt.Errorf("keeping the failed build: %w", err)
		}
		n.Place = moved(n.Place, from, base)
		for i, m := range n.Mounts {
			n.Mounts[i].Source = moved(m.Source, from, base)
		}
	}
	text, err := json.MarshalIndent(n, "", "  ")
	if err != nil {
		return k, fmt.Errorf("keeping the failed build: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, noteName), append(text, '\n'), 0o600); err != nil {
		return k, fmt.Errorf("keeping the failed build: %w", err)
	}
	return Open(dir)
}

// plain is a name as the beginning of one of a directory.
func plain(name string) string {
	const most = 60
	name = strings.Map(func(r rune) rune {
		if strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-", r) {
			return r
		}
		return '_'
	}, name)
	return name[:min(len(name), most)]
}

// moved is a path of which the beginning was moved to base.
func moved(path, from, base string) string {
	if rel, err := filepath.Rel(from, path); path != "" && err == nil && filepath.IsLocal(rel) {
		return filepath.Join(base, rel)
	}
	return path
}

// Open reads what Keep left.
func Open(dir string) (Kept, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return Kept{}, err
	}
	text, err := os.ReadFile(filepath.Join(dir, noteName))
	if errors.Is(err, fs.ErrNotExist) {
		return Kept{}, fmt.Errorf("%s holds no failed build; slugc build --keep leaves one", dir)
	}
	if err != nil {
		return Kept{}, err
	}
	var n note
	if err := json.Unmarshal(text, &n); err != nil {
		return Kept{}, fmt.Errorf("reading %s: %w", filepath.Join(dir, noteName), err)
	}
	if n.Schema != schema || len(n.Args) == 0 {
		return Kept{}, fmt.Errorf("%s is of another version of slugc", filepath.Join(dir, noteName))
	}
	absolute := func(path string) string {
		if path == "" || filepath.IsAbs(path) {
			return path
		}
		return filepath.Join(dir, path)
	}
	c := sandbox.Command{
		Stack: stack.Stack{ID: n.StackID, Root: n.Root, Target: n.Target}, Root: absolute(n.Place),
		Dir: n.Dir, Env: n.Env, Network: n.Network,
	}
	for _, m := range n.Mounts {
		m.Source = absolute(m.Source)
		c.Mounts = append(c.Mounts, m)
	}
	return Kept{Dir: dir, Args: n.Args, command: c}, nil
}

// Command is a command in the place of the one that failed, with its
// environment and more; without args it is a shell.
func (k Kept) Command(args []string, more launch.Env) sandbox.Command {
	c := k.command
	env := launch.NewEnv(c.Env)
	for name, value := range more {
		env[name] = value
	}
	c.Env = env.List()
	if c.Args = args; len(args) == 0 {
		c.Args = []string{"bash"}
	}
	return c
}

// Prune removes the failed builds below root that were kept before a time, and
// returns how many there were.
func Prune(root string, before time.Time) (removed int, err error) {
	entries, err := os.ReadDir(root)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("removing failed builds: %w", err)
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || !info.IsDir() || info.ModTime().After(before) {
			continue
		}
		if err := sandbox.Remove(filepath.Join(root, entry.Name())); err != nil {
			return removed, fmt.Errorf("removing failed builds: %w", err)
		}
		removed++
	}
	return removed, nil
}
