package receive

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slugc/slugc/release/hook"
)

// App is an app that is built of a repository.
type App struct {
	hook.Rule
	// Refuse is whether branches are refused that are not built.
	Refuse bool
	// Stay is whether the app is not started when it does not run.
	Stay bool
	// Port and Listen are what it is started with; empty ones are for slugc start to choose.
	Port, Listen string
}

// section is the section of a git config.
const section = "slugc"

// SettingError says which setting of a repository is wrong.
type SettingError struct {
	Repository, Name string
	Err              error
}

func (e *SettingError) Error() string {
	return fmt.Sprintf("the setting %s of %s: %v\nchange it: git -C %s config --edit", e.Name, e.Repository, e.Err, e.Repository)
}

// Unwrap is what is wrong.
func (e *SettingError) Unwrap() error { return e.Err }

// Apps reads the settings of a repository, as commits.Repository has them. They come in the order
// of their names.
func Apps(repository string, settings map[string][]string) ([]App, error) {
	found := map[string]*App{}
	for _, name := range sorted(settings) {
		rest, is := strings.CutPrefix(name, section+".")
		dot := strings.LastIndexByte(rest, '.')
		if !is || dot < 0 {
			continue
		}
		app, variable := rest[:dot], rest[dot+1:]
		a := found[app]
		if a == nil {
			a = &App{Rule: hook.Rule{App: app, Forge: hook.Git, Repository: repository}}
			found[app] = a
		}
		if err := a.set(variable, settings[name]); err != nil {
			return nil, &SettingError{Repository: repository, Name: name, Err: err}
		}
	}
	var apps []App
	for _, name := range sorted(found) {
		a := found[name]
		if err := a.Check(); err != nil {
			return nil, &SettingError{Repository: repository, Name: section + "." + name, Err: err}
		}
		apps = append(apps, *a)
	}
	return apps, nil
}

func sorted[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// set takes the values of a variable. Where one counts it is the last, as in git.
func (a *App) set(variable string, values []string) (err error) {
	last := values[len(values)-1]
	switch variable {
	case "branch":
		a.Branches = values
	case "path":
		a.Paths = values
	case "directory":
		a.Directory = last
	case "flag":
		a.Flags = values
	case "port":
		a.Port = last
	case "listen":
		a.Listen = last
	case "others":
		if last != "refuse" && last != "pass" {
			return fmt.Errorf("%q; expected pass or refuse", hook.Plain(last, 100))
		}
		a.Refuse = last == "refuse"
	case "start":
		var start bool
		start, err = boolean(last)
		a.Stay = !start
	default:
		return fmt.Errorf("there is none of that name; there are branch, path, directory, others, start, port, listen and flag")
	}
	return err
}

// boolean reads one as git does (git-config(1), "boolean").
func boolean(text string) (bool, error) {
	switch strings.ToLower(text) {
	case "true", "yes", "on", "1":
		return true, nil
	case "false", "no", "off", "0", "":
		return false, nil
	}
	return false, fmt.Errorf("%q; expected true or false", hook.Plain(text, 100))
}

// True is whether a setting is true; one that is none is not.
func True(text string) bool {
	is, err := boolean(text)
	return err == nil && is
}

// lines are the app's section of a git config.
func (a App) lines() string {
	var b strings.Builder
	fmt.Fprintf(&b, "[%s %s]\n", section, quoted(a.App))
	one := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "\t%s = %s\n", name, quoted(value))
		}
	}
	all := func(name string, values []string) {
		for _, value := range values {
			one(name, value)
		}
	}
	all("branch", a.Branches)
	all("path", a.Paths)
	one("directory", a.Directory)
	if a.Refuse {
		one("others", "refuse")
	}
	if a.Stay {
		one("start", "false")
	}
	one("port", a.Port)
	one("listen", a.Listen)
	all("flag", a.Flags)
	return b.String()
}

// quoted is a value in a git config.
func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\t", `\t`).Replace(s) + `"`
}
