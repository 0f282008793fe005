package release

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slugc/slugc/buildpacks/project"
)

// Needs are what an app wants to find in its config.
type Needs struct {
	// Variables are those of its app.json.
	Variables []project.ConfigVar
	// Addons are the services that it wants, as "NAME" or "NAME:PLAN".
	Addons []string
}

// Unbound is an add-on that is not attached.
type Unbound struct {
	Addon string `json:"addon"`
	// Variable is the config var that would be its address.
	Variable string `json:"variable"`
}

// NeedsError says that the config lacks what the app wants.
type NeedsError struct {
	App string
	// Missing are variables that app.json requires.
	Missing []string
	Unbound []Unbound
}

func (e *NeedsError) Error() string {
	var lines []string
	if len(e.Missing) > 0 {
		lines = append(lines, fmt.Sprintf("app.json requires %s, and the config of %s has no such variable", strings.Join(e.Missing, ", "), e.App))
	}
	if len(e.Unbound) > 0 {
		var addons []string
		for _, u := range e.Unbound {
			addons = append(addons, fmt.Sprintf("%s (%s)", u.Addon, u.Variable))
		}
		lines = append(lines, fmt.Sprintf("the app wants add-ons that are not attached to %s: %s", e.App, strings.Join(addons, ", ")))
	}
	return strings.Join(lines, "\n")
}

// Next are commands that give the app what it lacks, and one that does without.
func (e *NeedsError) Next() []string {
	words := []string{"slugc config set " + e.App}
	for _, name := range e.Missing {
		words = append(words, name+"=VALUE")
	}
	for _, u := range e.Unbound {
		words = append(words, u.Variable+"=URL")
	}
	next := []string{strings.Join(words, " ")}
	if len(e.Unbound) > 0 {
		next = append(next, "or go without: slugc release create "+e.App+" --without "+e.Unbound[0].Addon)
	}
	return next
}

// Settled is what a config gets so that the app finds what it needs.
type Settled struct {
	Added Config
	// Generated are the names of those that were made up, Given of those whose
	// value is app.json's.
	Generated, Given []string
}

// Settle says what a config has to get, with generate to make up secrets, or
// which names it lacks, as a *NeedsError for the app.
func (n Needs) Settle(app string, config Config, generate func() string) (Settled, error) {
	s := Settled{Added: Config{}}
	lacking := &NeedsError{App: app}
	for _, v := range n.Variables {
		if _, is := config[v.Name]; is || reserved[v.Name] != "" {
			continue
		}
		switch {
		case v.Generator == project.SecretGenerator:
			s.Added[v.Name] = generate()
			s.Generated = append(s.Generated, v.Name)
		case v.Value != nil:
			s.Added[v.Name] = *v.Value
			s.Given = append(s.Given, v.Name)
		case v.Required:
			lacking.Missing = append(lacking.Missing, v.Name)
		}
	}
	after := config.Apply(Change{Set: s.Added})
	for _, addon := range n.Addons {
		if !attached(addon, after) {
			lacking.Unbound = append(lacking.Unbound, Unbound{addon, addonVariable(addon)})
		}
	}
	if len(lacking.Missing) > 0 || len(lacking.Unbound) > 0 {
		return Settled{}, lacking
	}
	return s, nil
}

// addonName is an add-on without its plan: "heroku-postgresql:mini" is
// "heroku-postgresql".
func addonName(addon string) string {
	name, _, _ := strings.Cut(strings.TrimSpace(addon), ":")
	return name
}

// addonVariables are the config vars of add-ons that do not call theirs as
// they are called themselves, in Heroku's marketplace.
var addonVariables = map[string]string{
	"heroku-postgresql": "DATABASE_URL",
	"heroku-redis":      "REDIS_URL",
	"heroku-kafka":      "KAFKA_URL",
	"cleardb":           "CLEARDB_DATABASE_URL",
	"jawsdb-maria":      "JAWSDB_MARIA_URL",
	"memcachier":        "MEMCACHIER_SERVERS",
	"scheduler":         "",
}

// addonVariable is the config var with the address of an add-on, empty for one
// that has none.
func addonVariable(addon string) string {
	if name, is := addonVariables[addonName(addon)]; is {
		return name
	}
	return addonPrefix(addon) + "URL"
}

func addonPrefix(addon string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToUpper(addonName(addon))) + "_"
}

// attached says whether a config has an add-on: its address, or any variable
// that begins with its name.
func attached(addon string, config Config) bool {
	variable := addonVariable(addon)
	if variable == "" || config[variable] != "" {
		return true
	}
	return slices.ContainsFunc(config.Names(), func(name string) bool {
		return strings.HasPrefix(name, addonPrefix(addon)) && config[name] != ""
	})
}
