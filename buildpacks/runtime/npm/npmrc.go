package npm

import (
	"encoding/json"
	"regexp"
	"strings"
	"sync"
)

// parse reads the text of an .npmrc (npmrc(5)): lines of key = value, with
// comments, quotes, lists as key[] = value, and ${VARIABLE}. Lines that say
// nothing are passed over, as npm passes over them. Lists are joined by line
// ends.
func parse(text string, env map[string]string) map[string]string {
	settings := map[string]string{}
	lists := map[string][]string{}
	section := false
	for line := range strings.SplitSeq(strings.TrimPrefix(text, "\ufeff"), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == ';' || line[0] == '#' {
			continue
		}
		if line[0] == '[' && line[len(line)-1] == ']' {
			// npm's settings stand before any section.
			section = true
			continue
		}
		if section {
			continue
		}
		key, value, assigned := strings.Cut(line, "=")
		if !assigned {
			value = "true"
		}
		key, value = expand(unquote(strings.TrimSpace(key)), env), expand(unquote(strings.TrimSpace(value)), env)
		if list, found := strings.CutSuffix(key, "[]"); found && list != "" {
			lists[list] = append(lists[list], value)
			continue
		}
		settings[key] = value
	}
	for key, values := range lists {
		settings[key] = strings.Join(values, "\n")
	}
	return settings
}

// unquote takes the quotes off a quoted text and a comment off another.
func unquote(s string) string {
	if len(s) >= 2 && s[0] == '\'' && s[len(s)-1] == '\'' {
		s = s[1 : len(s)-1]
	}
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		var plain string
		if json.Unmarshal([]byte(s), &plain) == nil {
			return plain
		}
		return s[1 : len(s)-1]
	}
	for i := range len(s) {
		if (s[i] == ';' || s[i] == '#') && (i == 0 || s[i-1] != '\\') {
			s = strings.TrimSpace(s[:i])
			break
		}
	}
	return strings.NewReplacer(`\;`, ";", `\#`, "#").Replace(s)
}

// reference is ${NAME}, or ${NAME?} that is empty when NAME is not set, with
// the backslashes before it.
var reference = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(\\*)\$\{([^${}?]+)(\?)?\}`) })

// expand puts variables in. One that is not set stays as it is written, as in
// npm.
func expand(s string, env map[string]string) string {
	return reference().ReplaceAllStringFunc(s, func(match string) string {
		parts := reference().FindStringSubmatch(match)
		escapes := parts[1]
		if len(escapes)%2 == 1 {
			return match[(len(escapes)+1)/2:]
		}
		value, set := env[parts[2]]
		if !set && parts[3] == "" {
			value = "${" + parts[2] + "}"
		}
		return escapes[:len(escapes)/2] + value
	})
}
