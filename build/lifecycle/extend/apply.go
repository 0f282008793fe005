package extend

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/launch"
	"github.com/slugc/slugc/stack/sandbox"
)

// Applier does what Dockerfiles say, where it runs: in the container of the image
// that they extend, as root.
type Applier struct {
	Kind Kind
	// Args are the values of arguments, of which the last of a name counts.
	Args []Argument
	// Context is the directory that files are copied from.
	Context string
	// Env are variables that commands have and the image does not: proxies.
	Env launch.Env
	// Out gets what commands print.
	Out io.Writer
	// Before names all that was done to the image so far, and decides with an
	// instruction, and all that it depends on, its Key.
	Before Key
	// Skip is asked before an instruction changes files whether what it changes is
	// there already. It may be nil.
	Skip func(ctx context.Context, i Instruction, key Key) (bool, error)
	// Changed is called with each instruction that may have changed files, when it is
	// done. It may be nil.
	Changed func(ctx context.Context, i Instruction, key Key) error
}

// Key names what instructions do: the same ones, one after the other, on the same
// image have the same keys.
type Key [sha256.Size]byte

// NewKey is the key of words of which no instruction is one.
func NewKey(words ...string) Key {
	sum := sha256.New()
	for _, word := range words {
		fmt.Fprintf(sum, "%d:%s,", len(word), word)
	}
	return Key(sum.Sum(nil))
}

// String is the key in hexadecimal.
func (k Key) String() string { return hex.EncodeToString(k[:]) }

// UnsupportedError says that a Dockerfile has something that the lifecycle does not
// do.
type UnsupportedError struct {
	Kind Kind
	// What is it: "CMD", "COPY --from".
	What string
	Line int
}

func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("%s command %s on line %d is not supported by this lifecycle", e.Kind.File(), e.What, e.Line)
}

// InstructionError says that an instruction failed.
type InstructionError struct {
	Kind        Kind
	Instruction Instruction
	Err         error
}

func (e *InstructionError) Error() string {
	return fmt.Sprintf("%s, line %d: %s: %v", e.Kind.File(), e.Instruction.Line, strings.TrimSpace(e.Instruction.Text), e.Err)
}

// Unwrap returns the cause.
func (e *InstructionError) Unwrap() error { return e.Err }

// Apply does what a Dockerfile says and returns the config of an image that had the
// given one, with the key of all that was done. Nothing is done of a Dockerfile with something that is not supported. Its
// errors are *UnsupportedError and *InstructionError, unless ctx ended.
func (a Applier) Apply(ctx context.Context, d Dockerfile, config v1.Config) (v1.Config, Key, error) {
	for _, i := range d.Instructions {
		if what := unsupported(i); what != "" {
			return v1.Config{}, Key{}, &UnsupportedError{a.Kind, what, i.Line}
		}
	}
	m := machine{Applier: a, dockerfile: d, config: *config.DeepCopy(), args: launch.Env{}, key: a.Before}
	for _, i := range d.Instructions {
		err := m.do(ctx, i)
		if ctx.Err() != nil {
			return v1.Config{}, Key{}, context.Cause(ctx)
		}
		if own, ok := errors.AsType[*UnsupportedError](err); ok {
			return v1.Config{}, Key{}, own
		}
		if err != nil {
			return v1.Config{}, Key{}, &InstructionError{a.Kind, i, err}
		}
	}
	return m.config, m.key, nil
}

// unsupported says what of an instruction is not supported; empty for nothing.
func unsupported(i Instruction) string {
	if !slices.Contains(recommended(), i.Name) {
		return i.Name
	}
	known := map[string][]string{"COPY": {"chown", "chmod", "link"}, "ADD": {"chown", "chmod", "link"}, "FROM": {"platform"}}[i.Name]
	for _, flag := range i.Flags {
		name, _, _ := strings.Cut(strings.TrimPrefix(flag, "--"), "=")
		if !slices.Contains(known, name) {
			return i.Name + " --" + name
		}
	}
	if i.Documents {
		return i.Name + " <<"
	}
	return ""
}

// machine is a Dockerfile that is being applied.
type machine struct {
	Applier
	dockerfile Dockerfile
	config     v1.Config
	// args are those that were declared, with their values.
	args launch.Env
	// key is that of the last instruction that has one.
	key Key
	// inStage says that FROM came.
	inStage bool
}

// do does an instruction.
func (m *machine) do(ctx context.Context, i Instruction) error {
	var err error
	switch i.Name {
	case "FROM":
		m.inStage = true
	case "ARG":
		err = m.arg(i)
	case "ENV":
		err = m.pairs(i, func(name, value string) { m.config.Env = oci.SetVariable(m.config.Env, name, value) })
	case "LABEL":
		err = m.pairs(i, func(name, value string) {
			if m.config.Labels == nil {
				m.config.Labels = map[string]string{}
			}
			m.config.Labels[name] = value
		})
	case "SHELL":
		m.config.Shell, _ = jsonWords(i.Args)
	case "USER":
		m.config.User, err = m.expand(i.Args)
	case "WORKDIR":
		err = m.workdir(ctx, i)
	case "RUN":
		err = m.once(ctx, i, "", func() error { return m.run(ctx, i) })
	case "COPY", "ADD":
		err = m.copy(ctx, i)
	}
	return err
}

// once does an instruction, unless what it changes is there already. It depends on an
// input besides what the machine knows.
func (m *machine) once(ctx context.Context, i Instruction, input string, do func() error) error {
	config, err := json.Marshal(m.config)
	if err != nil {
		return err
	}
	m.key = NewKey(m.key.String(), string(config), strings.Join(m.args.List(), "\x00"), i.Name, strings.Join(i.Flags, "\x00"), i.Args, input)
	if m.Skip != nil {
		if skip, err := m.Skip(ctx, i, m.key); err != nil || skip {
			return err
		}
	}
	if err := do(); err != nil || m.Changed == nil {
		return err
	}
	return m.Changed(ctx, i, m.key)
}

// expand is a text with the values of arguments and variables.
func (m *machine) expand(text string) (string, error) {
	env := launch.NewEnv(m.config.Env)
	return expander{m.dockerfile.escape, func(name string) (string, bool) {
		if value, set := env[name]; set {
			return value, true
		}
		value, set := m.args[name]
		return value, set
	}}.expand(text)
}

// arg declares arguments. Those before FROM are for FROM alone.
func (m *machine) arg(i Instruction) error {
	pairs, err := m.dockerfile.arguments(i)
	if err != nil || !m.inStage {
		return err
	}
	for _, p := range pairs {
		if p.hasValue {
			if m.args[p.name], err = m.expand(p.value); err != nil {
				return err
			}
		}
		for _, given := range m.Args {
			if given.Name == p.name {
				m.args[p.name] = given.Value
			}
		}
	}
	return nil
}

// pairs gives each name and value of an instruction to set. All are expanded with what
// was there before.
func (m *machine) pairs(i Instruction, set func(name, value string)) error {
	pairs, err := m.dockerfile.pairs(i)
	if err != nil {
		return err
	}
	for at := range pairs {
		for _, text := range []*string{&pairs[at].name, &pairs[at].value} {
			if *text, err = m.expand(*text); err != nil {
				return err
			}
		}
	}
	for _, p := range pairs {
		set(p.name, p.value)
	}
	return nil
}

// at is a path as the working directory has it.
func (m *machine) at(path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join("/", m.config.WorkingDir, path)
}

// workdir changes the working directory, and makes it where it is not there: it
// belongs to the user then.
func (m *machine) workdir(ctx context.Context, i Instruction) error {
	path, err := m.expand(i.Args)
	if err != nil {
		return err
	}
	m.config.WorkingDir = m.at(path)
	if _, err := os.Stat(m.config.WorkingDir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	who, err := person(m.config.User)
	if err != nil {
		return err
	}
	return m.once(ctx, i, "", func() error { return makeDirs(m.config.WorkingDir, who.owner()) })
}

// run runs a command.
func (m *machine) run(ctx context.Context, i Instruction) error {
	words, isList := jsonWords(i.Args)
	if !isList {
		words = append(slices.Clone(m.shell()), i.Args)
	}
	if len(words) == 0 || i.Args == "" {
		return errors.New("there is no command; expected one after RUN")
	}
	who, err := person(m.config.User)
	if err != nil {
		return err
	}
	env := launch.Env{"HOME": who.home, "PATH": stack.DefaultPath}
	for _, more := range []launch.Env{m.Env, m.args, launch.NewEnv(m.config.Env)} {
		for name, value := range more {
			env[name] = value
		}
	}
	return sandbox.Direct{As: who.credential()}.Run(ctx, sandbox.Command{
		Args: words, Dir: m.at("."), Env: env.List(), Stdout: m.Out, Stderr: m.Out, Network: true,
	})
}

// shell is what runs a line.
func (m *machine) shell() []string {
	if len(m.config.Shell) > 0 {
		return m.config.Shell
	}
	return []string{"/bin/sh", "-c"}
}
