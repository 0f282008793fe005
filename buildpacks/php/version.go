package php

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/language/version"
	"github.com/slugc/slugc/buildpacks/runtime"
)

// versionFile says which PHP an app wants, beside the files of Composer.
const versionFile = ".php-version"

// versionVariable asks for a version before all files.
const versionVariable = "BP_PHP_VERSION"

// phpVersion is what an app asks of PHP: a variable of the build, what composer.json
// requires, .php-version, .tool-versions, and last the version that the packages
// were locked for.
func phpVersion(a app, env map[string]string) (version.Asked, error) {
	if err := appfile.RefuseMisspelled(a.dir, "which PHP to use", versionFile, version.ToolFile); err != nil {
		return version.Asked{}, err
	}
	fromFile, err := readVersionFile(a.dir)
	if err != nil {
		return version.Asked{}, err
	}
	fromTools, err := version.NumberOfTool(a.dir, "php", "PHP", "8.4")
	if err != nil {
		return version.Asked{}, err
	}
	asked := version.First(
		version.Asked{Text: strings.TrimSpace(env[versionVariable]), Name: versionVariable},
		version.Asked{Text: a.manifest.Require["php"], Name: "require.php", File: a.manifestName},
		version.Asked{Text: fromFile, Name: versionFile},
		version.Asked{Text: fromTools, Name: "php", File: version.ToolFile},
		version.Asked{Text: cmp.Or(a.manifest.Config.Platform["php"], a.lock.Overrides["php"]), Name: "config.platform.php", File: a.manifestName},
	)
	// What comes first may leave room for what comes after it.
	asked.Passed = slices.DeleteFunc(asked.Passed, func(other version.Asked) bool { return agree(asked.Text, other.Text) })
	return asked, nil
}

// agree tells whether one of two wishes is a version that the other one allows.
func agree(a, b string) bool {
	for _, pair := range [][2]string{{a, b}, {b, a}} {
		c, ok, err := parseConstraint(wished(pair[0]))
		n, _, is := parseNumber(pair[1])
		if err == nil && ok && is && c.allows(n) {
			return true
		}
	}
	return false
}

// wished is the constraint of a wish: of a version as people write it in their
// files, the line counts, whose latest release has the most fixes.
func wished(text string) string {
	if !version.IsNumber(text) {
		return text
	}
	parts := strings.Split(text, ".")
	return strings.Join(parts[:min(2, len(parts))], ".") + ".*"
}

// readVersionFile reads a .php-version, "" when it is not there.
func readVersionFile(dir string) (string, error) {
	data, err := appfile.ReadIfThere(dir, versionFile)
	if err != nil || data == nil {
		return "", err
	}
	text := appfile.Word(data)
	number := strings.TrimPrefix(strings.TrimPrefix(text, "php-"), "v")
	if !version.IsNumber(number) {
		if text == "" {
			return "", appfile.Error("%s names no version\nwrite one into it:\n  echo 8.4 > %s", versionFile, versionFile)
		}
		return "", appfile.Error("%s says %q, which is no version of PHP: expected something like 8.4\nwrite one into it:\n  echo 8.4 > %s", versionFile, text, versionFile)
	}
	return number, nil
}

// hint says what to type for a PHP that there is, to who asks.
func (b *build) hint(asked version.Asked) string {
	line := b.known.Stacks.Here(b.Distro)
	allow := b.known.Stacks.Say("PHP") + ". Ask for that line, which gets the newest fixes:\n"
	switch asked.Name {
	case versionFile:
		return allow + "  echo " + line + " > " + versionFile + "\n  git add " + versionFile
	case "php":
		return allow + "  php " + line + "    # in " + version.ToolFile
	case versionVariable:
		return allow + "  slugc build -e " + versionVariable + "=" + line
	case "config.platform.php":
		return allow + "  composer config platform.php " + line + ".0\n  composer update\n  git add " + cmp.Or(asked.File, composerJSON) + " " + composerLock
	}
	return allow + "  composer require --no-update 'php:^" + line + "'\n  composer update    # on a machine with it\n  git add " + cmp.Or(asked.File, composerJSON) + " " + composerLock
}

// settle looks at what the app asks for before any registry is asked: a stack has
// one line of PHP.
func (b *build) settle(a app) (language.Wish, error) {
	asked, err := phpVersion(a, b.Env)
	if err != nil {
		return language.Wish{}, err
	}
	line := b.known.Stacks.Here(b.Distro)
	for _, r := range a.platform() {
		if r.Name == "hhvm" {
			return language.Wish{}, appfile.Error("%s wants HHVM, which slugc does not have\nrequire PHP in its place:\n  composer require --no-update 'php:^%s'\n  composer update", r.By, line)
		}
	}
	if asked.Text != "" {
		c, ok, err := parseConstraint(wished(asked.Text))
		if asked.Name == "require.php" {
			c, ok, err = parseConstraint(asked.Text)
		}
		if err != nil {
			return language.Wish{}, appfile.Error("%s does not say which PHP to use\n%w\n%s", asked, err, b.hint(asked))
		}
		if ok && !c.allowsLine(line) {
			return language.Wish{}, appfile.Error("there is no PHP %s on this stack, which has PHP %s\n%s asks for it\n%s", asked.Text, line, asked.Source(), b.hint(asked))
		}
	} else {
		asked = version.Asked{Name: "the default of the stack"}
	}
	if err := b.checkPackages(a, line, "", constraint.allowsLine); err != nil {
		return language.Wish{}, err
	}
	packages, err := b.extensions(a)
	if err != nil {
		return language.Wish{}, err
	}
	w := b.phpWish(a, asked, packages)
	w.Request.Constraint, err = runtime.ParseConstraint(runtime.Composer, line+".*")
	return w, err
}

// checkPackages refuses a PHP that a package of the lock file excludes: Composer
// would, when all is downloaded. The app's own requirement was looked at when only
// a line is known.
func (b *build) checkPackages(a app, number, own string, allows func(c constraint, version string) bool) error {
	for _, r := range a.platform() {
		if r.Name != "php" && r.Name != "php-64bit" || r.own && own == "" {
			continue
		}
		c, ok, err := parseConstraint(r.Wanted)
		if err != nil || !ok || allows(c, number) {
			continue
		}
		if r.own {
			return appfile.Error("there is no PHP %s on this stack, which has PHP %s\n%s asks for it\n%s", r.Wanted, number, r.By, b.hint(version.Asked{Name: "require.php", File: a.manifestName}))
		}
		name, _, _ := strings.Cut(r.By, " ")
		return appfile.Error("%s in %s wants PHP %s, and this stack has PHP %s\n%s. Lock a release of it that works there, and commit that:\n"+
			"  composer config platform.php %s\n  composer update %s --with-all-dependencies\n  git add %s %s",
			r.By, a.lockName, r.Wanted, number, b.known.Stacks.Say("PHP"), fullNumber(number), name, a.manifestName, a.lockName)
	}
	return nil
}

// fullNumber is a version with three numbers.
func fullNumber(text string) string {
	for strings.Count(text, ".") < 2 {
		text += ".0"
	}
	return text
}

// resolvePHP settles the version of PHP.
func (b *build) resolvePHP(ctx context.Context, a app) (runtime.Release, language.Wish, error) {
	w, err := b.settle(a)
	if err != nil {
		return runtime.Release{}, w, err
	}
	r, err := b.Resolve(ctx, w)
	if err != nil {
		return runtime.Release{}, w, err
	}
	number := plain(r.Version)
	exact := func(c constraint, version string) bool {
		n, _, ok := parseNumber(version)
		return !ok || c.allows(n)
	}
	if err := b.checkPackages(a, number, number, exact); err != nil {
		return runtime.Release{}, w, err
	}
	b.SaySameLine("PHP", number, w.Asked)
	return r, w, nil
}

// extensions are the Debian packages for the extensions that the app and its
// packages require, with those that come without being asked for.
func (b *build) extensions(a app) ([]string, error) {
	names := append([]string(nil), b.known.Usual...)
	for _, r := range a.platform() {
		extension, is := strings.CutPrefix(r.Name, "ext-")
		if !is {
			continue
		}
		name, found := b.known.packageOf(extension, b.Distro)
		if found {
			if name != "" {
				names = append(names, name)
			}
			continue
		}
		if a.provides(r.Name) {
			continue
		}
		by, _, _ := strings.Cut(r.By, " ")
		remedy := "composer remove --no-update " + r.Name + "\n  composer update --lock"
		if !r.own {
			remedy = "composer remove " + by
		}
		return nil, appfile.Error("there is no extension %s of PHP on this stack: Debian has no package of it\n%s wants it. Take out what needs it, when the app works without it:\n  %s\n  git add %s %s\n"+
			"or say that the build should do as if it were there, when it is used by tools alone:\n  composer config platform.%s 1.0.0\n  composer update --lock",
			extension, r.By, remedy, a.manifestName, cmp.Or(a.lockName, composerLock), r.Name)
	}
	packages := make([]string, 0, len(names))
	for _, name := range unique(names) {
		packages = append(packages, "php{major}.{minor}-"+name)
	}
	return packages, nil
}

// provides tells whether an extension is not needed: a package does its work, or the
// app says that it is there.
func (a app) provides(extension string) bool {
	if _, faked := a.manifest.Config.Platform[extension]; faked {
		return true
	}
	return slices.ContainsFunc(a.lock.Packages, func(p lockedPackage) bool { return p.stands(extension) })
}
