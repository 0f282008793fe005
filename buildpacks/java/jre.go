package java

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/language/failure"
	"github.com/slugc/slugc/buildpacks/language/layer"
	"github.com/slugc/slugc/buildpacks/language/limits"
	"github.com/slugc/slugc/buildpacks/runtime/java"
	"github.com/slugc/slugc/buildpacks/runtime/report"
	"github.com/slugc/slugc/buildpacks/runtime/tool"
)

// The exec.d programs of the runtime's layer.
var (
	//go:embed launch/memory.sh
	memory string
	//go:embed launch/database.sh
	database []byte
)

// jrePlan is what is to be done for the runtime of the processes.
type jrePlan struct {
	b       *build
	jdk     language.Installed
	slot    layer.Slot
	inputs  map[string]string
	modules []string
	kept    bool
	why     string
}

// planJRE decides whether the runtime of an earlier build can stay.
func (b *build) planJRE(jdk language.Installed) (jrePlan, error) {
	p := jrePlan{b: b, jdk: jdk}
	var err error
	if p.modules, err = b.modules(); err != nil {
		return p, err
	}
	if p.slot, err = layer.Open(b.Layers, jreLayer, libcnb.LayerTypes{Cache: true, Launch: true}, layout); err != nil {
		return p, err
	}
	whole := ""
	if b.launchesJDK() {
		whole = "the JDK"
	}
	p.inputs = map[string]string{
		"version": jdk.Release.Version, "integrity": jdk.Release.Integrity, "modules": strings.Join(p.modules, ","),
		"certificates": b.certificates(), "whole": whole,
	}
	p.kept, p.why = p.slot.Keeps(p.inputs)
	return p, nil
}

// modules are those of the runtime: the usual ones, unless the settings that
// people know from Paketo say otherwise. BP_JVM_JLINK_ENABLED=false takes all
// that there are, BP_JVM_JLINK_ARGS may name them.
func (b *build) modules() ([]string, error) {
	if strings.EqualFold(b.Env["BP_JVM_JLINK_ENABLED"], "false") {
		return []string{"ALL-MODULE-PATH"}, nil
	}
	words := strings.Fields(strings.ReplaceAll(b.Env["BP_JVM_JLINK_ARGS"], "=", " "))
	for i, word := range words {
		if word != "--add-modules" {
			continue
		}
		if i+1 == len(words) {
			return nil, appfile.Error("BP_JVM_JLINK_ARGS ends in --add-modules\nexpected names behind it, such as --add-modules java.base,java.sql")
		}
		named := strings.Split(words[i+1], ",")
		slices.Sort(named)
		return slices.Compact(named), nil
	}
	modules := java.DefaultModules()
	slices.Sort(modules)
	return modules, nil
}

// make makes the runtime, unless it can stay.
func (p jrePlan) make(ctx context.Context) (libcnb.Layer, error) {
	described := p.slot.Describe(p.inputs, nil)
	if err := p.runtimeSBOM(); err != nil {
		return libcnb.Layer{}, err
	}
	if p.kept {
		return described, nil
	}
	start := p.b.Now()
	fresh := p.b.Scratch.Path(jreLayer)
	home := fresh
	if p.b.launchesJDK() {
		if err := os.MkdirAll(fresh, 0o755); err != nil {
			return libcnb.Layer{}, err
		}
		home = p.jdk.Use.Set["JAVA_HOME"]
	} else if err := p.link(ctx, fresh); err != nil {
		return libcnb.Layer{}, err
	}
	for name, script := range map[string][]byte{"memory": limits.Script(memory), "database": database} {
		if err := layer.WriteBeside(filepath.Join(fresh, "exec.d", name), script, 0o755); err != nil {
			return libcnb.Layer{}, fmt.Errorf("making the Java runtime: %w", err)
		}
	}
	if err := p.b.Scratch.Replace(p.slot.Layer.Path, "", fresh); err != nil {
		return libcnb.Layer{}, fmt.Errorf("making the Java runtime: %w", err)
	}
	if home == fresh {
		home = p.slot.Layer.Path
	}
	p.b.Print.Detail("Made the Java runtime for processes (%s) in %s", p.why, report.Duration(p.b.Now().Sub(start).Round(10*time.Millisecond)))
	env := libcnb.Environment{}
	env.Override("JAVA_HOME", home)
	return layer.WithLaunch(described, env), nil
}

// link runs jlink, and the runtime that it makes once, for the archive of
// classes with which it starts faster.
func (p jrePlan) link(ctx context.Context, fresh string) error {
	home := p.jdk.Use.Set["JAVA_HOME"]
	image := java.Image{Home: home, Modules: p.modules, Dir: fresh}
	env := p.jdk.Use.Environ(map[string]string{"PATH": p.b.Env["PATH"], "HOME": p.b.Scratch.Dir})
	if err := p.run(ctx, image.Command(env)); err != nil {
		return err
	}
	if err := image.Finish(p.b.Runtimes.Certificates); err != nil {
		return err
	}
	return p.run(ctx, image.Archive(env))
}

func (p jrePlan) run(ctx context.Context, c tool.Command) error {
	output := tool.NewTail(discard{})
	c.Output = output
	err := p.b.Runner.Run(ctx, c)
	if err == nil {
		return nil
	}
	return failure.Explain(failure.Failure{
		What: "making the Java runtime with " + filepath.Base(c.Args[0]) + " failed", Err: err, Output: output,
		Unknown: "take all modules of the JDK in place of those that were chosen:\n  export BP_JVM_JLINK_ENABLED=false",
	}, append([]failure.Cause{moduleMissing}, failure.Common()...))
}

// discard is a writer for what nobody wants to read unless it fails.
type discard struct{}

// Write implements io.Writer.
func (discard) Write(data []byte) (int, error) { return len(data), nil }

// isDir tells whether there is a directory of a name.
func isDir(name string) (bool, error) {
	info, err := os.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && info.IsDir(), err
}
