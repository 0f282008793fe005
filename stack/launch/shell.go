package launch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// bashPath is where the CNB Platform API, "Launch", expects bash.
const bashPath = "/bin/bash"

// shellArgv is the command line that starts a process with the shell: bash
// sources the profile scripts in its own environment and becomes a second
// bash, which sees no more of them than what they exported. What a person or
// a buildpack wrote as a command stays an argument all the way; the script
// consists of our words and of quoted paths.
func shellArgv(self string, s start, scripts []string, dir string) []string {
	var script strings.Builder
	for _, file := range scripts {
		fmt.Fprintf(&script, "source %s\n", quote(file))
	}
	fmt.Fprintf(&script, "cd %s || exit %d\n", quote(dir), codeLaunch)
	switch {
	case len(s.args) == 0:
		script.WriteString(`exec bash -c "$1"`)
	case s.line:
		script.WriteString(`exec bash -c "$1"' "$@"' bash "${@:2}"`)
	default:
		fmt.Fprintf(&script, `exec bash -c '%s' "$@"`, expandWords(1+len(s.args)))
	}
	return append([]string{"bash", "-c", script.String(), self, s.command}, s.args...)
}

// directArgv is the command line that starts a direct process where the app has
// profile scripts of classic buildpacks: bash sources them and becomes the
// program, whose words it does not look at.
func directArgv(self string, s start, scripts []string, dir string) []string {
	var script strings.Builder
	for _, file := range scripts {
		fmt.Fprintf(&script, "source %s\n", quote(file))
	}
	fmt.Fprintf(&script, "cd %s || exit %d\nexec -- \"$@\"", quote(dir), codeLaunch)
	return append([]string{"bash", "-c", script.String(), self, s.command}, s.args...)
}

// expandWords is a script that expands each of its n arguments, $0 being the
// first, as the inside of a double-quoted word, and runs the result as a
// command (Buildpack API before 0.9, "Launch": arguments of a process that is
// not direct are shell-parsed tokens). An argument that turns into several
// words, because it has quotes of its own, is put together again with blanks.
func expandWords(n int) string {
	words := make([]string, n)
	for i := range words {
		words[i] = fmt.Sprintf(`"$(eval "set -- \"${%d}\"" && printf %%s "$*")"`, i)
	}
	return strings.Join(words, " ")
}

// profiles is where profile scripts are.
type profiles struct {
	layers [][]LayerDir
	// classic says that scripts in .profile.d of the app count too.
	classic bool
}

// scripts are the scripts to source for a process type: those of the layers
// (Buildpack API before 0.9, "profile.d"), those that classic buildpacks left
// in the app, and the app's own.
func (p profiles) scripts(processType, appDir string) ([]string, error) {
	var scripts []string
	for _, group := range p.layers {
		for _, layer := range group {
			more, err := typedFiles(filepath.Join(layer.Host, "profile.d"), processType)
			if err != nil {
				return nil, err
			}
			scripts = append(scripts, more...)
		}
	}
	own, err := p.app(appDir)
	return append(scripts, own...), err
}

// app are the scripts in the app: those that classic buildpacks left, and its
// own.
func (p profiles) app(appDir string) ([]string, error) {
	var scripts []string
	if p.classic {
		dir := filepath.Join(appDir, ".profile.d")
		names, err := listFiles(dir)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			if strings.HasSuffix(name, ".sh") {
				scripts = append(scripts, filepath.Join(dir, name))
			}
		}
	}
	own := filepath.Join(appDir, ".profile")
	info, err := os.Stat(own)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("looking for the profile of the app: %w", err)
	case !info.IsDir():
		scripts = append(scripts, own)
	}
	return scripts, nil
}

// typedFiles are the files of a directory, then those of its directory for a
// process type.
func typedFiles(dir, processType string) ([]string, error) {
	dirs := []string{dir}
	types, err := listDirs(dir)
	if err != nil {
		return nil, err
	}
	if slices.Contains(types, processType) {
		dirs = append(dirs, filepath.Join(dir, processType))
	}
	var files []string
	for _, d := range dirs {
		names, err := listFiles(d)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			files = append(files, filepath.Join(d, name))
		}
	}
	return files, nil
}
