package php

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/slugc/slugc/buildpacks/language/appfile"
)

// lock is what a composer.lock says.
type lock struct {
	Hash        string          `json:"content-hash"`
	Packages    []lockedPackage `json:"packages"`
	PackagesDev []lockedPackage `json:"packages-dev"`
	// Overrides are what the machine that made it was told to have.
	Overrides words `json:"platform-overrides"`
	// PluginAPI is the version of Composer's interface for plugins that made it.
	PluginAPI string `json:"plugin-api-version"`
}

// lockedPackage is a package with its version.
type lockedPackage struct {
	Name    string  `json:"name"`
	Version string  `json:"version"`
	Type    string  `json:"type"`
	Source  *origin `json:"source"`
	Dist    *origin `json:"dist"`
	Require words   `json:"require"`
	Provide words   `json:"provide"`
	Replace words   `json:"replace"`
	License texts   `json:"license"`
}

// origin is where a package comes from.
type origin struct {
	Type string `json:"type"`
	URL  string `json:"url"`
}

// fromPath is the type of an origin that is a directory.
const fromPath = "path"

// readLock reads a composer.lock. Name is how it is called.
func readLock(name string, data []byte) (lock, error) {
	var l lock
	if err := appfile.JSON(name, data, &l); err != nil {
		return lock{}, err
	}
	if l.Hash == "" && l.Packages == nil {
		return lock{}, appfile.Error("%s is not a lock file of Composer: it has neither packages nor a content-hash\nmake it again:\n  composer update\n  git add %s", name, name)
	}
	for _, p := range slices.Concat(l.Packages, l.PackagesDev) {
		if p.Name == "" || p.Version == "" {
			return lock{}, appfile.Error("%s has a package without a name or a version\nmake it again:\n  composer update\n  git add %s", name, name)
		}
	}
	return l, nil
}

// find is a locked package that is installed.
func (l lock) find(name string) (lockedPackage, bool) {
	i := slices.IndexFunc(l.Packages, func(p lockedPackage) bool { return strings.EqualFold(p.Name, name) })
	if i < 0 {
		return lockedPackage{}, false
	}
	return l.Packages[i], true
}

// has tells whether a package is locked and installed, under its own name.
func (l lock) has(name string) bool {
	_, found := l.find(name)
	return found
}

// stands tells whether a package takes the place of a name.
func (p lockedPackage) stands(name string) bool {
	for other := range p.Provide {
		if strings.EqualFold(other, name) {
			return true
		}
	}
	for other := range p.Replace {
		if strings.EqualFold(other, name) {
			return true
		}
	}
	return false
}

// isPlatform tells whether a requirement is one on PHP or the machine (Composer,
// "Platform packages").
func isPlatform(name string) bool {
	name = strings.ToLower(name)
	return name == "php" || name == "hhvm" || strings.HasPrefix(name, "php-") && !strings.Contains(name, "/") ||
		strings.HasPrefix(name, "ext-") || strings.HasPrefix(name, "lib-") ||
		name == "composer" || name == "composer-plugin-api" || name == "composer-runtime-api"
}

// stale is why a lock file is not the one of a composer.json, "" for one that is.
func (l lock) stale(m manifest) string {
	missing := func(require words, packages []lockedPackage, elsewhere []lockedPackage, section string) string {
		for _, name := range slices.Sorted(maps.Keys(require)) {
			if isPlatform(name) {
				continue
			}
			locked := slices.IndexFunc(packages, func(p lockedPackage) bool { return strings.EqualFold(p.Name, name) || p.stands(name) })
			if locked < 0 {
				if slices.ContainsFunc(elsewhere, func(p lockedPackage) bool { return strings.EqualFold(p.Name, name) }) {
					return fmt.Sprintf("%s is in %q, and was locked for development alone", name, section)
				}
				return fmt.Sprintf("it was made without %s, which is in %q", name, section)
			}
			if p := packages[locked]; strings.EqualFold(p.Name, name) && !p.satisfies(require[name]) {
				return fmt.Sprintf("%s in %q has to be %s, and %s is locked", name, section, require[name], p.Version)
			}
		}
		return ""
	}
	if why := missing(m.Require, l.Packages, l.PackagesDev, "require"); why != "" {
		return why
	}
	if l.Hash == "" || l.Hash == m.contentHash {
		return ""
	}
	if why := missing(m.RequireDev, slices.Concat(l.PackagesDev, l.Packages), nil, "require-dev"); why != "" {
		return why
	}
	return "what composer.json requires, or where packages come from, was changed after it was made"
}

// satisfies tells whether a locked version is one of those that are wanted. What a
// branch is worth is not for this to tell.
func (p lockedPackage) satisfies(wanted string) bool {
	c, ok, err := parseConstraint(wanted)
	if err != nil || !ok || isBranch(p.Version) || strings.Contains(p.Version, "dev") {
		return true
	}
	n, _, ok := parseNumber(p.Version)
	return !ok || c.allows(n)
}

// requirement is one on PHP or one of its extensions.
type requirement struct {
	// Name is "php" or "ext-...", Wanted the constraint.
	Name, Wanted string
	// By is who has it, for a person.
	By string
	// own tells whether the app itself has it.
	own bool
}

// platform are the requirements on PHP and its extensions of the app and of all
// that is installed, those of the app first.
func (a app) platform() []requirement {
	var all []requirement
	add := func(require words, by string, own bool) {
		for _, name := range slices.Sorted(maps.Keys(require)) {
			if lower := strings.ToLower(name); lower == "php" || lower == "hhvm" || strings.HasPrefix(lower, "php-") && isPlatform(name) || strings.HasPrefix(lower, "ext-") {
				all = append(all, requirement{lower, require[name], by, own})
			}
		}
	}
	add(a.manifest.Require, "require in "+a.manifestName, true)
	for _, p := range a.lock.Packages {
		add(p.Require, p.Name+" "+p.Version, false)
	}
	return all
}
