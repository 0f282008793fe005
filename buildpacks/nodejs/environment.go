package nodejs

import (
	"maps"
	"os"
	"strings"
)

// systemCertificates is where Debian and its descendants keep the certificates
// that the machine trusts.
const systemCertificates = "/etc/ssl/certs/ca-certificates.crt"

// toolEnv is the environment for npm and the scripts of the app: the build's
// own, with Node.js and npm in front, and with settings of npm that the app and
// its builder did not make themselves.
func (b *build) toolEnv(t toolchain, cache packageCache) (map[string]string, error) {
	env := maps.Clone(b.Env)
	if env == nil {
		env = map[string]string{}
	}
	path := t.path()
	if rest := env["PATH"]; rest != "" {
		path += string(os.PathListSeparator) + rest
	}
	env["PATH"] = path
	env["NODE_HOME"] = t.nodeLayer.Path
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
	from, err := b.config.Registry("")
	if err != nil {
		return nil, err
	}
	for name, value := range map[string]string{
		"registry": from.URL.String(),
		"loglevel": "error",
		"progress": "false",
		"audit":    "false",
		"fund":     "false",
		// One try less than usual, and seconds in place of a minute between
		// them: a registry that is gone should be known soon.
		"fetch-retries":          "2",
		"fetch-retry-mintimeout": "1000",
		"fetch-retry-maxtimeout": "10000",
		"update-notifier":        "false",
	} {
		if b.config.Value(name) == "" {
			setNPM(env, name, value)
		}
	}
	setNPM(env, "cache", cache.dir)
	// A log file for every run would change the cache on every build.
	setNPM(env, "logs-max", "0")
	if t.headers.Name != "" && b.config.Value("nodedir") == "" {
		setNPM(env, "nodedir", t.headers.Path)
	}
	return env, nil
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
