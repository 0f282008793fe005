package goproxy

import (
	"net/url"
	"strings"
)

// Variables are the settings that say where modules and their checksums come
// from, and how.
func Variables() []string {
	return []string{"GOPROXY", "GONOPROXY", "GOPRIVATE", "GOSUMDB", "GONOSUMDB", "GOINSECURE"}
}

// Connection is the part of the settings that says where modules come from, as
// the file of a "go env -w": what a build on this machine needs of a person's
// own settings, and nothing else of them. Secrets are what nobody may see in
// it. Whether the settings are in order is for Load to say, when they are used.
//
// What Defaults says is written out, since a build knows no defaults.
func Connection(env map[string]string, defaults Defaults, files ...string) (text string, secrets []string, err error) {
	settings, _, err := read(env, files)
	if err != nil {
		return "", nil, err
	}
	if settings["GOPROXY"] == "" {
		settings["GOPROXY"] = defaults.Proxy
	}
	settings["GOSUMDB"] = withKey(settings["GOSUMDB"], defaults.SumDB)
	var lines strings.Builder
	for _, name := range Variables() {
		value := settings[name]
		if value == "" || strings.ContainsAny(value, "\n\r\x00") {
			continue
		}
		lines.WriteString(name + "=" + value + "\n")
		secrets = append(secrets, passwords(value)...)
	}
	return lines.String(), secrets, nil
}

// withKey is a GOSUMDB in which the name of the default one has its key.
func withKey(text, standard string) string {
	fields := strings.Fields(text)
	if len(fields) == 0 {
		return standard
	}
	if known, _, _ := strings.Cut(standard, "+"); fields[0] == known {
		fields[0], _, _ = strings.Cut(strings.TrimSpace(standard), " ")
	}
	return strings.Join(fields, " ")
}

// passwords are those of the addresses in a text, as they are written there
// and as they are meant.
func passwords(text string) []string {
	var found []string
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return strings.ContainsRune(",| ", r) }) {
		u, err := url.Parse(word)
		if err != nil || u.User == nil {
			continue
		}
		password, set := u.User.Password()
		if !set {
			// A token may stand in the place of the user.
			password = u.User.Username()
		}
		found = append(found, password)
		if _, written, _ := strings.Cut(u.User.String(), ":"); written != "" && written != password {
			found = append(found, written)
		}
	}
	return found
}
