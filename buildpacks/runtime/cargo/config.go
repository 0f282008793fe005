package cargo

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/slugc/slugc/buildpacks/runtime/settingsfile"
)

// The variables that name the files by which a build learns of the settings.
const (
	ConfigVariable = "SLUGC_CARGO_CONFIG"
	LoginsVariable = "SLUGC_CARGO_LOGINS"
)

// Config are the settings about registries.
type Config struct {
	// tables are the settings that are handed on, credentials the tokens.
	tables, credentials map[string]any
	ca                  string
}

// Files are the files with settings that Cargo reads for a user, the most
// important first, and those with tokens.
func Files(env map[string]string) []string {
	home := env["CARGO_HOME"]
	if home == "" && env["HOME"] != "" {
		home = filepath.Join(env["HOME"], ".cargo")
	}
	if home == "" {
		return nil
	}
	var files []string
	for _, names := range [][]string{{"config", "config.toml"}, {"credentials", "credentials.toml"}} {
		for _, name := range names {
			file := filepath.Join(home, name)
			// Of two forms of a name the one without an ending counts.
			if _, err := os.Stat(file); err == nil {
				files = append(files, file)
				break
			}
		}
	}
	return files
}

// handedOn are the tables that are handed on, and the keys of those of which not
// all are.
func handedOn() map[string][]string {
	return map[string][]string{
		"source": nil, "registries": nil,
		"registry": {"default", "index", "token", "global-credential-providers"},
		"http":     {"proxy", "cainfo", "timeout", "check-revoke", "ssl-version", "low-speed-limit", "multiplexing"},
		"net":      {"retry", "git-fetch-with-cli"},
	}
}

// Load reads the settings from files and from an environment, whose variables
// beat the files. Files that do not exist are passed over.
func Load(env map[string]string, files ...string) (Config, error) {
	c := Config{tables: map[string]any{}, credentials: map[string]any{}}
	for _, file := range files {
		text, err := settingsfile.Read("Cargo's settings", file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return Config{}, err
		}
		var read map[string]any
		if _, err := toml.Decode(string(text), &read); err != nil {
			// The text may have tokens, which an error would show.
			return Config{}, fmt.Errorf("reading Cargo's settings in %s: it is not valid TOML", file)
		}
		c.take(read)
	}
	c.variables(env)
	c.ca, _ = c.table("http")["cainfo"].(string)
	if http := c.table("http"); c.ca != "" {
		delete(http, "cainfo")
	}
	return c, nil
}

// table is one of the tables that are handed on.
func (c Config) table(name string) map[string]any {
	table, _ := c.tables[name].(map[string]any)
	return table
}

// set sets a value in a table, or in one of its tables, of some.
func set(tables map[string]any, path []string, value any) {
	for _, name := range path[:len(path)-1] {
		next, is := tables[name].(map[string]any)
		if !is {
			next = map[string]any{}
			tables[name] = next
		}
		tables = next
	}
	tables[path[len(path)-1]] = value
}

// take takes over what is handed on of a file.
func (c Config) take(read map[string]any) {
	for name, keys := range handedOn() {
		table, _ := read[name].(map[string]any)
		for _, key := range slices.Sorted(maps.Keys(table)) {
			inner, isTable := table[key].(map[string]any)
			switch {
			case keys != nil && !slices.Contains(keys, key):
			case key == "token":
				set(c.credentials, []string{name, key}, table[key])
			case isTable && name == "source" && !reachable(inner):
			case isTable:
				for _, field := range slices.Sorted(maps.Keys(inner)) {
					to := c.tables
					if field == "token" || field == "secret-key" {
						to = c.credentials
					}
					set(to, []string{name, key, field}, inner[field])
				}
			default:
				set(c.tables, []string{name, key}, table[key])
			}
		}
	}
}

// reachable tells whether a source is no directory of this machine.
func reachable(source map[string]any) bool {
	return source["directory"] == nil && source["local-registry"] == nil
}

// variables takes over what the environment says (The Cargo Book, "Environment
// Variables").
func (c Config) variables(env map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(env)) {
		value := env[name]
		rest, is := strings.CutPrefix(name, "CARGO_REGISTRIES_")
		if !is || value == "" {
			continue
		}
		for _, field := range []string{"INDEX", "TOKEN"} {
			registry, is := strings.CutSuffix(rest, "_"+field)
			if !is {
				continue
			}
			to := c.tables
			if field == "TOKEN" {
				to = c.credentials
			}
			set(to, []string{"registries", c.spelled(registry), strings.ToLower(field)}, value)
		}
	}
	for name, to := range map[string][]string{
		"CARGO_REGISTRY_DEFAULT": {"registry", "default"}, "CARGO_HTTP_PROXY": {"http", "proxy"}, "CARGO_HTTP_CAINFO": {"http", "cainfo"},
	} {
		if env[name] != "" {
			set(c.tables, to, env[name])
		}
	}
	if token := env["CARGO_REGISTRY_TOKEN"]; token != "" {
		set(c.credentials, []string{"registry", "token"}, token)
	}
}

// spelled is the name of a registry that a variable means, which has neither
// small letters nor dashes.
func (c Config) spelled(name string) string {
	for known := range c.table("registries") {
		if strings.ToUpper(strings.ReplaceAll(known, "-", "_")) == name {
			return known
		}
	}
	return strings.ToLower(strings.ReplaceAll(name, "_", "-"))
}

// CA is a file with certificates to trust, "" for those of the machine.
func (c Config) CA() string { return c.ca }

// Connection is what a build on this machine needs of a person's own settings,
// as the texts of a config.toml and of a credentials.toml, "" where there is
// nothing. Secrets are the values in them that nobody may see.
func (c Config) Connection() (config, credentials string, secrets []string, err error) {
	if config, err = encode(c.tables); err != nil {
		return "", "", nil, err
	}
	if credentials, err = encode(c.credentials); err != nil {
		return "", "", nil, err
	}
	return config, credentials, append(values(c.credentials), passwords(c.tables)...), nil
}

func encode(tables map[string]any) (string, error) {
	used := map[string]any{}
	for name, table := range tables {
		if inner, is := table.(map[string]any); !is || len(inner) > 0 {
			used[name] = table
		}
	}
	if len(used) == 0 {
		return "", nil
	}
	var text bytes.Buffer
	if err := toml.NewEncoder(&text).Encode(used); err != nil {
		return "", fmt.Errorf("writing Cargo's settings: %w", err)
	}
	return text.String(), nil
}

// values are all texts in some tables.
func values(tables map[string]any) []string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(tables)) {
		switch value := tables[name].(type) {
		case string:
			all = append(all, value)
		case map[string]any:
			all = append(all, values(value)...)
		}
	}
	return all
}

// passwords are those in the addresses of some tables.
func passwords(tables map[string]any) []string {
	var all []string
	for _, text := range values(tables) {
		_, address, found := strings.Cut(text, "+")
		if !found {
			address = text
		}
		u, err := url.Parse(address)
		if err != nil || u.User == nil {
			continue
		}
		if password, set := u.User.Password(); set {
			all = append(all, password)
		} else {
			all = append(all, u.User.Username())
		}
	}
	return all
}
