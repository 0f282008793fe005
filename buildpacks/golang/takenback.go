package golang

import (
	"context"
	"errors"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/slugc/slugc/buildpacks/runtime/tool"
)

// askPatience is how long a module proxy may take to say what it knows of newer
// versions. A build waits for that no longer than it compiles, or so long.
const askPatience = 10 * time.Second

// The marks of what "go list" is told to print.
const (
	retractedMark  = "slugc-retracted"
	deprecatedMark = "slugc-deprecated"
)

// askFormat has "go list" say of which modules the authors took back the version
// that is required, or advise against all.
const askFormat = `{{if .Retracted}}` + retractedMark + `	{{.Path}} {{.Version}}	{{join .Retracted " "}}{{"\n"}}{{end}}` +
	`{{if .Deprecated}}` + deprecatedMark + `	{{.Path}} {{.Version}}	{{.Deprecated}}{{"\n"}}{{end}}`

// named are those of some modules, "PATH VERSION", that a go.mod of the app itself
// asks for.
func (p project) named(modules []string) []string {
	var paths []string
	for _, m := range p.modules {
		for _, r := range m.file.Require {
			if !r.Indirect && slices.Contains(modules, r.Mod.Path+" "+r.Mod.Version) && !slices.Contains(paths, r.Mod.Path) {
				paths = append(paths, r.Mod.Path)
			}
		}
	}
	return paths
}

// takenBack asks what the authors of modules say of the versions that were just
// downloaded. They say it in later versions (Go Modules Reference, "retract
// directive"), which the go command does not look at by itself. What the proxy
// does not tell is not known.
func (t *toolchain) takenBack(ctx context.Context, paths []string) (warnings []string) {
	ctx, cancel := context.WithTimeout(ctx, askPatience)
	defer cancel()
	env := maps.Clone(t.env)
	args := append([]string{filepath.Join(t.installed.Use.Dir, "bin", "go"), "list", "-m", "-e", "-u", "-mod=readonly", "-f", askFormat}, paths...)
	heard := &listener{to: tool.NewTail(io.Discard), listen: func(line string) bool {
		mark, rest, _ := strings.Cut(line, "\t")
		module, why, _ := strings.Cut(rest, "\t")
		switch mark {
		case retractedMark:
			warnings = append(warnings, "the author of "+module+" took that version back: "+why+"\n"+
				"Take another one, and lock it:\n  go get "+strings.Fields(module)[0]+"@latest\n  go mod tidy\n  git add go.mod go.sum")
		case deprecatedMark:
			warnings = append(warnings, "the author of "+module+" advises against it: "+why)
		}
		return true
	}}
	if err := errors.Join(t.Runner.Run(ctx, tool.Command{Args: args, Dir: t.App, Env: env, Output: heard}), heard.flush()); err != nil {
		return nil
	}
	return warnings
}
