package nodejs

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/slugc/slugc/buildpacks/language/layer"
	"github.com/slugc/slugc/buildpacks/runtime/npm"
)

// systemCertificates is where Debian and its descendants keep the certificates
// that the machine trusts.
const systemCertificates = "/etc/ssl/certs/ca-certificates.crt"

// patience is how long a package manager waits for an answer of the registry, in
// milliseconds. They try three times; npm's own limit is five minutes each time.
const patience = "30000"

// toolEnv is the environment for the package manager and the scripts of the app:
// the build's own, with Node.js and npm in front, and with settings that the app
// and its builder did not make themselves.
func (b *build) toolEnv(a app, d driver, t toolchain) (map[string]string, error) {
	env, err := b.nodeEnv(t)
	if err != nil {
		return nil, err
	}
	from, err := b.config.Registry("")
	if err != nil {
		return nil, err
	}
	cache := filepath.Join(b.Layers.Path, d.cacheLayer())
	b.setNPMDefaults(env, t, from.URL.String(), cache)
	if !a.manages() {
		return env, nil
	}
	// npm is at hand for scripts, but the cache is another's.
	setNPM(env, "cache", b.Scratch.Path("npm-cache"))
	if err := b.managerHome(a, env); err != nil {
		return nil, err
	}
	if err := b.withGyp(d, t, env); err != nil {
		return nil, err
	}
	knows, err := d.knows()
	if err != nil {
		return nil, err
	}
	for name, value := range b.managerEnv(a, d, t, from, cache) {
		if b.Env[name] == "" && knows(name) {
			env[name] = value
		}
	}
	return env, nil
}

// nodeEnv is the build's own environment, for a program of Node.js that finds its
// tools, a home and the machine's certificates.
func (b *build) nodeEnv(t toolchain) (map[string]string, error) {
	env := maps.Clone(b.Env)
	path := t.path()
	if rest := env["PATH"]; rest != "" {
		path += string(os.PathListSeparator) + rest
	}
	env["PATH"] = path
	if t.nodeLayer.Name != "" {
		env["NODE_HOME"] = t.nodeLayer.Path
	}
	if env["NODE_ENV"] == "" {
		env["NODE_ENV"] = "production"
	}
	env["CI"] = "true"
	home, err := b.Scratch.Home(env["HOME"])
	if err != nil {
		return nil, err
	}
	env["HOME"] = home
	// Node.js does not look at the machine's certificates by itself, and npm
	// then tries for two minutes before it says so.
	if _, err := os.Stat(systemCertificates); err == nil && env["NODE_EXTRA_CA_CERTS"] == "" {
		env["NODE_EXTRA_CA_CERTS"] = systemCertificates
		if own := env["SSL_CERT_FILE"]; own != "" {
			env["NODE_EXTRA_CA_CERTS"] = own
		}
	}
	return env, nil
}

// setNPMDefaults makes the settings of npm that its configuration does not make, and
// those that a build makes for it: where its cache and the headers of Node.js are.
func (b *build) setNPMDefaults(env map[string]string, t toolchain, registry, cache string) {
	for name, value := range map[string]string{
		"registry": registry,
		"loglevel": "error",
		"progress": "false",
		"audit":    "false",
		"fund":     "false",
		// One try less than usual, and seconds in place of a minute between
		// them: a registry that is gone should be known soon.
		"fetch-retries":          "2",
		"fetch-timeout":          patience,
		"fetch-retry-mintimeout": "1000",
		"fetch-retry-maxtimeout": "10000",
		"update-notifier":        "false",
	} {
		if b.config.Value(name) == "" {
			setNPM(env, name, value)
		}
	}
	setNPM(env, "cache", cache)
	// A log file for every run would change the cache on every build.
	setNPM(env, "logs-max", "0")
	if t.headers.Name != "" && b.config.Value("nodedir") == "" {
		setNPM(env, "nodedir", t.headers.Path)
	}
}

// withGyp lets package managers find the compiler of native packages that comes
// with npm. Those that have none would bring one, and not a locked one.
func (b *build) withGyp(d driver, t toolchain, env map[string]string) error {
	if t.npmLayer.Name == "" || d.berry || d.manager == pnpmManager {
		return nil
	}
	program := filepath.Join(t.npmLayer.Path, npmHome, "node_modules", "node-gyp", "bin", "node-gyp.js")
	script := fmt.Sprintf("#!/bin/sh\nexec node '%s' \"$@\"\n", program)
	bin := b.Scratch.Path("node-gyp-bin")
	if err := layer.WriteBeside(filepath.Join(bin, "node-gyp"), []byte(script), 0o755); err != nil {
		return fmt.Errorf("letting %s find node-gyp: %w", d.manager.title(), err)
	}
	env["PATH"] += string(os.PathListSeparator) + bin
	return nil
}

// knows tells which variables the package manager knows: Yarn 2 and later ends
// when it finds one in its environment that it does not. Its program has the
// names of all.
func (d driver) knows() (func(variable string) bool, error) {
	if !d.berry {
		return func(string) bool { return true }, nil
	}
	home := filepath.Join(filepath.Dir(filepath.Dir(d.program)), "share", "yarn")
	file := filepath.Join(home, "bin", "yarn.js")
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		file = filepath.Join(home, broughtYarn)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("asking Yarn for its settings: %w", err)
	}
	return func(variable string) bool {
		words, is := strings.CutPrefix(variable, "YARN_")
		return !is || bytes.Contains(text, []byte(camel(words)))
	}, nil
}

// camel writes WORDS_LIKE_THESE as wordsLikeThese.
func camel(words string) string {
	var name strings.Builder
	for i, word := range strings.Split(strings.ToLower(words), "_") {
		if i > 0 && word != "" {
			word = strings.ToUpper(word[:1]) + word[1:]
		}
		name.WriteString(word)
	}
	return name.String()
}

// managerEnv are the settings of another package manager than npm.
func (b *build) managerEnv(a app, d driver, t toolchain, from npm.Address, cache string) map[string]string {
	// They would rather bring the version that they think is right themselves.
	env := map[string]string{"COREPACK_ENABLE_DOWNLOAD_PROMPT": "0", "COREPACK_ENABLE_STRICT": "0"}
	switch {
	case d.berry:
		maps.Copy(env, map[string]string{
			"YARN_IGNORE_PATH": "1", "YARN_ENABLE_TELEMETRY": "0", "YARN_ENABLE_PROGRESS_BARS": "0", "YARN_ENABLE_COLORS": "0",
			"YARN_ENABLE_HYPERLINKS": "0", "YARN_ENABLE_TIPS": "0",
			// What an install script prints would else go to a file.
			"YARN_ENABLE_INLINE_BUILDS": "1", "YARN_HTTP_RETRY": "2", "YARN_HTTP_TIMEOUT": patience,
			// How old a package must be was decided when it was locked.
			"YARN_NPM_MINIMAL_AGE_GATE": "0",
			"YARN_GLOBAL_FOLDER":        cache, "YARN_INSTALL_STATE_PATH": b.Scratch.Path("yarn-state.gz"),
			"YARN_CACHE_FOLDER": filepath.Join(cache, "cache"),
		})
		if a.yarn.registry == "" {
			env["YARN_NPM_REGISTRY_SERVER"] = strings.TrimSuffix(from.URL.String(), "/")
		}
		network := b.config.Network()
		for name, value := range map[string]string{"YARN_HTTP_PROXY": network.Proxies.HTTP, "YARN_HTTPS_PROXY": network.Proxies.HTTPS} {
			if value != "" {
				env[name] = value
			}
		}
	case d.manager == yarnManager:
		maps.Copy(env, map[string]string{
			"YARN_IGNORE_PATH": "1", "SKIP_YARN_COREPACK_CHECK": "1", "YARN_CACHE_FOLDER": cache,
			"yarn_disable_self_update_check": "true", "yarn_global_folder": b.Scratch.Path("yarn-global"),
		})
		if a.yarn.registry == "" {
			env["yarn_registry"] = from.URL.String()
		}
		if npm.Major(t.node.Version) >= 22 && b.Env["NODE_OPTIONS"] == "" {
			// A way to read addresses that Node.js advises against, in each run.
			env["NODE_OPTIONS"] = "--disable-warning=DEP0169"
		}
	case d.manager == pnpmManager:
		for name, value := range map[string]string{
			"store_dir": filepath.Join(cache, "store"), "cache_dir": filepath.Join(cache, "cache"), "state_dir": b.Scratch.Path("pnpm-state"),
			"manage_package_manager_versions": "false", "pm_on_fail": "ignore", "verify_deps_before_run": "false",
			"update_notifier": "false", "registry": from.URL.String(), "fetch_retries": "2", "fetch_timeout": patience, "fetch_retry_mintimeout": "1000", "fetch_retry_maxtimeout": "10000",
		} {
			// They have npm's prefix until version 10, and then pnpm's own.
			env["npm_config_"+name], env["pnpm_config_"+name] = value, value
		}
		if a.pnpm.MinimumReleaseAge == nil {
			// How old a package must be was decided when it was locked.
			env["pnpm_config_minimum_release_age"] = "0"
		}
		env["PNPM_HOME"] = b.Scratch.Path("pnpm-home")
	case d.manager == bunManager:
		maps.Copy(env, map[string]string{
			"BUN_INSTALL_CACHE_DIR": cache, "BUN_INSTALL": b.Scratch.Path("bun"), "DO_NOT_TRACK": "1",
			"BUN_RUNTIME_TRANSPILER_CACHE_PATH": "0",
		})
	}
	return env
}

// managerHome gives a package manager a home of its own, with a person's logins
// in the forms that they read: a person's .npmrc, and for Yarn 2 and later the
// same as .yarnrc.yml. What the app says in files of these names comes first.
func (b *build) managerHome(a app, env map[string]string) error {
	home := b.Scratch.Path("manager-home")
	if err := os.MkdirAll(home, 0o700); err != nil {
		return fmt.Errorf("making a home for %s: %w", a.choice.manager.title(), err)
	}
	text, _ := b.config.Connection()
	files := map[string][]byte{".npmrc": []byte(text)}
	if a.choice.manager == yarnManager {
		settings, err := yarnLogins(b.config)
		if err != nil {
			return err
		}
		files[yarnSettingsFile] = settings
	}
	// What a person has set up for this package manager knows better.
	for _, name := range []string{yarnSettingsFile, yarnClassicSettingsFile, ".bunfig.toml"} {
		data, err := os.ReadFile(filepath.Join(env["HOME"], name))
		switch {
		case err == nil:
			files[name] = data
		case !errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("reading the settings of %s: %w", a.choice.manager.title(), err)
		}
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(home, name), data, 0o600); err != nil {
			return fmt.Errorf("making a home for %s: %w", a.choice.manager.title(), err)
		}
	}
	env["HOME"] = home
	return nil
}

// yarnLogins are npm's settings about registries and logins in the form of Yarn 2
// and later.
func yarnLogins(c npm.Config) ([]byte, error) {
	var doc struct {
		Registries map[string]map[string]any `yaml:"npmRegistries,omitempty"`
		Scopes     map[string]map[string]any `yaml:"npmScopes,omitempty"`
	}
	doc.Registries, doc.Scopes = map[string]map[string]any{}, map[string]map[string]any{}
	for _, login := range c.Logins() {
		one := map[string]any{"npmAlwaysAuth": true}
		if login.Token != "" {
			one["npmAuthToken"] = login.Token
		} else {
			one["npmAuthIdent"] = login.Ident
		}
		doc.Registries[strings.TrimSuffix(login.Place, "/")] = one
	}
	for scope, address := range c.Scopes() {
		doc.Scopes[strings.TrimPrefix(scope, "@")] = map[string]any{"npmRegistryServer": address}
	}
	return yaml.Marshal(doc)
}

// setNPM sets a setting of npm in the place of any spelling of it.
func setNPM(env map[string]string, name, value string) {
	variable := "npm_config_" + strings.ReplaceAll(name, "-", "_")
	for existing := range env {
		if strings.EqualFold(existing, variable) {
			delete(env, existing)
		}
	}
	env[variable] = value
}

// production tells whether only the packages that production needs start with
// the app: the usual case, unless NODE_ENV or an old setting of npm says else.
func (b *build) production() bool {
	mode := b.Env["NODE_ENV"]
	return (mode == "" || mode == "production") && b.config.Value("production") != "false"
}

// nodeCPU is Node.js's name for an architecture.
func nodeCPU(arch string) string {
	if arch == "amd64" {
		return "x64"
	}
	return arch
}
