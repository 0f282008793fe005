package rust

import (
	"slices"
	"strings"

	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/language/compiled"
)

// settings are what the environment of the build says about Cargo.
type settings struct {
	// packages are those to build, by name or directory, and packagesBy is who
	// asks for them.
	packages   []string
	packagesBy string
	// bins are the binaries to build, all when empty.
	bins []string
	// features are the flags that choose features, rest those that are handed on.
	features, rest []string
	profile        string
	// keepSource leaves the source in the app, keep are patterns of files that
	// stay.
	keepSource bool
	keep       compiled.Kept
}

// The variables of flags: Paketo's and the one of the usual Heroku buildpack.
const (
	byPaketo = "BP_CARGO_INSTALL_ARGS"
	byHeroku = "RUST_CARGO_BUILD_FLAGS"
)

// readSettings reads the variables.
func readSettings(env map[string]string) (settings, error) {
	s := settings{profile: "release"}
	s.packages = strings.FieldsFunc(env["BP_CARGO_WORKSPACE_MEMBERS"], func(r rune) bool { return r == ',' || r == ' ' })
	s.packagesBy = "BP_CARGO_WORKSPACE_MEMBERS"
	for _, name := range []string{byHeroku, byPaketo} {
		if strings.ContainsAny(env[name], `'"`) {
			return settings{}, appfile.Error("%s has quotes: %s\nwrite features with commas between them: --features=one,two", name, env[name])
		}
		if err := s.addFlags(name, strings.Fields(env[name])); err != nil {
			return settings{}, err
		}
	}
	s.keepSource = strings.EqualFold(env["BP_RUST_KEEP_SOURCE"], "true") || env["BP_RUST_KEEP_SOURCE"] == "1"
	s.keep = strings.FieldsFunc(env["BP_KEEP_FILES"], func(r rune) bool { return r == ':' })
	return s, nil
}

// always are flags that each build has, or whose work slugc does.
var always = []string{"--release", "-r", "--locked", "--frozen", "--offline", "--bins", "--force", "-f", "--no-track", "-q", "--quiet", "-v", "-vv", "--verbose"}

// refused are flags that belong to the build: what it makes and where.
var refused = []string{"--target", "--target-dir", "--root", "--manifest-path", "--examples", "--example", "--tests", "--test", "--benches", "--bench", "--debug",
	"--git", "--index", "--registry", "--version", "--message-format", "--artifact-dir", "--build-plan", "--color", "-Z", "-C"}

// addFlags sorts flags of "cargo build" and "cargo install".
func (s *settings) addFlags(name string, words []string) error {
	for i := 0; i < len(words); i++ {
		flag, value, given := strings.Cut(words[i], "=")
		if !strings.HasPrefix(flag, "-") {
			return appfile.Error("%s has %q, which is no flag\nexpected flags of cargo build, such as --features=one,two", name, words[i])
		}
		if slices.Contains(always, flag) {
			continue
		}
		if slices.Contains(refused, flag) {
			return appfile.Error("%s has %s, which is not for an app to choose\ntake it out of %s", name, flag, name)
		}
		if flag == "--all-features" || flag == "--no-default-features" {
			s.features = append(s.features, flag)
			continue
		}
		if flag == "--workspace" || flag == "--all" {
			s.packages = nil
			continue
		}
		if !given {
			if i++; i == len(words) {
				return appfile.Error("%s ends with %s, which wants a value", name, flag)
			}
			value = words[i]
		}
		switch flag {
		case "--features", "-F":
			s.features = append(s.features, "--features="+value)
		case "--bin":
			s.bins = append(s.bins, value)
		case "--path", "--package", "-p":
			s.packages, s.packagesBy = append(s.packages, value), name
		case "--profile":
			s.profile = value
		case "--jobs", "-j", "--config":
			s.rest = append(s.rest, flag, value)
		default:
			return appfile.Error("%s has %s, which slugc does not know\nexpected flags such as --features, --bin, --package, --profile", name, flag)
		}
	}
	return nil
}

// profileDir is where Cargo puts what a profile makes.
func (s settings) profileDir() string {
	if s.profile == "dev" || s.profile == "test" {
		return "debug"
	}
	return s.profile
}
