package builtin

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/slugc/slugc/buildpacks"
)

// failStatus is how bin/detect says no (CNB Buildpack API, "Detection").
const failStatus = 100

// exit is a libcnb.ExitHandler that keeps the status instead of ending the
// process.
type exit struct {
	out  io.Writer
	code int
}

func (e *exit) Error(err error) { e.code = report(e.out, err) }
func (e *exit) Fail()           { e.code = failStatus }
func (e *exit) Pass()           { e.code = 0 }

// report prints an error as Heroku prints errors and returns its exit status.
func report(out io.Writer, err error) int {
	for line := range strings.SplitSeq(strings.TrimRight(err.Error(), "\n"), "\n") {
		// Nothing is left to be done when even the error cannot be printed.
		_, _ = fmt.Fprintln(out, strings.TrimRight(" !     "+line, " "))
	}
	var passing interface{ Temporary() bool }
	if errors.As(err, &passing) && passing.Temporary() {
		return buildpacks.TemporaryStatus
	}
	return 1
}

// quietWriter is a libcnb.EnvironmentWriter that leaves a file alone when it
// has the right content: a layer that did not change must not be touched.
type quietWriter struct{}

func (quietWriter) Write(dir string, environment map[string]string) error {
	for name, value := range environment {
		file := filepath.Join(dir, name)
		if old, err := os.ReadFile(file); err == nil && bytes.Equal(old, []byte(value)) {
			continue
		}
		// A name may be <process type>/NAME.
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return fmt.Errorf("writing the environment of a layer: %w", err)
		}
		if err := os.WriteFile(file, []byte(value), 0o644); err != nil {
			return fmt.Errorf("writing the environment of a layer: %w", err)
		}
	}
	return nil
}
