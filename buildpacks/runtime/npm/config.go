package npm

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/git-pkgs/purl"

	"github.com/slugc/slugc/buildpacks/runtime/settingsfile"
	"github.com/slugc/slugc/stack/download"
)

// Config are npm's settings, by their names in an .npmrc.
type Config struct {
	settings map[string]setting
	proxies  download.Proxies
	caFiles  []string
}

type setting struct {
	value string
	// origin says where it stands, for messages.
	origin string
}

// Load reads the settings from an environment and from .npmrc files, the most
// important file first; variables beat files (npm-config, "Configuration").
// Files that do not exist are passed over.
func Load(env map[string]string, files ...string) (Config, error) {
	c := Config{settings: map[string]setting{}, proxies: download.ProxiesFrom(env)}
	for name, value := range env {
		key, found := variable(name)
		if !found || value == "" {
			continue
		}
		// Of two spellings of one variable, the lower case wins.
		if _, twice := c.settings[key]; twice && name != strings.ToLower(name) {
			continue
		}
		c.settings[key] = setting{value, name}
	}
	for _, file := range files {
		read, err := settingsfile.Read("npm's settings", file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return Config{}, err
		}
		for key, value := range parse(string(read), env) {
			if _, set := c.settings[key]; !set {
				c.settings[key] = setting{value, file}
			}
		}
	}
	for _, name := range []string{"SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"} {
		if file := env[name]; file != "" {
			c.caFiles = append(c.caFiles, file)
		}
	}
	return c, nil
}

// variable is the setting that an environment variable npm_config_* holds.
func variable(name string) (key string, found bool) {
	const prefix = "npm_config_"
	if len(name) <= len(prefix) || !strings.EqualFold(name[:len(prefix)], prefix) {
		return "", false
	}
	key = name[len(prefix):]
	if strings.HasPrefix(key, "//") {
		return key, true
	}
	// Leading underscores belong to names such as _auth.
	bare := strings.TrimLeft(key, "_")
	return key[:len(key)-len(bare)] + strings.ReplaceAll(strings.ToLower(bare), "_", "-"), true
}

// Files are the .npmrc files that npm reads for an app and a user, the most
// important first.
func Files(env map[string]string, app string) []string {
	files := []string{filepath.Join(app, ".npmrc")}
	user := env["NPM_CONFIG_USERCONFIG"]
	if lower := env["npm_config_userconfig"]; lower != "" {
		user = lower
	}
	if user == "" && env["HOME"] != "" {
		user = filepath.Join(env["HOME"], ".npmrc")
	}
	if user != "" {
		files = append(files, user)
	}
	global := env["NPM_CONFIG_GLOBALCONFIG"]
	if lower := env["npm_config_globalconfig"]; lower != "" {
		global = lower
	}
	if global != "" {
		files = append(files, global)
	}
	return files
}

// Address is where packages come from and who says so.
type Address struct {
	// URL ends in a slash.
	URL *url.URL
	// Origin is the variable or file that names it, "" for the default.
	Origin string
}

// Registry is the address for a package: that of its scope, where one is set,
// else that of all packages.
func (c Config) Registry(name string) (Address, error) {
	if scope, _, scoped := strings.Cut(name, "/"); scoped && strings.HasPrefix(scope, "@") {
		if s, set := c.settings[scope+":registry"]; set {
			return address(s)
		}
	}
	if s, set := c.settings["registry"]; set {
		return address(s)
	}
	if standard := purl.DefaultRegistry("npm"); standard != "" {
		return address(setting{value: standard})
	}
	return Address{}, errors.New("there is no address of an npm registry\n" +
		"set one:\n  export NPM_CONFIG_REGISTRY=https://HOST/PATH/")
}

// AddressOf reads the address of a registry that another client's settings name.
// Origin is where it stands.
func AddressOf(text, origin string) (Address, error) { return address(setting{text, origin}) }

func address(s setting) (Address, error) {
	u, err := url.Parse(strings.TrimSpace(s.value))
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		origin := s.origin
		if origin == "" {
			origin = "the built-in default"
		}
		return Address{}, &download.Error{Fault: download.App, Err: fmt.Errorf("the npm registry in %s is not an address: %s\n"+
			"expected https://HOST/PATH/", origin, download.Redacted(s.value))}
	}
	u.RawQuery, u.Fragment = "", ""
	if !strings.HasSuffix(u.Path, "/") {
		u.Path += "/"
	}
	return Address{URL: u, Origin: s.origin}, nil
}

// authorization is the value of the Authorization header for an address, ""
// for none. As in npm, credentials belong to //host/path/ and all below it.
func (c Config) authorization(u *url.URL) (string, error) {
	for dir := u.EscapedPath(); ; {
		dir = dir[:strings.LastIndexByte(dir, '/')+1]
		for _, nerf := range []string{"//" + u.Host + dir, "//" + u.Host + strings.TrimSuffix(dir, "/")} {
			if header, found, err := c.credentials(nerf + ":"); found || err != nil {
				return header, err
			}
		}
		if dir == "" || dir == "/" {
			break
		}
		dir = strings.TrimSuffix(dir, "/")
	}
	return "", nil
}

// credentials are those that are set under a prefix.
func (c Config) credentials(prefix string) (header string, found bool, err error) {
	if token, set := c.settings[prefix+"_authToken"]; set {
		return "Bearer " + token.value, true, nil
	}
	if auth, set := c.settings[prefix+"_auth"]; set {
		return "Basic " + auth.value, true, nil
	}
	user, hasUser := c.settings[prefix+"username"]
	encoded, hasPassword := c.settings[prefix+"_password"]
	if !hasUser || !hasPassword {
		return "", false, nil
	}
	password, err := base64.StdEncoding.DecodeString(encoded.value)
	if err != nil {
		return "", false, &download.Error{Fault: download.App,
			Err: fmt.Errorf("%s_password in %s is not base64, as npm wants it", prefix, encoded.origin)}
	}
	return basic(user.value + ":" + string(password)), true, nil
}

func basic(userAndPassword string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(userAndPassword))
}

// Network is how npm would reach its registries.
func (c Config) Network() download.Network {
	n := download.Network{Proxies: c.proxies, CAFiles: append([]string(nil), c.caFiles...)}
	if proxy := c.settings["proxy"].value; proxy != "" && proxy != "null" && proxy != "false" {
		n.Proxies.HTTP = proxy
		if n.Proxies.HTTPS == "" {
			n.Proxies.HTTPS = proxy
		}
	}
	if proxy := c.settings["https-proxy"].value; proxy != "" && proxy != "null" && proxy != "false" {
		n.Proxies.HTTPS = proxy
	}
	if except := c.settings["noproxy"].value; except != "" {
		n.Proxies.Except = except
	}
	if file := c.settings["cafile"].value; file != "" {
		n.CAFiles = append(n.CAFiles, file)
	}
	if ca := c.settings["ca"].value; ca != "" && ca != "null" {
		n.CA = []byte(strings.ReplaceAll(ca, `\n`, "\n"))
	}
	n.Insecure = c.settings["strict-ssl"].value == "false"
	return n
}

// Value is a setting as it was written, "" when it is not set.
func (c Config) Value(name string) string { return c.settings[name].value }
