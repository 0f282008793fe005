package launch

import (
	"bytes"
	_ "embed"
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// execDFunctions are the bash functions that run exec.d programs.
//
//go:embed execd.bash
var execDFunctions string

// ProfileScript is a script for .profile.d of a slug that gives bash the
// environment that the launcher gives a process: it makes the changes of the
// layers, runs their exec.d programs and sources their profile scripts, in the
// launcher's order. The layers are those of each buildpack, in build order.
//
// In a slug the app is $HOME, wherever the slug is unpacked: every word below
// layersPath becomes a word below $HOME, if layersPath lies within appPath.
// The process type is what stands before the number in $DYNO ("web.1"); with
// no DYNO nothing is process-specific. A layer's variable that bash can not
// set (its name is not one for a shell, or is read-only) is left out.
//
// The script works with and without "set -eu", leaves no variables or
// functions of its own behind, and is empty when the layers ask for nothing.
// It ends the shell with status 82 when an exec.d program fails, as the
// launcher would.
func ProfileScript(appPath, layersPath string, layers [][]LayerDir) ([]byte, error) {
	w := profileWriter{home: relocation(appPath, layersPath)}
	for _, step := range []func([]LayerDir) error{w.environment, w.execD, w.profiles} {
		for _, group := range layers {
			if err := step(group); err != nil {
				return nil, err
			}
		}
	}
	if w.body.Len() == 0 {
		return nil, nil
	}
	var script bytes.Buffer
	fmt.Fprintf(&script, "# The environment of the layers of this slug.\n")
	fmt.Fprintf(&script, "__slugc_home=${HOME:-%s}\n", quote(appPath))
	fmt.Fprintf(&script, "__slugc_type=${DYNO-}\n__slugc_type=${__slugc_type%%.*}\n")
	if w.runs {
		script.WriteString(execDFunctions)
	}
	script.Write(w.body.Bytes())
	if w.runs {
		names := functionNames(execDFunctions)
		fmt.Fprintf(&script, "unset -f %s\n", strings.Join(names, " "))
	}
	script.WriteString("unset -v __slugc_home __slugc_type\n")
	return script.Bytes(), nil
}

// EnterScript is a script for .profile.d of a slug whose app is a directory of it,
// subdir: after profile, the script of ProfileScript, that becomes HOME, unless a layer
// says what HOME is, and the scripts that classic buildpacks left there for processes
// are sourced, which would lie in .profile.d of the slug were the app all of it. All
// that runs in the directory, as the launcher has it.
func EnterScript(appPath, subdir string, profile []byte) []byte {
	var script bytes.Buffer
	// The variable tells programs of exec.d that the scripts are sourced here.
	fmt.Fprintf(&script, "# The app of this slug is a directory of its source.\nexport __slugc_top=${HOME:-%s}\n", quote(appPath))
	fmt.Fprintf(&script, "__slugc_app=$__slugc_top/%s __slugc_back=$PWD\ncd -- \"$__slugc_app\"\n", quote(subdir))
	script.Write(profile)
	script.WriteString(`if [ "${HOME:-$__slugc_top}" = "$__slugc_top" ]; then export HOME=$__slugc_app; fi
for __slugc_script in "$__slugc_app"/.profile.d/*.sh; do
  if [ -r "$__slugc_script" ]; then source "$__slugc_script"; fi
done
cd -- "$__slugc_back"
unset -v __slugc_top __slugc_app __slugc_back __slugc_script
`)
	return script.Bytes()
}

// profileWriter writes the steps of a profile script.
type profileWriter struct {
	home home
	body bytes.Buffer
	// runs says that there are exec.d programs.
	runs bool
}

// environment writes the changes of the environment.
func (w *profileWriter) environment(layers []LayerDir) error {
	changes, err := launchChanges(layers, func(string) bool { return true })
	if err != nil {
		return err
	}
	for _, c := range changes {
		w.forType(c.processType, w.assignment(c))
	}
	return nil
}

// execD writes the calls of the exec.d programs.
func (w *profileWriter) execD(layers []LayerDir) error {
	before := w.body.Len()
	err := w.files(layers, "exec.d", "__slugc_exec_d")
	w.runs = w.runs || w.body.Len() > before
	return err
}

// profiles writes the sourcing of the profile scripts.
func (w *profileWriter) profiles(layers []LayerDir) error {
	return w.files(layers, "profile.d", "source")
}

// files writes one command for each file of a directory of the layers: first
// the files themselves, then those of each process type.
func (w *profileWriter) files(layers []LayerDir, dir, command string) error {
	for _, layer := range layers {
		host := filepath.Join(layer.Host, dir)
		types, err := listDirs(host)
		if err != nil {
			return err
		}
		for _, processType := range append([]string{""}, types...) {
			names, err := listFiles(filepath.Join(host, processType))
			if err != nil {
				return err
			}
			for _, name := range names {
				file := path.Join(layer.Path, dir, processType, name)
				w.forType(processType, command+" "+w.home.word(file))
			}
		}
	}
	return nil
}

// forType writes a command that holds for one process type, or for all.
func (w *profileWriter) forType(processType, command string) {
	if processType == "" {
		fmt.Fprintf(&w.body, "%s\n", command)
		return
	}
	fmt.Fprintf(&w.body, "if [ \"$__slugc_type\" = %s ]; then %s; fi\n", quote(processType), command)
}

// assignment is a command that makes a change.
func (w *profileWriter) assignment(c change) string {
	if !shellCanSet(c.name) {
		return fmt.Sprintf(": %s is not a variable that bash can set", quote(c.name))
	}
	value := w.home.word(c.value)
	switch set := fmt.Sprintf("export %s=%s", c.name, value); c.action {
	case setEmpty:
		return fmt.Sprintf(`if [ -z "${%s-}" ]; then %s; fi`, c.name, set)
	case appendTo:
		return fmt.Sprintf(`if [ -n "${%[1]s-}" ]; then export %[1]s="$%[1]s"%[2]s%[3]s; else %[4]s; fi`,
			c.name, w.home.word(c.delim), value, set)
	case prependTo:
		return fmt.Sprintf(`if [ -n "${%[1]s-}" ]; then export %[1]s=%[3]s%[2]s"$%[1]s"; else %[4]s; fi`,
			c.name, w.home.word(c.delim), value, set)
	default:
		return set
	}
}

// shellCanSet says whether bash can give a variable a value.
func shellCanSet(name string) bool {
	readOnly := []string{"BASHOPTS", "BASH_VERSINFO", "EUID", "PPID", "SHELLOPTS", "UID"}
	return regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`).MatchString(name) && !slices.Contains(readOnly, name)
}

// functionNames are the functions that a script defines.
func functionNames(script string) []string {
	var names []string
	for _, match := range regexp.MustCompile(`(?m)^(\w+)\(\) \{$`).FindAllStringSubmatch(script, -1) {
		names = append(names, match[1])
	}
	return names
}

// home rewrites paths of the build to paths of where a slug is unpacked.
type home struct {
	// find finds the layers directory; nil when it is not within the app.
	find *regexp.Regexp
	// rest is the layers directory relative to the app, with a slash before.
	rest string
}

func relocation(appPath, layersPath string) home {
	rest, within := strings.CutPrefix(layersPath, strings.TrimSuffix(appPath, "/")+"/")
	if !within {
		return home{}
	}
	// A path begins where no character of a file name stands before it, and
	// ends where none follows.
	find := regexp.MustCompile(`(^|[^A-Za-z0-9._/~-])` + regexp.QuoteMeta(layersPath) + `($|[^A-Za-z0-9._~-])`)
	return home{find: find, rest: "/" + rest}
}

// word is a word of bash that stands for value.
func (h home) word(value string) string {
	if value == "" {
		return ""
	}
	if h.find == nil {
		return quote(value)
	}
	var word strings.Builder
	for {
		at := h.find.FindStringSubmatchIndex(value)
		if at == nil {
			break
		}
		if before := value[:at[3]]; before != "" {
			word.WriteString(quote(before))
		}
		word.WriteString(`"$__slugc_home"`)
		value = h.rest + value[at[4]:]
	}
	if value != "" {
		word.WriteString(quote(value))
	}
	return word.String()
}
