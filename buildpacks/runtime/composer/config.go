package composer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slugc/slugc/buildpacks/runtime/settingsfile"
)

// The variables by which Composer is told of its settings, and those by which a
// build finds what a machine hands to it.
const (
	HomeVariable = "COMPOSER_HOME"
	AuthVariable = "COMPOSER_AUTH"
	// ConfigVariable names a file with the text of Connection, CAVariable one with
	// certificates to trust.
	ConfigVariable = "SLUGC_COMPOSER_CONFIG"
	CAVariable     = "SLUGC_COMPOSER_CA"
)

// The files in Composer's home directory.
const (
	ConfigFile = "config.json"
	AuthFile   = "auth.json"
)

// Config are the settings about servers of packages.
type Config struct {
	settings map[string]any
	ca       string
}

// logins are settings with credentials, each a table by host.
func logins() []string {
	return []string{"http-basic", "bearer", "github-oauth", "gitlab-oauth", "gitlab-token", "bitbucket-oauth", "forgejo-token", "custom-headers"}
}

// handed are the other settings that a build needs.
func handed() []string {
	return []string{"github-domains", "gitlab-domains", "forgejo-domains", "gitlab-protocol", "github-protocols", "use-github-api", "secure-http", "disable-tls"}
}

// Load reads the settings from the variable for credentials and from files, the most
// important first: those whose names end in auth.json have credentials, the others
// are as config.json. Files that do not exist are passed over.
func Load(env map[string]string, files ...string) (Config, error) {
	c := Config{settings: map[string]any{}}
	if text := strings.TrimSpace(env[AuthVariable]); text != "" {
		if err := c.add([]byte(text), true); err != nil {
			return Config{}, fmt.Errorf("reading %s: %w", AuthVariable, err)
		}
	}
	for _, file := range files {
		data, err := settingsfile.Read("the settings of Composer", file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return Config{}, err
		}
		if err := c.add(data, strings.HasSuffix(filepath.Base(file), AuthFile)); err != nil {
			return Config{}, fmt.Errorf("reading the settings of Composer in %s: %w", file, err)
		}
	}
	return c, nil
}

// add adds settings where none are yet. Of tables each part counts by itself.
func (c *Config) add(data []byte, auth bool) error {
	var doc struct {
		Config map[string]any `json:"config"`
	}
	var all map[string]any
	if err := json.Unmarshal(data, &all); err != nil {
		// Its text may have credentials, and an error of the decoder a part of it.
		return errors.New("it is no JSON object")
	}
	if !auth {
		if err := json.Unmarshal(data, &doc); err != nil {
			return errors.New("its config is no JSON object")
		}
		all = doc.Config
	}
	for name, value := range all {
		switch {
		case slices.Contains(logins(), name):
			table, is := value.(map[string]any)
			if !is {
				continue
			}
			mine, is := c.settings[name].(map[string]any)
			if !is {
				mine = map[string]any{}
				c.settings[name] = mine
			}
			for host, login := range table {
				if _, there := mine[host]; !there {
					mine[host] = login
				}
			}
		case slices.Contains(handed(), name):
			if _, there := c.settings[name]; !there {
				c.settings[name] = value
			}
		case name == "cafile" && c.ca == "":
			c.ca, _ = value.(string)
		}
	}
	return nil
}

// Files are the files with settings that Composer reads for a user.
func Files(env map[string]string) []string {
	var homes []string
	switch home := env["HOME"]; {
	case env[HomeVariable] != "":
		homes = []string{env[HomeVariable]}
	case home == "":
	default:
		config := env["XDG_CONFIG_HOME"]
		if config == "" {
			config = filepath.Join(home, ".config")
		}
		homes = []string{filepath.Join(config, "composer"), filepath.Join(home, ".composer")}
	}
	var files []string
	for _, home := range homes {
		files = append(files, filepath.Join(home, AuthFile), filepath.Join(home, ConfigFile))
	}
	return files
}

// CA is a file with certificates to trust, "" for those of the machine.
func (c Config) CA() string { return c.ca }

// Trust has Composer trust the certificates of a file.
func (c *Config) Trust(file string) { c.ca = file }

// Connection is the settings as the text of a config.json, "" for none: what a build
// needs of a person's own, and nothing else of them. Secrets are the values in it
// that nobody may see.
func (c Config) Connection() (text string, secrets []string, err error) {
	if len(c.settings) == 0 {
		return "", nil, nil
	}
	// The certificates are a file of this machine.
	text, err = Config{settings: c.settings}.Text(nil)
	if err != nil {
		return "", nil, err
	}
	for _, name := range logins() {
		table, _ := c.settings[name].(map[string]any)
		for _, host := range slices.Sorted(maps.Keys(table)) {
			secrets = append(secrets, hidden(table[host], name == "custom-headers")...)
		}
	}
	return text, secrets, nil
}

// hidden are the secrets of a login.
func hidden(login any, header bool) []string {
	switch login := login.(type) {
	case string:
		if header {
			_, value, _ := strings.Cut(login, ":")
			login = strings.TrimSpace(value)
		}
		if login != "" {
			return []string{login}
		}
	case []any:
		var all []string
		for _, part := range login {
			all = append(all, hidden(part, header)...)
		}
		return all
	case map[string]any:
		var all []string
		for _, name := range slices.Sorted(maps.Keys(login)) {
			if name != "username" && name != "consumer-key" {
				all = append(all, hidden(login[name], header)...)
			}
		}
		return all
	}
	return nil
}

// Text is a config.json with the settings, the certificates to trust, and more
// settings, which count before all.
func (c Config) Text(more map[string]any) (string, error) {
	all := maps.Clone(c.settings)
	if c.ca != "" {
		all["cafile"] = c.ca
	}
	maps.Copy(all, more)
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(map[string]any{"config": all}); err != nil {
		return "", fmt.Errorf("writing the settings of Composer: %w", err)
	}
	return out.String(), nil
}
