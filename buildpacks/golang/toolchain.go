package golang

import (
	"context"
	"fmt"
	"go/version"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/language/layer"
	"github.com/slugc/slugc/buildpacks/runtime/tool"
)

// toolchain is an installed Go and the environments in which it runs.
type toolchain struct {
	*goBuild
	installed language.Installed
	// env is the go command's own, which may have credentials. hookEnv is that
	// of the app's hooks.
	env, hookEnv map[string]string
}

// prepare makes the environments.
func (t *toolchain) prepare(p project) error {
	env := t.installed.Use.Environ(withoutCredentials(t.Env))
	home, err := t.Scratch.Home(env["HOME"])
	if err != nil {
		return err
	}
	env["HOME"] = home
	env["GO111MODULE"] = "on"
	env["GOCACHE"] = filepath.Join(t.Layers.Path, cacheLayer)
	env["GOMODCACHE"] = filepath.Join(t.Layers.Path, modulesLayer)
	env["GOPATH"] = t.Scratch.Path("gopath")
	// Directories that may not be written could not be removed one day.
	env["GOFLAGS"] = strings.Join(append([]string{"-modcacherw"}, t.settings.goflags...), " ")
	for name, value := range env {
		if strings.HasPrefix(name, "CGO_") {
			// As Heroku writes the directory of the app in them.
			env[name] = strings.ReplaceAll(value, "${build_dir}", t.App)
		}
	}
	if env["GOWORK"], err = t.workspace(p); err != nil {
		return err
	}
	t.hookEnv = maps.Clone(env)
	own := t.Scratch.Path("go-home")
	if err := os.MkdirAll(own, 0o700); err != nil {
		return fmt.Errorf("making a home for the go command: %w", err)
	}
	netrc, err := netrc(t.Env, t.Bindings)
	if err != nil {
		return err
	}
	if netrc != "" {
		if err := os.WriteFile(filepath.Join(own, ".netrc"), []byte(netrc), 0o600); err != nil {
			return fmt.Errorf("handing credentials to the go command: %w", err)
		}
		delete(env, "NETRC")
	}
	env["HOME"] = own
	env["GOOS"], env["GOARCH"] = "linux", t.Arch
	t.env = env
	return nil
}

// workspace is the value of GOWORK: no go.work but the app's own counts, and one
// that a variable asks for is made beside the layers.
func (t *toolchain) workspace(p project) (string, error) {
	if p.work == nil {
		return "off", nil
	}
	if !p.madeWork {
		return filepath.Join(t.App, p.workDir, workFile), nil
	}
	work := modfile.WorkFile{Syntax: new(modfile.FileSyntax)}
	newest := "1.18"
	for _, line := range p.goLines() {
		if version.Compare(goVersion(line.Text), goVersion(newest)) > 0 {
			newest = line.Text
		}
	}
	if err := work.AddGoStmt(newest); err != nil {
		return "", fmt.Errorf("making %s: %w", workFile, err)
	}
	for _, m := range p.modules {
		if err := work.AddUse(filepath.Join(t.App, m.dir), m.path()); err != nil {
			return "", fmt.Errorf("making %s: %w", workFile, err)
		}
	}
	for _, r := range p.work.Replace {
		by := r.New.Path
		if r.New.Version == "" {
			by = filepath.Join(t.App, p.workDir, by)
		}
		if err := work.AddReplace(r.Old.Path, r.Old.Version, by, r.New.Version); err != nil {
			return "", fmt.Errorf("making %s: %w", workFile, err)
		}
	}
	file := t.Scratch.Path(workFile)
	if err := os.WriteFile(file, modfile.Format(work.Syntax), 0o644); err != nil {
		return "", fmt.Errorf("making %s: %w", workFile, err)
	}
	there, err := appfile.Exists(filepath.Join(t.App, p.workDir), workSumFile)
	if err == nil && there {
		err = layer.CopyFile(filepath.Join(t.App, p.workDir, workSumFile), t.Scratch.Path(workSumFile), 0o644)
	}
	return file, err
}

// run runs the go command in the app's directory. It returns the end of what it
// printed.
func (t *toolchain) run(ctx context.Context, more map[string]string, listen func(line string) bool, args ...string) (*tool.Tail, error) {
	env := maps.Clone(t.env)
	maps.Copy(env, more)
	lines := t.Print.Writer()
	output := tool.NewTail(lines)
	heard := &listener{to: output, listen: listen}
	command := append([]string{filepath.Join(t.installed.Use.Dir, "bin", "go")}, args...)
	err := t.Runner.Run(ctx, tool.Command{Args: command, Dir: t.App, Env: env, Output: heard})
	if flushErr := heard.flush(); err == nil {
		err = flushErr
	}
	lines.Flush()
	return output, err
}

// listener passes lines on, without those that somebody takes.
type listener struct {
	to     *tool.Tail
	listen func(line string) bool
	rest   []byte
}

// maxLine is where a line without end is passed on as it is.
const maxLine = 64 << 10

// Write implements io.Writer.
func (l *listener) Write(data []byte) (int, error) {
	l.rest = append(l.rest, data...)
	for {
		text, rest, whole := strings.Cut(string(l.rest), "\n")
		if !whole && len(text) < maxLine {
			return len(data), nil
		}
		l.rest = []byte(rest)
		if !whole {
			l.rest = nil
		}
		if err := l.line(text); err != nil {
			return len(data), err
		}
	}
}

func (l *listener) line(text string) error {
	if l.listen != nil && l.listen(text) {
		return nil
	}
	_, err := l.to.Write([]byte(text + "\n"))
	return err
}

func (l *listener) flush() error {
	if len(l.rest) == 0 {
		return nil
	}
	return l.line(string(l.rest))
}
