package pypi

import (
	"strings"

	"github.com/BurntSushi/toml"
)

// parseINI reads a pip.conf: sections with key = value lines, where a line that
// begins with a blank goes on with the value before it (Python, configparser).
// What stands in [install] goes before [global]. Other sections are other
// commands'.
func parseINI(text string) map[string]string {
	sections := map[string]map[string]string{"global": {}, "install": {}}
	var section map[string]string
	last := ""
	for line := range strings.SplitSeq(strings.TrimPrefix(text, "\ufeff"), "\n") {
		trimmed := strings.TrimSpace(line)
		switch {
		case trimmed == "" || trimmed[0] == '#' || trimmed[0] == ';':
			continue
		case trimmed[0] == '[' && trimmed[len(trimmed)-1] == ']':
			section, last = sections[strings.TrimSpace(trimmed[1:len(trimmed)-1])], ""
			continue
		case section == nil:
			continue
		case (line[0] == ' ' || line[0] == '\t') && last != "":
			section[last] = strings.TrimSpace(section[last] + "\n" + trimmed)
			continue
		}
		at := strings.IndexAny(trimmed, "=:")
		if at < 0 {
			continue
		}
		last = strings.ReplaceAll(strings.ToLower(strings.TrimSpace(trimmed[:at])), "_", "-")
		section[last] = strings.TrimSpace(trimmed[at+1:])
	}
	settings := sections["global"]
	for name, value := range sections["install"] {
		settings[name] = value
	}
	return settings
}

// parseTOML reads a uv.toml: indexes, and those of its older settings.
func parseTOML(text string) (map[string]string, error) {
	var doc struct {
		Index []struct {
			URL      string `toml:"url"`
			Default  bool   `toml:"default"`
			Explicit bool   `toml:"explicit"`
		} `toml:"index"`
		IndexURL string   `toml:"index-url"`
		Extra    []string `toml:"extra-index-url"`
		Links    []string `toml:"find-links"`
		Insecure []string `toml:"allow-insecure-host"`
		NoIndex  bool     `toml:"no-index"`
	}
	if _, err := toml.Decode(text, &doc); err != nil {
		return nil, err
	}
	settings := map[string]string{"index-url": doc.IndexURL, "find-links": strings.Join(doc.Links, " "), "trusted-host": strings.Join(doc.Insecure, " ")}
	extra := doc.Extra
	for _, index := range doc.Index {
		switch {
		case index.Default:
			settings["index-url"] = index.URL
		case !index.Explicit:
			extra = append(extra, index.URL)
		}
	}
	settings["extra-index-url"] = strings.Join(extra, " ")
	if doc.NoIndex {
		settings["no-index"] = "true"
	}
	return settings, nil
}

// login is an entry of a netrc file. The machine is "" for the default.
type login struct{ machine, login, password string }

// netrcFile is the file that pip and uv read.
func netrcFile(env map[string]string) string {
	if env["NETRC"] != "" {
		return env["NETRC"]
	}
	if env["HOME"] != "" {
		return env["HOME"] + "/.netrc"
	}
	return ""
}

// parseNetrc reads a netrc file (netrc(5)): words, with macros that end at an
// empty line.
func parseNetrc(text string) []login {
	var all []login
	var words []string
	macro := false
	for line := range strings.Lines(text) {
		trimmed := strings.TrimSpace(line)
		if macro {
			macro = trimmed != ""
			continue
		}
		if strings.HasPrefix(trimmed, "#") {
			continue
		}
		fields := strings.Fields(trimmed)
		if len(fields) > 0 && fields[0] == "macdef" {
			macro = true
			continue
		}
		words = append(words, fields...)
	}
	for i := 0; i < len(words); i++ {
		word, value := words[i], ""
		if word == "default" {
			all = append(all, login{})
			continue
		}
		if i++; i < len(words) {
			value = words[i]
		}
		if word == "machine" {
			all = append(all, login{machine: value})
			continue
		}
		if len(all) == 0 {
			continue
		}
		switch last := &all[len(all)-1]; word {
		case "login":
			last.login = value
		case "password":
			last.password = value
		}
	}
	return all
}
