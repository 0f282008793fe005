package ruby

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/slugc/slugc/buildpacks/language/appfile"
)

// The kinds of sources in a lock file.
const (
	fromIndex = "GEM"
	fromGit   = "GIT"
	fromPath  = "PATH"
)

// lock is what a lock file of Bundler says.
type lock struct {
	gems []lockedGem
	// platforms are those that it was made for: "ruby", "x86_64-linux".
	platforms []string
	// dependencies are those of the Gemfile, with their requirements.
	dependencies map[string]string
	// sums are SHA-256 sums by the full name of a gem.
	sums map[string]string
	// ruby is the version after RUBY VERSION, bundler that after BUNDLED WITH.
	ruby, bundler string
}

// lockedGem is a gem with its version.
type lockedGem struct {
	name, version string
	// platform is "" for a gem that is for any.
	platform string
	// kind is where it comes from, remote the address or the directory.
	kind, remote string
	// needs are the gems that it needs.
	needs []string
}

// fullName is the name as files have it: nokogiri-1.18.0-x86_64-linux-gnu.
func (g lockedGem) fullName() string {
	if g.platform == "" {
		return g.name + "-" + g.version
	}
	return g.name + "-" + g.version + "-" + g.platform
}

var (
	specLine       = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^    ([A-Za-z0-9._-]+) \(([^)\s]+)\)$`) })
	needLine       = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^      ([A-Za-z0-9._-]+)(?: \([^)]*\))?$`) })
	dependencyLine = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^  ([A-Za-z0-9._-]+)(?: \(([^)]+)\))?(!)?$`) })
	sumLine        = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^  ([A-Za-z0-9._-]+) \(([^)\s]+)\)(?: .*?sha256=([0-9a-f]{64}))?`)
	})
	rubyLine    = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\s+ruby ([0-9][0-9A-Za-z.]*?)(?:p-?[0-9]+)?$`) })
	sectionLine = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Z][A-Z ]*$`) })
)

// sections are all that Bundler writes.
func sections() []string {
	return []string{fromIndex, fromGit, fromPath, "PLUGIN SOURCE", "PLATFORMS", "DEPENDENCIES", "CHECKSUMS", "RUBY VERSION", "BUNDLED WITH"}
}

// readLock reads a lock file. Name is how it is called.
func readLock(name string, data []byte) (lock, error) {
	l := lock{dependencies: map[string]string{}, sums: map[string]string{}}
	section, remote := "", ""
	number := 0
	for line := range strings.SplitSeq(string(data), "\n") {
		number++
		line = strings.TrimRight(line, "\r ")
		switch {
		case line == "":
			continue
		case sectionLine().MatchString(line):
			section, remote = line, ""
			continue
		case line[0] != ' ':
			return lock{}, appfile.Error("%s is not a lock file of Bundler\nline %d: %s\nmake it again:\n  bundle lock\n  git add %s", name, number, line, name)
		}
		switch section {
		case fromIndex, fromGit, fromPath:
			if text, is := strings.CutPrefix(line, "  remote: "); is {
				remote = text
			}
			if match := specLine().FindStringSubmatch(line); match != nil {
				g := lockedGem{name: match[1], kind: section, remote: remote}
				g.version, g.platform, _ = strings.Cut(match[2], "-")
				l.gems = append(l.gems, g)
			} else if match := needLine().FindStringSubmatch(line); match != nil && len(l.gems) > 0 {
				of := &l.gems[len(l.gems)-1]
				of.needs = append(of.needs, match[1])
			}
		case "PLATFORMS":
			l.platforms = append(l.platforms, strings.TrimSpace(line))
		case "DEPENDENCIES":
			if match := dependencyLine().FindStringSubmatch(line); match != nil {
				l.dependencies[match[1]] = match[2]
			}
		case "CHECKSUMS":
			if match := sumLine().FindStringSubmatch(line); match != nil && match[3] != "" {
				l.sums[match[1]+"-"+match[2]] = match[3]
			}
		case "RUBY VERSION":
			if match := rubyLine().FindStringSubmatch(line); match != nil {
				l.ruby = match[1]
			}
		case "BUNDLED WITH":
			l.bundler = strings.TrimSpace(line)
		}
	}
	if section == "" || !slices.Contains(sections(), section) && len(l.gems) == 0 {
		return lock{}, appfile.Error("%s is empty, or no lock file of Bundler\nmake it again:\n  bundle lock\n  git add %s", name, name)
	}
	return l, nil
}

// has tells whether a gem is locked.
func (l lock) has(name string) bool {
	return slices.ContainsFunc(l.gems, func(g lockedGem) bool { return g.name == name })
}

// version is that of a locked gem, "" when it is not.
func (l lock) version(name string) string {
	for _, g := range l.gems {
		if g.name == name {
			return g.version
		}
	}
	return ""
}

// platform is how RubyGems calls Linux on an architecture.
func platform(arch string) string {
	if arch == "arm64" {
		return "aarch64-linux"
	}
	return "x86_64-linux"
}

// runsOn tells whether a gem of a platform runs on Linux here.
func runsOn(of, here string) bool {
	return of == "" || of == "ruby" || of == here || of == here+"-gnu"
}

// foreign is why a lock file cannot be installed on a platform: the gems that it
// has for other ones alone.
func (l lock) foreign(here string) []string {
	var foreign []string
	for _, g := range l.gems {
		if runsOn(g.platform, here) || slices.Contains(foreign, g.name) {
			continue
		}
		if !slices.ContainsFunc(l.gems, func(other lockedGem) bool { return other.name == g.name && runsOn(other.platform, here) }) {
			foreign = append(foreign, g.name)
		}
	}
	return foreign
}

// fitted is the text of a lock file for a platform: with the line ends of this
// system, and the platform among those that it was made for. Why says what was
// changed, "" for nothing.
func (l lock) fitted(text, here string) (fitted, why string) {
	var reasons []string
	fitted = strings.ReplaceAll(text, "\r\n", "\n")
	if fitted != text {
		reasons = append(reasons, "it had the line ends of Windows")
	}
	known := slices.ContainsFunc(l.platforms, func(of string) bool { return runsOn(of, here) })
	if !known && len(l.platforms) > 0 {
		reasons = append(reasons, fmt.Sprintf("it was made for %s, and its gems are for any system", strings.Join(l.platforms, ", ")))
		all := append(slices.Clone(l.platforms), here)
		slices.Sort(all)
		section := "PLATFORMS\n"
		for _, of := range all {
			section += "  " + of + "\n"
		}
		fitted = platformsSection().ReplaceAllLiteralString(fitted, section)
	}
	return fitted, strings.Join(reasons, "; ")
}

var platformsSection = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?m)^PLATFORMS\n(?:  .*\n)*`) })
