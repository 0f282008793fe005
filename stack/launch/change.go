package launch

import (
	"fmt"
	"path/filepath"
	"strings"
)

// action is what a file of an env directory does to its variable, named as
// the suffix of the file (CNB Buildpack API, "Environment Variable
// Modification Rules").
type action string

const (
	override  action = "override"
	appendTo  action = "append"
	prependTo action = "prepend"
	setEmpty  action = "default"
)

// change is one change of one variable.
type change struct {
	name   string
	action action
	value  string
	// delim stands between the value and what was there.
	delim string
	// processType limits the change to processes of a type.
	processType string
}

// valueLimit bounds one value; a Linux kernel takes an eighth of it.
const valueLimit = 1 << 20

// fileChanges reads the files of an env directory of a layer, in alphabetical
// order. A file with a suffix that the specification does not know changes
// nothing.
func fileChanges(dir, processType string) ([]change, error) {
	return dirChanges(dir, override, processType)
}

// dirChanges reads the files of any env directory; bare is what a file without
// a suffix does.
func dirChanges(dir string, bare action, processType string) ([]change, error) {
	files, err := listFiles(dir)
	if err != nil {
		return nil, err
	}
	delims := map[string]string{}
	var changes []change
	for _, file := range files {
		name, suffix, found := strings.Cut(file, ".")
		if !found {
			suffix = string(bare)
		}
		if !validName(name) {
			continue
		}
		switch a := action(suffix); a {
		case override, appendTo, prependTo, setEmpty:
			value, err := readValue(filepath.Join(dir, file))
			if err != nil {
				return nil, err
			}
			changes = append(changes, change{name: name, action: a, value: value, processType: processType})
		case "delim":
			if delims[name], err = readValue(filepath.Join(dir, file)); err != nil {
				return nil, err
			}
		}
	}
	for i, c := range changes {
		changes[i].delim = delims[c.name]
	}
	return changes, nil
}

// readValue is the content of a file, which is the value of a variable as it
// is: a newline at the end is part of it.
func readValue(path string) (string, error) {
	data, err := readFile(path, valueLimit)
	if err != nil {
		return "", fmt.Errorf("reading a variable: %w", err)
	}
	if !validValue(string(data)) {
		return "", fmt.Errorf("reading a variable: %s holds a NUL byte, which no variable can", path)
	}
	return string(data), nil
}

// validName says whether a variable can have a name at all.
func validName(name string) bool {
	return name != "" && !strings.ContainsAny(name, "=\x00")
}

// validValue says whether a variable can have a value at all.
func validValue(value string) bool {
	return !strings.Contains(value, "\x00")
}

// apply makes the changes that hold for a process type.
func (e Env) apply(changes []change, processType string) {
	for _, c := range changes {
		if c.processType != "" && c.processType != processType {
			continue
		}
		old := e[c.name]
		switch {
		case c.action == override, old == "":
			e[c.name] = c.value
		case c.action == appendTo:
			e[c.name] = old + c.delim + c.value
		case c.action == prependTo:
			e[c.name] = c.value + c.delim + old
		}
	}
}
