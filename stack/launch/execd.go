package launch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

const (
	// execDLimit bounds what one exec.d program may print.
	execDLimit = 8 << 20
	// execDGrace is how long output is awaited from programs that an exec.d
	// program left behind.
	execDGrace = time.Second
)

// execD runs the exec.d programs of the layers for a process type, in order,
// and puts what they print into env (CNB Buildpack API, "exec.d").
func (l *Launcher) execD(ctx context.Context, env Env, layers [][]LayerDir, processType, dir string) error {
	for _, group := range layers {
		for _, layer := range group {
			programs, err := typedFiles(filepath.Join(layer.Host, "exec.d"), processType)
			if err != nil {
				return err
			}
			for _, program := range programs {
				if err := l.runExecD(ctx, env, program, dir); err != nil {
					return fmt.Errorf("exec.d program %s: %w", program, err)
				}
			}
		}
	}
	return nil
}

// runExecD runs one program, with file descriptor 3 for its variables.
func (l *Launcher) runExecD(ctx context.Context, env Env, program, dir string) (err error) {
	ours, theirs, err := os.Pipe()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ours.Close()) }()
	ctx, kill := context.WithCancel(ctx)
	defer kill()
	cmd := exec.CommandContext(ctx, program)
	cmd.Dir = dir
	cmd.Env = env.List()
	cmd.Stdout, cmd.Stderr = l.Stdout, l.Stderr
	cmd.ExtraFiles = []*os.File{theirs}
	cmd.WaitDelay = execDGrace
	if err := errors.Join(cmd.Start(), theirs.Close()); err != nil {
		return err
	}
	printed := make(chan output, 1)
	go func() {
		data, err := io.ReadAll(io.LimitReader(ours, execDLimit+1))
		if len(data) > execDLimit {
			// Nobody reads on, so the program would wait for ever.
			kill()
		}
		printed <- output{data, err}
	}()
	waited := cmd.Wait()
	// A process that outlives the program may hold the descriptor for ever.
	if err := ours.SetReadDeadline(time.Now().Add(execDGrace)); err != nil {
		return err
	}
	out := <-printed
	if len(out.data) > execDLimit {
		return fmt.Errorf("it printed more than %d bytes on file descriptor 3", execDLimit)
	}
	if waited != nil && !errors.Is(waited, exec.ErrWaitDelay) {
		return waited
	}
	if out.err != nil && !errors.Is(out.err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("reading its variables: %w", out.err)
	}
	variables, err := parseExecD(out.data)
	if err != nil {
		return fmt.Errorf("reading its variables, expected lines of NAME = \"value\": %w", err)
	}
	maps.Copy(env, variables)
	return nil
}

// output is what was read until it ended, or until an error.
type output struct {
	data []byte
	err  error
}

// parseExecD reads the variables that an exec.d program printed: TOML with
// strings at the top level and nothing else.
func parseExecD(data []byte) (Env, error) {
	env := Env{}
	if err := DecodeTOML(data, &env); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if !validName(name) {
			return nil, fmt.Errorf("%q cannot be the name of a variable", name)
		}
		if !validValue(env[name]) {
			return nil, fmt.Errorf("the value of %s holds a NUL byte, which no variable can", name)
		}
	}
	return env, nil
}
