package project

import (
	"encoding/json"
	"fmt"
	"strings"
)

// SecretGenerator is the generator of a value that nobody can guess.
const SecretGenerator = "secret"

// ConfigVar is a config var that app.json describes for an app that runs (Heroku
// Dev Center, "app.json Schema": env).
type ConfigVar struct {
	Name string
	// Value is its value where nobody gives it another; nil for none.
	Value *string
	// Generator is SecretGenerator, or empty.
	Generator string
	// Required is whether the app cannot do without it; it is unless the file
	// says otherwise.
	Required bool
}

// Wants is what app.json says that an app wants to find where it runs.
type Wants struct {
	// Variables are in the order of the file.
	Variables []ConfigVar
	// Addons are services, such as "heroku-postgresql:mini".
	Addons []string
}

// ReadWants reads what the app.json at the top of an app says about running it. The
// error of one that is not there is fs.ErrNotExist.
func ReadWants(dir string) (Wants, error) {
	text, err := readText(dir, AppJSONFile)
	if err != nil {
		return Wants{}, err
	}
	w, err := ParseWants(text)
	if err != nil {
		return Wants{}, fmt.Errorf("reading %s: %w", AppJSONFile, err)
	}
	return w, nil
}

// ParseWants reads what the text of an app.json says about running the app.
// Errors name the line.
func ParseWants(text string) (Wants, error) {
	file, err := parseJSON(strings.TrimPrefix(text, byteOrderMark))
	if err != nil {
		return Wants{}, err
	}
	top, err := file.object("an object: { ... }")
	if err != nil {
		return Wants{}, err
	}
	var w Wants
	if value := top["env"]; value.is != nil {
		fields, err := value.object(`an object: {"NAME": "VALUE"}`)
		if err != nil {
			return Wants{}, err
		}
		for _, name := range inOrder(fields) {
			v, err := variable(name, fields[name])
			if err != nil {
				return Wants{}, err
			}
			w.Variables = append(w.Variables, v)
		}
	}
	w.Addons, err = addons(top["addons"])
	return w, err
}

// variable reads one of env: a value, or an object that describes it.
func variable(name string, value jsonValue) (ConfigVar, error) {
	v := ConfigVar{Name: name, Required: true}
	entry, is := value.is.(object)
	if !is {
		text, err := value.text()
		v.Value = &text
		return v, err
	}
	if given := entry["value"]; given.is != nil {
		text, err := given.text()
		if err != nil {
			return v, err
		}
		v.Value = &text
	}
	if generator := entry["generator"]; generator.is != nil {
		if generator.is != SecretGenerator {
			return v, generator.errorf("is unknown; expected %q", SecretGenerator)
		}
		v.Generator = SecretGenerator
	}
	if required := entry["required"]; required.is != nil {
		if v.Required, is = required.is.(bool); !is {
			return v, required.expected("true or false")
		}
	}
	return v, nil
}

// text is a value in quotes.
func (v jsonValue) text() (string, error) {
	switch is := v.is.(type) {
	case string:
		return is, nil
	case json.Number:
		return "", v.expected(fmt.Sprintf("text: write it in quotes, %q", is.String()))
	}
	return "", v.expected(`text in quotes, or {"value": "..."}`)
}

// addons are those of the file: names, or objects with a plan.
func addons(value jsonValue) ([]string, error) {
	if value.is == nil {
		return nil, nil
	}
	const form = `"heroku-postgresql" or {"plan": "heroku-postgresql:mini"}`
	from, is := value.is.([]jsonValue)
	if !is {
		return nil, value.expected("a list of add-ons: [" + form + "]")
	}
	var all []string
	for _, one := range from {
		if entry, is := one.is.(object); is {
			one = entry["plan"]
		}
		name, is := one.is.(string)
		if !is || strings.TrimSpace(name) == "" {
			return nil, value.expected("a list of add-ons: [" + form + "]")
		}
		all = append(all, strings.TrimSpace(name))
	}
	return all, nil
}
