package golang

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/slugc/slugc/buildpacks/language/failure"
	"github.com/slugc/slugc/buildpacks/runtime/tool"
)

// The hooks of Heroku's buildpack: programs in the app's bin that run before and
// after it is compiled.
const (
	preCompile  = "go-pre-compile"
	postCompile = "go-post-compile"
)

// hook is the file of a hook, "" when there is none. One that is not executable
// is left alone, as Heroku does.
func (b *goBuild) hook(name string) (string, error) {
	file := filepath.Join("bin", name)
	info, err := os.Stat(filepath.Join(b.App, file))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("looking for %s: %w", file, err)
	}
	if !info.Mode().IsRegular() {
		return "", nil
	}
	if info.Mode().Perm()&0o111 == 0 {
		b.Print.Warn("%s is not executable, so it does not run\nmake it so, and commit that:\n  git update-index --chmod=+x %s", file, file)
		return "", nil
	}
	return file, nil
}

// runAfter runs the hook after the commands were built. It may be one of them.
func (t *toolchain) runAfter(ctx context.Context) error {
	file, err := t.hook(postCompile)
	if err != nil || file == "" {
		return err
	}
	return t.runHook(ctx, file)
}

// runHook runs a hook with Go at hand, and without the credentials for modules.
func (t *toolchain) runHook(ctx context.Context, file string) error {
	t.Print.Step("Running %s", file)
	lines := t.Print.Writer()
	output := tool.NewTail(lines)
	err := t.Runner.Run(ctx, tool.Command{Args: []string{filepath.Join(t.App, file)}, Dir: t.App, Env: t.hookEnv, Output: output})
	lines.Flush()
	if err == nil {
		return nil
	}
	return failure.Explain(failure.Failure{What: file + " failed", Details: []string{"it is the app's own"}, Err: err, Output: output}, causes())
}
