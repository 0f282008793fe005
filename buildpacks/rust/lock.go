package rust

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/git-pkgs/purl"

	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/runtime/npm"
)

// lock is a Cargo.lock.
type lock struct {
	Version  int      `toml:"version"`
	Packages []locked `toml:"package"`
	// there tells that the app has one.
	there bool
}

// locked is a package in it.
type locked struct {
	Name     string `toml:"name"`
	Version  string `toml:"version"`
	Source   string `toml:"source"`
	Checksum string `toml:"checksum"`
	// Dependencies are names, with a version and a source where the name is not
	// enough.
	Dependencies []string `toml:"dependencies"`
}

// fromRegistry tells whether a registry has it.
func (l locked) fromRegistry() bool {
	return strings.HasPrefix(l.Source, "registry+") || strings.HasPrefix(l.Source, "sparse+")
}

// fromDefault tells whether it is of the registry that package URLs without more
// words mean. A lock file names its index.
func (l locked) fromDefault() bool {
	_, host, _ := strings.Cut(purl.DefaultRegistry("cargo"), "://")
	return host != "" && (strings.HasSuffix(l.Source, "/"+host+"-index") || strings.HasSuffix(strings.TrimSuffix(l.Source, "/"), "index."+host))
}

// relock is what to type to bring the lock file up to date.
func (p project) relock() string {
	return fmt.Sprintf("  cargo update --workspace\n  git add %s\n  git commit -m \"Lock the versions of packages\"", p.lockPath())
}

// readLock reads the Cargo.lock of the workspace.
func (p project) readLock() (lock, error) {
	data, err := appfile.ReadMerged(p.at(p.root), lockFile, appfile.Merge(
		"take the one of the branch, and add what the manifests ask for:\n  git checkout --theirs "+lockFile+"\n  cargo update --workspace\n  git add "+lockFile))
	if errors.Is(err, fs.ErrNotExist) {
		return lock{}, p.noLock()
	}
	if err != nil {
		return lock{}, err
	}
	l := lock{there: true}
	if err := appfile.TOML(p.lockPath(), data, &l); err != nil {
		return lock{}, err
	}
	return l, nil
}

// noLock is the error for an app without a lock file.
func (p project) noLock() error {
	ignored := ""
	for _, file := range []string{".slugignore", ".gitignore"} {
		text, err := os.ReadFile(path.Join(p.at(p.root), file))
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(text)) {
			if strings.TrimPrefix(strings.TrimSpace(line), "/") == lockFile {
				ignored = fmt.Sprintf("%s lists %s, so it does not reach the build: remove that line\n", file, lockFile)
			}
		}
	}
	return appfile.Error("there is no %s\n%s%s says which packages the app wants, but not which version of each, so two builds could differ. Make a lock file and commit it:\n  cargo generate-lockfile\n  git add -f %s\n  git commit -m \"Lock the versions of packages\"",
		p.lockPath(), ignored, path.Join(p.root, manifestFile), p.lockPath())
}

// inStep refuses a lock file that does not have what the manifests ask for, as
// far as the files alone tell.
func (p project) inStep() error {
	var wrong []string
	for _, l := range p.locals {
		wrong = append(wrong, p.differs(l)...)
	}
	if len(wrong) == 0 {
		return nil
	}
	const most = 5
	if extra := len(wrong) - most; extra > 0 {
		wrong = append(wrong[:most], fmt.Sprintf("and %d more", extra))
	}
	return appfile.Error("%s is out of step with %s\n%s\nbring it up to date and commit it:\n%s",
		p.lockPath(), path.Join(p.root, manifestFile), strings.Join(wrong, "\n"), p.relock())
}

// differs says how the lock file differs from what a package asks for.
func (p project) differs(l local) []string {
	version := p.workspace.text("version", l.Package.Version)
	if version == "" {
		version = "0.0.0"
	}
	i := slices.IndexFunc(p.lock.Packages, func(one locked) bool { return one.Name == l.name() && one.Source == "" })
	if i < 0 {
		return []string{fmt.Sprintf("%s is the package %s, %s has nothing of it", l.file(), l.name(), lockFile)}
	}
	entry := p.lock.Packages[i]
	var wrong []string
	if entry.Version != version {
		wrong = append(wrong, fmt.Sprintf("%s is %s %s, %s has %s", l.file(), l.name(), version, lockFile, entry.Version))
	}
	asked := map[string]bool{}
	for _, d := range l.all(p.workspace) {
		asked[d.name] = true
		var found []string
		for _, line := range entry.Dependencies {
			if name, rest, _ := strings.Cut(line, " "); name == d.name {
				found = append(found, p.lock.versionsOf(name, rest)...)
			}
		}
		switch {
		case len(found) == 0:
			wrong = append(wrong, fmt.Sprintf("%s asks for %s, %s has nothing of it", l.file(), strings.TrimSpace(d.name+" "+d.wants), lockFile))
		case d.wants != "" && !slices.ContainsFunc(found, func(v string) bool { return allows(d.wants, v) }):
			wrong = append(wrong, fmt.Sprintf("%s asks for %s %s, %s has %s", l.file(), d.name, d.wants, lockFile, strings.Join(found, ", ")))
		}
	}
	for _, line := range entry.Dependencies {
		if name, _, _ := strings.Cut(line, " "); !asked[name] {
			wrong = append(wrong, fmt.Sprintf("%s has %s for %s, which does not ask for it", lockFile, name, l.file()))
		}
	}
	return wrong
}

// versionsOf are the versions that an entry of a list of dependencies means.
func (l lock) versionsOf(name, rest string) []string {
	if version, _, _ := strings.Cut(rest, " "); version != "" {
		return []string{version}
	}
	var all []string
	for _, one := range l.Packages {
		if one.Name == name {
			all = append(all, one.Version)
		}
	}
	return all
}

// allows tells whether a requirement of Cargo allows a version (The Cargo Book,
// "Specifying Dependencies"). What cannot be told is left to Cargo.
func allows(wants, version string) bool {
	version, _, _ = strings.Cut(version, "+")
	if strings.Contains(version, "-") {
		return true
	}
	for part := range strings.SplitSeq(wants, ",") {
		part = strings.TrimSpace(part)
		if part != "" && part[0] >= '0' && part[0] <= '9' && !strings.Contains(part, "*") {
			part = "^" + part
		}
		r, err := npm.ParseRange(strings.ReplaceAll(part, " ", ""))
		if err == nil && !r.Allows(version) {
			return false
		}
	}
	return true
}

// find is a package of the lock file by name and version.
func (l lock) find(name, version string) (locked, bool) {
	i := slices.IndexFunc(l.Packages, func(one locked) bool { return one.Name == name && one.Version == version })
	if i < 0 {
		return locked{}, false
	}
	return l.Packages[i], true
}

// foreign are the packages that are not the source's own.
func (l lock) foreign() []locked {
	return slices.DeleteFunc(slices.Clone(l.Packages), func(one locked) bool { return one.Source == "" })
}
