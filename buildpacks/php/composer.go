package php

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/buildpacks/language/failure"
	"github.com/slugc/slugc/buildpacks/language/layer"
	"github.com/slugc/slugc/buildpacks/language/outcome"
	"github.com/slugc/slugc/buildpacks/language/version"
	"github.com/slugc/slugc/buildpacks/runtime"
	"github.com/slugc/slugc/buildpacks/runtime/composer"
	"github.com/slugc/slugc/buildpacks/runtime/report"
	"github.com/slugc/slugc/buildpacks/runtime/tool"
)

// cnbVariable are variables of the platform, which say nothing of an app.
var cnbVariable = regexp.MustCompile(`^CNB_`)

// epoch is the time that tools write down which would write down today's
// (reproducible-builds.org, "SOURCE_DATE_EPOCH"): that of files in layers.
const epoch = "315532801"

// intlScript stands in for an extension that Composer needs to show errors.
//
//go:embed scripts/intl.php
var intlScript []byte

// intlFile is where it lies in the composer layer.
const intlFile = "slugc/intl.php"

// tools are what an app is made with.
type tools struct {
	// php is the interpreter, composer the program in PHP, and intl a file that it has
	// to load first.
	php, composer, intl string
	// env is the environment of what runs in the app, composerEnv that of Composer,
	// which has credentials.
	env, composerEnv map[string]string
}

// makeApp installs the packages of an app and makes what its scripts and its
// framework make, or restores what an earlier build made of the same app.
func (b *build) makeApp(ctx context.Context, a app, php language.Installed) ([]libcnb.Layer, error) {
	if a.manifestName == "" {
		return nil, nil
	}
	b.Print.Step("Installing packages with Composer")
	client, err := b.installComposer(ctx)
	if err != nil {
		return nil, err
	}
	o, err := outcome.Open(b.App, b.Layers, b.Scratch, madeLayer, layout)
	if err != nil {
		return nil, err
	}
	t, err := b.tools(a, php, client)
	if err != nil {
		return nil, err
	}
	install, all, err := b.keys(a, php, client, t)
	if err != nil {
		return nil, err
	}
	inputs := map[string]string{"install": install, "key": all}
	kept, why := o.Keeps(inputs)
	var made []libcnb.Layer
	if kept {
		b.Print.Detail("Reusing what they made (the app is unchanged)")
		l, err := o.Apply(inputs)
		if err != nil {
			return nil, err
		}
		made = append(made, l)
	} else {
		if err := b.make(ctx, a, t, o, install, why); err != nil {
			return nil, err
		}
		l, ok, err := o.Keep(inputs)
		if err != nil {
			return nil, err
		}
		if ok {
			made = append(made, l)
		}
	}
	settings, err := b.settingsOf(a)
	if err != nil {
		return nil, err
	}
	cache, err := layer.Open(b.Layers, cacheLayer, libcnb.LayerTypes{Cache: true}, layout)
	if err != nil {
		return nil, err
	}
	made = append(made, client.Layer, settings)
	if cache.There || !kept {
		if _, err := os.Stat(cache.Layer.Path); err == nil {
			made = append(made, cache.Describe(nil, nil))
		}
	}
	return made, nil
}

// installComposer brings Composer.
func (b *build) installComposer(ctx context.Context) (language.Installed, error) {
	return b.Install(ctx, language.Wish{
		Layer: composerLayer, Types: libcnb.LayerTypes{Build: true, Cache: true}, Layout: layout + " " + layer.Sum(intlScript),
		Request: runtime.Request{Runtime: "composer"}, Asked: version.Asked{Name: "that of the stack"}, Hint: "choose another stack:\n  slugc build --stack slugc-13",
		Finish: func(dir string) error { return layer.WriteBeside(filepath.Join(dir, intlFile), intlScript, 0o644) },
	})
}

// tools finds the programs, and makes the environments in which they run.
func (b *build) tools(a app, php, client language.Installed) (tools, error) {
	const separator = string(os.PathListSeparator)
	t := tools{
		php:      tool.Find(strings.Join(php.Use.Bin, separator), "php"),
		composer: tool.Find(strings.Join(client.Use.Bin, separator), "composer"),
		intl:     filepath.Join(client.Use.Dir, intlFile),
		env:      php.Use.Environ(b.Env),
	}
	if t.php == "" {
		return tools{}, fmt.Errorf("looking for PHP: there is none in %s", php.Use.Dir)
	}
	if t.composer == "" {
		return tools{}, fmt.Errorf("looking for Composer: there is none in %s", client.Use.Dir)
	}
	home, err := b.Scratch.Home(t.env["HOME"])
	if err != nil {
		return tools{}, err
	}
	t.env["HOME"] = home
	maps.DeleteFunc(t.env, func(name, _ string) bool { return isOwnVariable(name) })
	defaults := map[string]string{"LANG": "C.UTF-8", "SOURCE_DATE_EPOCH": epoch}
	maps.Copy(defaults, a.frameworkEnv())
	for name, value := range defaults {
		if t.env[name] == "" {
			t.env[name] = value
		}
	}
	t.composerEnv = maps.Clone(t.env)
	for name, value := range b.Env {
		if strings.HasPrefix(name, "COMPOSER_") && name != composer.AuthVariable || name == nameVariable {
			t.composerEnv[name] = value
		}
	}
	t.composerEnv["PATH"] = filepath.Dir(t.composer) + separator + t.composerEnv["PATH"]
	for _, name := range []string{"COMPOSER_VENDOR_DIR", "COMPOSER_BIN_DIR"} {
		delete(t.composerEnv, name)
	}
	for name, value := range map[string]string{
		composer.HomeVariable: b.Scratch.Path("composer-home"), "COMPOSER_CACHE_DIR": filepath.Join(b.Layers.Path, cacheLayer),
		"COMPOSER_NO_INTERACTION": "1", "COMPOSER_ALLOW_SUPERUSER": "1", "COMPOSER_NO_DEV": "1", "COMPOSER_NO_AUDIT": "1", "COMPOSER_FUND": "0", "NO_COLOR": "1",
		// Errors are not broken into lines as for a terminal.
		"COLUMNS": "1000",
	} {
		t.composerEnv[name] = value
	}
	if len(a.outside) > 0 {
		t.composerEnv["COMPOSER_MIRROR_PATH_REPOS"] = "1"
	}
	return t, nil
}

// keys are checksums over what decides which packages are installed, and over all
// that decides what is made of an app.
func (b *build) keys(a app, php, client language.Installed, t tools) (install, all string, err error) {
	k := &layer.Key{}
	k.Add("php", php.Release.Version+" "+php.Release.Integrity)
	k.Add("composer", client.Release.Version+" "+client.Release.Integrity)
	k.Add("arch", b.Arch)
	k.Add("distro", b.Distro)
	k.Add(a.manifestName, a.text)
	k.Add(cmp.Or(a.lockName, composerLock), a.lockText)
	for _, p := range a.lock.Packages {
		if p.Dist != nil && p.Dist.Type == fromPath {
			if err := k.AddTree(b.App, filepath.FromSlash(p.Dist.URL)); err != nil {
				return "", "", err
			}
		}
	}
	if len(a.outside) > 0 {
		if err := b.AddAround(k); err != nil {
			return "", "", err
		}
	}
	install = k.Sum()
	for _, name := range sortedKeys(t.composerEnv) {
		switch {
		case name == "HOME" || name == "TMPDIR" || name == composer.HomeVariable || name == "COMPOSER_CACHE_DIR" || cnbVariable.MatchString(name):
		default:
			k.Add(name, t.composerEnv[name])
		}
	}
	if err := b.AddAround(k); err != nil {
		return "", "", err
	}
	return install, k.Sum(), nil
}

// make installs the packages and runs the scripts of the app and of its framework.
func (b *build) make(ctx context.Context, a app, t tools, o *outcome.Outcome, install, why string) error {
	slot, err := layer.Open(b.Layers, madeLayer, libcnb.LayerTypes{Cache: true}, layout)
	if err != nil {
		return err
	}
	cache, err := layer.Open(b.Layers, cacheLayer, libcnb.LayerTypes{Cache: true}, layout)
	if err != nil {
		return err
	}
	// It has what arrived, unless Composer is killed; see below.
	b.Whole(cache.Describe(nil, nil))
	switch part := o.Part(a.vendorDir()); {
	case part != "" && slot.Old["install"] == install && slot.Old["layout"] == layout:
		why = "the app changed, its packages did not"
		target := filepath.Join(b.App, a.vendorDir())
		if err := b.Scratch.Discard(target); err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		if err := layer.CopyTree(part, target, layer.CopyFile, nil); err != nil {
			return fmt.Errorf("restoring the packages of an earlier build: %w", err)
		}
	case len(slot.Old) > 0 && slot.Old["install"] != install:
		why = "PHP, or what the app requires, changed"
	case why == "source changed" || why == "key changed":
		why = "the app changed"
	}
	if err := b.writeHome(a); err != nil {
		return err
	}
	b.Print.Detail("Installing the packages (%s)", why)
	start := b.Now()
	b.Print.Working("Installing")
	args := []string{"install", "--no-dev", "--prefer-dist", "--optimize-autoloader", "--no-interaction", "--no-progress"}
	if a.lockName == "" {
		// There are none, so nobody has to be asked for them.
		args = []string{"dump-autoload", "--no-dev", "--optimize", "--no-interaction"}
	}
	output, err := b.composer(ctx, t, args...)
	if err != nil {
		if exit, byItself := failure.Ended(err); !byItself || exit.Signal != 0 {
			// It may have been writing a file there.
			err = errors.Join(err, b.Scratch.Discard(cache.Layer.Path))
		}
		return a.explain("installing the packages", err, output)
	}
	if err := removeHistory(filepath.Join(b.App, a.vendorDir())); err != nil {
		return fmt.Errorf("tidying the packages: %w", err)
	}
	b.Print.Detail("Installed in %s", report.Duration(b.Now().Sub(start).Round(10*time.Millisecond)))
	if _, has := a.manifest.Scripts["compile"]; has {
		b.Print.Step("Running the script compile")
		if output, err := b.composer(ctx, t, "run-script", "--no-dev", "--no-interaction", "compile"); err != nil {
			return a.explain("the script compile", err, output)
		}
	}
	return b.makeFramework(ctx, a, t)
}

// writeHome writes what Composer knows of servers, and what it calls its autoloader
// after, so that this is the same in each build.
func (b *build) writeHome(a app) error {
	text, err := b.client.Text(map[string]any{"autoloader-suffix": a.manifest.contentHash})
	if err != nil {
		return err
	}
	return layer.WriteBeside(filepath.Join(b.Scratch.Path("composer-home"), composer.ConfigFile), []byte(text), 0o600)
}

// composer runs Composer and shows what it prints.
func (b *build) composer(ctx context.Context, t tools, args ...string) (*tool.Tail, error) {
	lines := b.Print.Writer()
	output := tool.NewTail(lines)
	filter := &tool.Lines{To: output, Skip: forPeople}
	err := b.Runner.Run(ctx, tool.Command{Args: append([]string{t.php, "-d", "auto_prepend_file=" + t.intl, t.composer}, args...), Dir: b.App, Env: t.composerEnv, Output: filter})
	if flushErr := filter.Flush(); err == nil {
		err = flushErr
	}
	lines.Flush()
	return output, err
}

// synopsis is how Composer ends the text of an error: with all its flags.
var synopsis = regexp.MustCompile(`^[a-z-]+ \[-`)

// aboutSettings is what Composer says of files that are not the author's.
var aboutSettings = regexp.MustCompile(`^(?:- /\S+\.ini$|To enable extensions, verify|You can also run .php --ini.|Alternatively, you can run Composer with .--ignore-platform-req)`)

// forPeople tells of what Composer prints for people at their own machine.
func forPeople(line string) bool {
	short := strings.TrimSpace(line)
	return short == "" || strings.Contains(short, "looking for funding") || strings.HasPrefix(short, "Use the `composer fund`") ||
		synopsis.MatchString(short) || aboutSettings.MatchString(short) || strings.HasPrefix(short, "Verifying lock file contents") ||
		strings.HasPrefix(short, "Composer could not detect the root package") || strings.HasPrefix(short, "0 [")
}

// removeHistory takes the repositories out of packages that came from one: no
// process reads them, and no two are the same.
func removeHistory(dir string) error {
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		switch entry.Name() {
		case ".git", ".hg", ".svn":
			if err := os.RemoveAll(name); err != nil {
				return err
			}
			return fs.SkipDir
		}
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// settingsOf is the layer with what processes need to know of the framework, and the
// bill of the packages.
func (b *build) settingsOf(a app) (libcnb.Layer, error) {
	slot, err := layer.Open(b.Layers, settingsLayer, libcnb.LayerTypes{Launch: true, Cache: true}, layout)
	if err != nil {
		return libcnb.Layer{}, err
	}
	env := libcnb.Environment{}
	for name, value := range a.launchEnv() {
		env.Default(name, value)
	}
	script := a.launchScript()
	k := &layer.Key{}
	for _, name := range sortedKeys(env) {
		k.Add(name, env[name])
	}
	k.Add("script", string(script))
	inputs := map[string]string{"key": k.Sum()}
	described := slot.Describe(inputs, nil)
	if kept, _ := slot.Keeps(inputs); !kept {
		if err := b.Scratch.Discard(slot.Layer.Path); err != nil {
			return libcnb.Layer{}, err
		}
		if err := os.MkdirAll(slot.Layer.Path, 0o755); err != nil {
			return libcnb.Layer{}, err
		}
		if script != nil {
			if err := layer.WriteBeside(filepath.Join(slot.Layer.Path, "exec.d", "settings"), script, 0o755); err != nil {
				return libcnb.Layer{}, err
			}
		}
		described = layer.WithLaunch(described, env)
	}
	return described, a.materials(described)
}

// isOwnVariable tells whether a variable is one of Composer's, for whom alone it is:
// some have the password of a server.
func isOwnVariable(name string) bool {
	return strings.HasPrefix(name, "COMPOSER_") || name == nameVariable || name == composer.ConfigVariable || name == composer.CAVariable
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
