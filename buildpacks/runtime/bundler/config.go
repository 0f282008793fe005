package bundler

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/slugc/slugc/buildpacks/runtime/settingsfile"
)

// Config are the settings about indexes of gems.
type Config struct {
	// settings are Bundler's, by the names of their variables.
	settings map[string]string
	// gemrc are those of RubyGems: a proxy, certificates.
	gemrc map[string]string
}

// The variables by which Bundler and RubyGems are told of a file with settings.
const (
	ConfigVariable = "BUNDLE_USER_CONFIG"
	GemrcVariable  = "GEMRC"
	CAVariable     = "BUNDLE_SSL_CA_CERT"
)

const prefix = "BUNDLE_"

// Load reads the settings from an environment and from files, the most important
// first: those of Bundler, and those of RubyGems, whose names end in gemrc.
// Variables beat files. Files that do not exist are passed over.
func Load(env map[string]string, files ...string) (Config, error) {
	c := Config{settings: map[string]string{}, gemrc: map[string]string{}}
	for name, value := range env {
		if handed(name) && value != "" {
			c.settings[name] = value
		}
	}
	for _, file := range files {
		data, err := settingsfile.Read("the settings of Bundler", file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return Config{}, err
		}
		read, err := parse(file, data)
		if err != nil {
			return Config{}, err
		}
		for name, value := range read {
			if strings.HasSuffix(file, "gemrc") {
				name = strings.TrimPrefix(name, ":")
				if (name == "http_proxy" || name == "ssl_ca_cert") && c.gemrc[name] == "" {
					c.gemrc[name] = value
				}
			} else if handed(name) && c.settings[name] == "" {
				c.settings[name] = value
			}
		}
	}
	return c, nil
}

// parse reads a file of settings: names with texts. What is a list or a table is
// none that counts here.
func parse(file string, data []byte) (map[string]string, error) {
	var doc map[string]any
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return nil, fmt.Errorf("reading the settings of Bundler in %s: %w", file, err)
	}
	read := map[string]string{}
	for name, value := range doc {
		switch value := value.(type) {
		case string:
			read[name] = value
		case int, bool:
			read[name] = fmt.Sprint(value)
		}
	}
	return read, nil
}

// Files are the files with settings that Bundler and RubyGems read for a user.
func Files(env map[string]string) []string {
	var files []string
	switch {
	case env[ConfigVariable] != "":
		files = append(files, env[ConfigVariable])
	case env["BUNDLE_USER_HOME"] != "":
		files = append(files, filepath.Join(env["BUNDLE_USER_HOME"], "config"))
	case env["HOME"] != "":
		files = append(files, filepath.Join(env["HOME"], ".bundle", "config"))
	}
	if env["HOME"] != "" {
		files = append(files, filepath.Join(env["HOME"], ".gemrc"))
	}
	return append(files, "/etc/gemrc")
}

// passed are settings that say how an index is reached.
func passed() []string { return []string{"TIMEOUT", "RETRY", "REDIRECT", "SSL_VERIFY_MODE"} }

// own are settings of a machine, of an app, or of a person's taste: all that
// Bundler has but for what is passed, and for what is called after a host.
func own() []string {
	return []string{
		"ALLOW_OFFLINE_INSTALL", "APP_CONFIG", "AUTO_CLEAN_WITHOUT_PATH", "AUTO_INSTALL", "BIN", "BIN_PATH", "CACHE_ALL", "CACHE_ALL_PLATFORMS", "CACHE_PATH", "CLEAN",
		"CONFIG", "CONSOLE", "DEFAULT_CLI_COMMAND", "DEFAULT_INSTALL_USES_PATH", "DEPLOYMENT", "DISABLE_CHECKSUM_VALIDATION", "DISABLE_EXEC_LOAD",
		"DISABLE_LOCAL_BRANCH_CHECK", "DISABLE_LOCAL_REVISION_CHECK", "DISABLE_MULTISOURCE", "DISABLE_SHARED_GEMS", "DISABLE_VERSION_CHECK", "FORCE",
		"FORCE_RUBY_PLATFORM", "FROZEN", "GEMFILE", "GLOBAL_GEM_CACHE", "IGNORE_FUNDING_REQUESTS", "IGNORE_MESSAGES", "INIT_GEMS_RB", "INLINE", "JOBS",
		"LOCKFILE", "LOCKFILE_CHECKSUMS", "NO_INSTALL", "NO_PRUNE", "ONLY", "PATH", "PLUGINS", "PREFER_PATCH", "SET_GEMFILE", "SHEBANG", "SILENCE_DEPRECATIONS",
		"SILENCE_ROOT_WARNING", "SIMULATE_VERSION", "SSL_CA_CERT", "SSL_CLIENT_CERT", "SUPPRESS_INSTALL_USING_MESSAGES", "SYSTEM_BINDIR", "TRUST_POLICY",
		"UPDATE_REQUIRES_ALL_FLAG", "USER_AGENT", "USER_CACHE", "USER_CONFIG", "USER_HOME", "USER_PLUGIN", "VERSION", "VERIFY_FILES", "WITH", "WITHOUT",
	}
}

// handed tells whether a build needs a setting: a mirror, a flag for what is
// compiled, how an index is reached, or credentials, which have the name of their
// host.
func handed(name string) bool {
	short, is := strings.CutPrefix(name, prefix)
	if !is || short == "" || slices.Contains(own(), short) {
		return false
	}
	for _, other := range []string{"LOCAL__", "GEM__", "PATH__", "PATH_", "PLUGINS__"} {
		if strings.HasPrefix(short, other) {
			return false
		}
	}
	return true
}

// isLogin tells whether a setting has credentials for a host.
func isLogin(name string) bool {
	short := strings.TrimPrefix(name, prefix)
	return !strings.HasPrefix(short, "MIRROR__") && !strings.HasPrefix(short, "BUILD__") && !slices.Contains(passed(), short)
}

// CA is a file with certificates to trust, "" for those of the machine.
func (c Config) CA(env map[string]string) string {
	if file := env[CAVariable]; file != "" {
		return file
	}
	return c.gemrc["ssl_ca_cert"]
}

// Connection is the part of the settings that says where indexes are and how to
// reach them, as the texts of a Bundler's configuration and of a gemrc: what a
// build on this machine needs of a person's own settings, and nothing else of
// them. Secrets are the values in it that nobody may see.
func (c Config) Connection() (config, gemrc string, secrets []string, err error) {
	for _, name := range slices.Sorted(maps.Keys(c.settings)) {
		value := c.settings[name]
		if isLogin(name) {
			// USER:PASSWORD, or a token alone.
			_, password, both := strings.Cut(value, ":")
			if !both {
				password = value
			}
			secrets = append(secrets, password)
			if plain, err := url.PathUnescape(password); err == nil && plain != password {
				secrets = append(secrets, plain)
			}
		} else {
			secrets = append(secrets, passwordIn(value)...)
		}
	}
	if config, err = text(c.settings); err != nil {
		return "", "", nil, err
	}
	if proxy := c.gemrc["http_proxy"]; proxy != "" {
		secrets = append(secrets, passwordIn(proxy)...)
		gemrc, err = text(map[string]string{":http_proxy": proxy})
	}
	return config, gemrc, secrets, err
}

// passwordIn is the password in an address, if it has one.
func passwordIn(address string) []string {
	u, err := url.Parse(address)
	if err != nil || u.User == nil {
		return nil
	}
	if password, set := u.User.Password(); set {
		return []string{password}
	}
	return []string{u.User.Username()}
}

func text(settings map[string]string) (string, error) {
	if len(settings) == 0 {
		return "", nil
	}
	data, err := yaml.Marshal(settings)
	if err != nil {
		return "", fmt.Errorf("writing the settings of Bundler: %w", err)
	}
	return "---\n" + string(data), nil
}
