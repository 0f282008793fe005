package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/slugc/slugc/stack/launch"
)

// environment collects -e and --env-file.
type environment struct {
	words []string
	files []string
}

func (e *environment) String() string { return "" }
func (e *environment) Type() string   { return "NAME=VALUE" }
func (e *environment) Set(word string) error {
	name, _, _ := strings.Cut(word, "=")
	if !validName(name) {
		return fmt.Errorf("%q is no name of a variable", name)
	}
	e.words = append(e.words, word)
	return nil
}

// read returns the variables: files first, in order, then -e. A name without
// "=" takes the caller's value and is left out when there is none.
func (e *environment) read(getenv func(string) string) (launch.Env, error) {
	env := launch.Env{}
	set := func(word string) {
		name, value, given := strings.Cut(word, "=")
		if !given {
			if value = getenv(name); value == "" {
				return
			}
		}
		env[name] = value
	}
	for _, file := range e.files {
		data, err := os.ReadFile(file)
		switch info, statErr := os.Stat(file); {
		case errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("--env-file %s: there is no such file", file)
		case statErr == nil && info.IsDir():
			return nil, fmt.Errorf("--env-file %s: it is a directory; expected a file with lines of NAME=VALUE", file)
		case err != nil:
			return nil, fmt.Errorf("--env-file: %w", err)
		}
		words, err := parseEnvFile(string(data))
		if err != nil {
			return nil, fmt.Errorf("--env-file %s:%w", file, err)
		}
		for _, word := range words {
			set(word)
		}
	}
	for _, word := range e.words {
		set(word)
	}
	return env, nil
}

// parseEnvFile reads lines of NAME=VALUE, as .env files have them: blank lines
// and lines with # are skipped, "export " in front and quotes around a value
// are taken off. An error begins with the line's number.
func parseEnvFile(text string) ([]string, error) {
	var words []string
	n := 0
	for line := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		line = strings.TrimSpace(strings.TrimPrefix(line, "export "))
		name, value, given := strings.Cut(line, "=")
		name = strings.TrimSpace(name)
		if !validName(name) {
			// The line itself may be part of a secret that has several.
			return nil, fmt.Errorf("%d: expected NAME=VALUE in one line, and \\n in double quotes for a line break", n)
		}
		if !given {
			words = append(words, name)
			continue
		}
		words = append(words, name+"="+unquote(strings.TrimSpace(value)))
	}
	return words, nil
}

// unquote takes a pair of quotes off; within double ones \n, \" and \\ stand
// for what they mean.
func unquote(value string) string {
	if len(value) < 2 || value[0] != value[len(value)-1] {
		return value
	}
	inner := value[1 : len(value)-1]
	switch value[0] {
	case '\'':
		return inner
	case '"':
		return strings.NewReplacer(`\n`, "\n", `\"`, `"`, `\\`, `\`).Replace(inner)
	}
	return value
}

// validName tells whether a shell could have a variable of that name.
func validName(name string) bool {
	for i, c := range name {
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}
