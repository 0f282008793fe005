package python

import (
	"context"
	"os"
	"path/filepath"

	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/language/failure"
	"github.com/slugc/slugc/buildpacks/runtime/tool"
)

// hook runs a script of the app by the name that Heroku gives it, if it is
// there. Unlike the installer's, its environment is that of the build: what it
// downloads comes from where the build's packages do.
func (b *build) hook(ctx context.Context, a app, name string, env map[string]string) error {
	there, err := appfile.Exists(a.dir, name)
	if err != nil || !there {
		return err
	}
	b.Print.Step("Running %s", name)
	file := filepath.Join(a.dir, name)
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	args := []string{"/bin/bash", file}
	if info.Mode()&0o111 != 0 {
		// The first line says what runs it.
		args = []string{file}
	}
	output, err := b.command(ctx, args, env)
	if err == nil {
		return nil
	}
	return failure.Explain(failure.Failure{
		What: "the app's " + name + " failed", Err: err, Output: output,
		Unknown: "the script is the app's own: see it fail on your machine:\n  bash -x " + name,
	}, failure.Common())
}

// command runs a program in the app's directory and shows what it prints.
func (b *build) command(ctx context.Context, args []string, env map[string]string) (*tool.Tail, error) {
	lines := b.Print.Writer()
	output := tool.NewTail(lines)
	err := b.Runner.Run(ctx, tool.Command{Args: args, Dir: b.App, Env: env, Output: output})
	lines.Flush()
	return output, err
}
