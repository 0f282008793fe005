package npm

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Connection is the part of the settings that says where registries are and
// how to reach them, as the text of an .npmrc: what a build on this machine
// needs of a person's own settings, and nothing else of them. Secrets are the
// values in it that nobody may see.
func (c Config) Connection() (npmrc string, secrets []string) {
	var text strings.Builder
	for _, key := range slices.Sorted(maps.Keys(c.settings)) {
		if !connects(key) {
			continue
		}
		value := c.settings[key].value
		// The value has been expanded already, and lists were joined.
		for line := range strings.SplitSeq(value, "\n") {
			name := key
			if strings.Contains(value, "\n") {
				name += "[]"
			}
			quoted, err := json.Marshal(strings.ReplaceAll(line, "${", `\${`))
			if err != nil {
				continue // a string always has a JSON form
			}
			fmt.Fprintf(&text, "%s=%s\n", name, quoted)
		}
		if strings.HasPrefix(key, "//") || key == "key" || strings.HasPrefix(key, "_") {
			secrets = append(secrets, value)
		}
	}
	return text.String(), secrets
}

// connects tells whether a setting is about reaching registries. cafile is
// not among them: the file is one of this machine's.
func connects(key string) bool {
	switch key {
	case "registry", "proxy", "https-proxy", "noproxy", "strict-ssl", "ca", "cert", "key", "_auth", "_password", "_authtoken":
		return true
	}
	return strings.HasPrefix(key, "//") || strings.HasPrefix(key, "@") && strings.HasSuffix(key, ":registry")
}

// Login is how a registry knows a person.
type Login struct {
	// Place is //host/path/, as in an .npmrc.
	Place string
	// Token is set, or else Ident, which is "user:password" in base64.
	Token, Ident string
}

// Logins are the logins of the settings, by their places.
func (c Config) Logins() []Login {
	places := map[string]bool{}
	for key := range c.settings {
		if at := strings.LastIndex(key, ":"); strings.HasPrefix(key, "//") && at > 0 {
			places[key[:at]] = true
		}
	}
	var logins []Login
	for _, place := range slices.Sorted(maps.Keys(places)) {
		header, found, err := c.credentials(place + ":")
		if err != nil || !found {
			continue
		}
		login := Login{Place: place}
		if token, is := strings.CutPrefix(header, "Bearer "); is {
			login.Token = token
		} else {
			login.Ident = strings.TrimPrefix(header, "Basic ")
		}
		logins = append(logins, login)
	}
	return logins
}

// Scopes are the addresses of registries that have a scope of their own, by
// scope: "@acme".
func (c Config) Scopes() map[string]string {
	scopes := map[string]string{}
	for key, s := range c.settings {
		if scope, is := strings.CutSuffix(key, ":registry"); is && strings.HasPrefix(scope, "@") {
			scopes[scope] = s.value
		}
	}
	return scopes
}
