package project

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// AppJSONFile says, among much else, with which buildpacks an app is built and
// how it is tested.
const AppJSONFile = "app.json"

// AppJSON is what an app.json says about building and testing the app (Heroku
// Dev Center, "app.json Schema"). The rest of it, such as formation and addons,
// is not read.
type AppJSON struct {
	// Buildpacks are those of the app, in their order. They are nil when the file
	// does not say, and empty when it says that there are none.
	Buildpacks []Reference
	// Environments are by name, "test" for one.
	Environments map[string]Environment
	// Warnings are about what is ignored.
	Warnings []Warning
}

// Environment is what app.json says for one environment (Heroku Dev Center,
// "Heroku CI").
type Environment struct {
	// Buildpacks are those of the environment; nil when it names none.
	Buildpacks []Reference
	// Env are its variables.
	Env map[string]string
	// Scripts are its commands for bash, by name: "test-setup" and "test".
	Scripts map[string]string
}

// TestEnvironment is the environment of tests.
const TestEnvironment = "test"

// For is what counts in an environment: its buildpacks, or those of the app
// where it names none, its variables and its scripts. What is at the top of the
// file beside the buildpacks is for apps that run and not for it.
func (a AppJSON) For(environment string) Environment {
	e := a.Environments[environment]
	if e.Buildpacks == nil {
		e.Buildpacks = a.Buildpacks
	}
	return Environment{Buildpacks: slices.Clone(e.Buildpacks), Env: maps.Clone(e.Env), Scripts: maps.Clone(e.Scripts)}
}

// ForTest is what counts in a test.
func (a AppJSON) ForTest() Environment { return a.For(TestEnvironment) }

// ReadAppJSON reads the app.json at the top of an app. The error of one that is
// not there is fs.ErrNotExist.
func ReadAppJSON(dir string) (AppJSON, error) {
	text, err := readText(dir, AppJSONFile)
	if err != nil {
		return AppJSON{}, err
	}
	a, err := ParseAppJSON(text)
	if err != nil {
		return AppJSON{}, fmt.Errorf("reading %s: %w", AppJSONFile, err)
	}
	a.Warnings = of(AppJSONFile, a.Warnings)
	return a, nil
}

// ParseAppJSON reads the text of an app.json. Errors name the line.
func ParseAppJSON(text string) (AppJSON, error) {
	file, err := parseJSON(strings.TrimPrefix(text, byteOrderMark))
	if err != nil {
		return AppJSON{}, err
	}
	top, err := file.object("an object: { ... }")
	if err != nil {
		return AppJSON{}, err
	}
	var a AppJSON
	if a.Buildpacks, err = references(top); err != nil {
		return AppJSON{}, err
	}
	all := top["environments"]
	if all.is == nil {
		return a, nil
	}
	environments, err := all.object(`an object: {"test": { ... }}`)
	if err != nil {
		return AppJSON{}, err
	}
	a.Environments = map[string]Environment{}
	for _, name := range inOrder(environments) {
		fields, err := environments[name].object(`an object: {"scripts": { ... }}`)
		if err != nil {
			return AppJSON{}, err
		}
		if a.Environments[name], err = a.environment(fields); err != nil {
			return AppJSON{}, err
		}
	}
	return a, nil
}

// inOrder are the keys of an object as they are in the file, as far as lines
// tell.
func inOrder(fields object) []string {
	return slices.SortedStableFunc(slices.Values(slices.Sorted(maps.Keys(fields))), func(a, b string) int {
		return fields[a].line - fields[b].line
	})
}

// environment reads one environment.
func (a *AppJSON) environment(fields object) (e Environment, err error) {
	if e.Buildpacks, err = references(fields); err != nil {
		return Environment{}, err
	}
	if e.Env, err = a.variables(fields["env"]); err != nil {
		return Environment{}, err
	}
	e.Scripts, err = scripts(fields["scripts"])
	return e, err
}

// references are the buildpacks of the file or of an environment.
func references(fields object) ([]Reference, error) {
	const form = `{"url": "https://HOST/PATH#REF"}`
	value := fields["buildpacks"]
	if value.is == nil {
		return nil, nil
	}
	from, is := value.is.([]jsonValue)
	if !is {
		return nil, value.expected("a list: [" + form + "]")
	}
	list := []Reference{}
	for _, one := range from {
		if text, is := one.is.(string); is {
			return nil, one.expected(fmt.Sprintf(`an object: {"url": %q}`, text))
		}
		entry, err := one.object("an object: " + form)
		if err != nil {
			return nil, err
		}
		address, is := entry["url"]
		if !is {
			return nil, one.errorf("has no url; expected %s", form)
		}
		text, is := address.is.(string)
		if !is {
			return nil, address.expected("the address of a buildpack in quotes")
		}
		r := ParseReference(text)
		switch {
		case r.Text == "":
			return nil, address.errorf("is empty; expected the address of a buildpack, or take the entry out")
		case strings.ContainsAny(r.Text, "\x00\r\n"):
			return nil, address.errorf("has a line break or a zero byte in it; expected the address of a buildpack")
		}
		r.Line = address.line
		list = append(list, r)
	}
	return list, nil
}

// variables are those of an environment. One that the file describes without
// giving it a value is not set, and a warning.
func (a *AppJSON) variables(value jsonValue) (map[string]string, error) {
	if value.is == nil {
		return nil, nil
	}
	fields, err := value.object(`an object: {"NAME": "VALUE"}`)
	if err != nil {
		return nil, err
	}
	env := map[string]string{}
	for _, name := range inOrder(fields) {
		one := fields[name]
		if name == "" || strings.ContainsAny(name, "=/\x00") || name == "." || name == ".." {
			return nil, fmt.Errorf("line %d: %q in %s is no name of a variable; expected NAME", one.line, name, value.key)
		}
		if entry, is := one.is.(object); is {
			if one, is = entry["value"]; !is || one.is == nil {
				a.Warnings = append(a.Warnings, Warning{
					Line: fields[name].line, Text: fmt.Sprintf("%s has no value here and is not set; give it one with -e %s=VALUE", fields[name].key, name),
				})
				continue
			}
		}
		text, is := one.is.(string)
		switch number, isNumber := one.is.(json.Number); {
		case isNumber:
			return nil, one.expected(fmt.Sprintf("text: write it in quotes, %q", number.String()))
		case !is:
			return nil, one.expected(`text in quotes, or {"value": "..."}`)
		case strings.ContainsRune(text, 0):
			return nil, one.errorf("has a zero byte; expected text")
		}
		env[name] = text
	}
	return env, nil
}

// scripts are those of an environment.
func scripts(value jsonValue) (map[string]string, error) {
	if value.is == nil {
		return nil, nil
	}
	fields, err := value.object(`an object: {"test": "COMMAND"}`)
	if err != nil {
		return nil, err
	}
	all := map[string]string{}
	for _, name := range inOrder(fields) {
		text, is := fields[name].is.(string)
		switch {
		case !is:
			return nil, fields[name].expected("a command in quotes")
		case strings.ContainsRune(text, 0):
			return nil, fields[name].errorf("has a zero byte; expected a command")
		}
		all[name] = text
	}
	return all, nil
}
