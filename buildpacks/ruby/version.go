package ruby

import (
	"context"
	"fmt"
	"strings"

	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/language/version"
	"github.com/slugc/slugc/buildpacks/runtime"
)

// versionFile says which Ruby an app wants, beside the files of Bundler.
const versionFile = ".ruby-version"

// rubyVersion is what an app asks of Ruby: a variable of the build, the lock
// file, .ruby-version, .tool-versions, and last what the Gemfile allows.
func rubyVersion(a app, env map[string]string) (version.Asked, error) {
	if err := appfile.RefuseMisspelled(a.dir, "which Ruby to use", versionFile, version.ToolFile); err != nil {
		return version.Asked{}, err
	}
	fromFile, err := readVersionFile(a.dir, versionFile)
	if err != nil {
		return version.Asked{}, err
	}
	fromTools, err := version.NumberOfTool(a.dir, "ruby", "Ruby", "3.3.8")
	if err != nil {
		return version.Asked{}, err
	}
	asked := version.First(
		version.Asked{Text: strings.TrimSpace(env["BP_MRI_VERSION"]), Name: "BP_MRI_VERSION"},
		version.Asked{Text: a.lock.ruby, Name: "RUBY VERSION", File: a.lockName},
		version.Asked{Text: fromFile, Name: versionFile},
		version.Asked{Text: fromTools, Name: "ruby", File: version.ToolFile},
		version.Asked{Text: a.manifest.ruby, Name: "ruby", File: a.gemfile},
	)
	// A range is no other wish when what comes first is in it.
	var passed []version.Asked
	for _, other := range asked.Passed {
		if c, err := runtime.ParseConstraint(runtime.Gem, other.Text); err != nil || !c.Allows(asked.Text) {
			passed = append(passed, other)
		}
	}
	asked.Passed = passed
	return asked, nil
}

// readVersionFile reads a .ruby-version: one version, "" when it is not there.
func readVersionFile(dir, name string) (string, error) {
	data, err := appfile.ReadIfThere(dir, name)
	if err != nil || data == nil {
		return "", err
	}
	text := appfile.Word(data)
	if text == "" {
		return "", appfile.Error("%s names no version\nwrite one into it:\n  echo 3.3 > %s", name, name)
	}
	for _, other := range []string{"jruby", "truffleruby", "mruby", "rbx"} {
		if strings.HasPrefix(text, other) {
			return "", appfile.Error("%s says %q\nslugc has the Ruby that most people use, called CRuby or MRI, and no other. If the app runs on that:\n  echo 3.3 > %s", name, text, name)
		}
	}
	number, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(text, "ruby-"), "ruby "), "-p")
	if !version.IsNumber(number) {
		return "", appfile.Error("%s says %q, which is no version of Ruby: expected something like 3.3\nwrite one into it:\n  echo 3.3 > %s", name, text, name)
	}
	return number, nil
}

// hint says what to type for another version.
func (b *build) hint() string {
	line := b.stacks.Here(b.Distro)
	return fmt.Sprintf("%s. Ask for that line, which gets the newest fixes:\n  echo %s > %s\n  bundle lock --update --ruby    # on a machine with it\n  git add %s %s",
		b.stacks.Say("Ruby"), line, versionFile, versionFile, gemfileLock)
}

// settle looks at what the app asks for before any registry is asked: a stack has
// one line of Ruby, whose latest release has the most fixes. So of an exact version
// its line counts, unless the Gemfile excludes all others.
func (b *build) settle(a app) (language.Wish, error) {
	asked, err := rubyVersion(a, b.Env)
	if err != nil {
		return language.Wish{}, err
	}
	w := b.rubyWish(asked)
	line := b.stacks.On(b.Distro)
	text := asked.Text
	if text == "" {
		w.Asked = version.Asked{Name: "the default of the stack"}
		return w, nil
	}
	if version.IsNumber(text) && strings.Contains(text, ".") {
		if line != "" && version.Line(text) != line {
			return language.Wish{}, appfile.Error("there is no Ruby %s on this stack, which has Ruby %s\n%s asks for it\n%s", text, line, asked.Source(), b.hint())
		}
		text = "~> " + version.Line(text) + ".0"
	}
	if w.Request.Constraint, err = runtime.ParseConstraint(runtime.Gem, text); err != nil {
		return language.Wish{}, appfile.Error("%s does not say which Ruby to use\n%w\n%s", asked, err, b.hint())
	}
	return w, nil
}

// checkRuby refuses a Ruby that the Gemfile excludes: Bundler would, when all is
// downloaded. It tells of one that is another release than was asked for.
func (b *build) checkRuby(a app, w language.Wish, number string) error {
	wanted := a.manifest.ruby
	where := "ruby in " + a.gemfile
	if a.manifest.rubyFile != "" {
		text, err := readVersionFile(a.dir, a.manifest.rubyFile)
		if err != nil {
			return err
		}
		wanted, where = text, a.manifest.rubyFile+", which "+a.gemfile+" reads,"
	}
	if wanted != "" {
		c, err := runtime.ParseConstraint(runtime.Gem, wanted)
		if err != nil {
			return appfile.Error("%s says %q, which is no requirement on Ruby: expected something like \"~> 3.3.0\"\n%w", where, wanted, err)
		}
		// Bundler takes the numbers as they are.
		if !c.Allows(number) || version.IsNumber(wanted) && wanted != number {
			return appfile.Error("%s excludes Ruby %s, which the stack has: it says %q\nBundler refuses every other release then, also those with more fixes. Allow the line, and lock again:\n"+
				"  ruby \"~> %s.0\"    # in %s\n  bundle lock\n  git add %s %s", where, number, wanted, version.Line(number), a.gemfile, a.gemfile, a.lockName)
		}
	}
	b.SaySameLine("Ruby", number, w.Asked)
	return nil
}

// resolveRuby settles the version of Ruby.
func (b *build) resolveRuby(ctx context.Context, a app) (runtime.Release, language.Wish, error) {
	w, err := b.settle(a)
	if err != nil {
		return runtime.Release{}, w, err
	}
	r, err := b.Resolve(ctx, w)
	if err != nil {
		return runtime.Release{}, w, err
	}
	return r, w, b.checkRuby(a, w, r.Version)
}
