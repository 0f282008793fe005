package builder

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/buildpacks/cnb"
)

// Scaffold is a buildpack that is yet to be written: three files that build any
// app, for a person to change.
type Scaffold struct {
	ID string
	// API is the Buildpack API that it is written for.
	API string
	// Targets are what it builds for; without any that is linux on every
	// machine.
	Targets []buildpacks.Target
}

// ScaffoldError says what of a scaffold cannot be: its directory is taken, its
// id or its API is none.
type ScaffoldError struct {
	Dir string
	Err error
}

func (e *ScaffoldError) Error() string { return fmt.Sprintf("%s: %v", e.Dir, e.Err) }

// Unwrap returns the cause.
func (e *ScaffoldError) Unwrap() error { return e.Err }

// Write writes the files into a directory, which may exist if it is empty. They
// are there whole or not at all. What a person can do about it is a
// *ScaffoldError.
func (s Scaffold) Write(dir string) (err error) {
	at, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if entries, err := os.ReadDir(at); len(entries) > 0 || err != nil && !errors.Is(err, os.ErrNotExist) {
		return &ScaffoldError{dir, errors.New("it is there already and not empty; name another directory")}
	}
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		return err
	}
	beside, err := os.MkdirTemp(filepath.Dir(at), ".new-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(beside)) }()
	if err := s.write(beside); err != nil {
		return fmt.Errorf("writing %s: %w", dir, err)
	}
	if _, err := cnb.Open(beside); err != nil {
		return &ScaffoldError{dir, errors.New(strings.TrimPrefix(err.Error(), filepath.Join(beside, descriptorFile)+": "))}
	}
	return os.Rename(beside, at)
}

// write writes the files.
func (s Scaffold) write(dir string) error {
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(dir, "bin"), 0o755); err != nil {
		return err
	}
	for name, text := range map[string]string{
		descriptorFile: s.descriptor(),
		"bin/detect":   scaffoldDetect,
		"bin/build":    s.build(),
	} {
		mode := os.FileMode(0o644)
		if path.Dir(name) == "bin" {
			mode = 0o755
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), mode); err != nil {
			return err
		}
	}
	return nil
}

// descriptor is the buildpack.toml.
func (s Scaffold) descriptor() string {
	var b strings.Builder
	fmt.Fprintf(&b, "api = %s\n\n[buildpack]\nid = %s\nversion = \"0.1.0\"\nname = %s\n",
		strconv.Quote(s.API), strconv.Quote(s.ID), strconv.Quote("Greets, until you write what it does"))
	targets := s.Targets
	if len(targets) == 0 {
		targets = []buildpacks.Target{{OS: linux}}
	}
	for _, t := range targets {
		b.WriteString("\n[[targets]]\n")
		for _, field := range [][2]string{{"os", t.OS}, {"arch", t.Arch}, {"variant", t.Variant}} {
			if field[1] != "" {
				fmt.Fprintf(&b, "%s = %q\n", field[0], field[1])
			}
		}
		for _, d := range t.Distros {
			fmt.Fprintf(&b, "\n[[targets.distros]]\nname = %q\n", d.Name)
			if d.Version != "" {
				fmt.Fprintf(&b, "version = %q\n", d.Version)
			}
		}
	}
	return b.String()
}

const scaffoldDetect = `#!/usr/bin/env bash
# Says whether the buildpack can build the app, which is in the current
# directory: exit 0 for yes, 100 for no. What it prints tells people why.
set -euo pipefail

# if [[ ! -f hello.txt ]]; then
#   echo "no hello.txt in the app's root"
#   exit 100
# fi
`

// build is bin/build.
func (s Scaffold) build() string {
	command := `["greet"]`
	if slices.Contains([]string{"0.7", "0.8"}, s.API) {
		// A process's command was one string then.
		command = `"greet"`
	}
	return strings.ReplaceAll(scaffoldBuild, "COMMAND", command)
}

const scaffoldBuild = `#!/usr/bin/env bash
# Builds the app, which is in the current directory. The first argument is the
# directory for layers.
set -euo pipefail
layers=$1

echo "-----> Greeting"

# A layer is a directory, and a file that says who gets it: launch for the
# processes of the app, build for later buildpacks, cache for the next build.
# The bin directory of a layer is in the PATH.
mkdir -p "$layers/greeting/bin"
cat >"$layers/greeting/bin/greet" <<'SCRIPT'
#!/usr/bin/env bash
echo "Hello from $PWD"
SCRIPT
chmod 755 "$layers/greeting/bin/greet"
cat >"$layers/greeting.toml" <<'TOML'
[types]
launch = true
TOML

# The processes of the app.
cat >"$layers/launch.toml" <<'TOML'
[[processes]]
type = "web"
command = COMMAND
default = true
TOML
`
