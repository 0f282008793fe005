package pypi

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/git-pkgs/purl"

	"github.com/slugc/slugc/buildpacks/runtime/settingsfile"
	"github.com/slugc/slugc/stack/download"
)

// Config are the settings about package indexes.
type Config struct {
	settings map[string]setting
	logins   []login
	proxies  download.Proxies
	caFiles  []string
}

// setting is a value and where it stands, for messages.
type setting struct{ value, origin string }

// names are the settings that are read, as pip calls them, with the variables
// of uv that mean the same.
func names() map[string][]string {
	return map[string][]string{
		"index-url":       {"UV_DEFAULT_INDEX", "UV_INDEX_URL"},
		"extra-index-url": {"UV_INDEX", "UV_EXTRA_INDEX_URL"},
		"find-links":      {"UV_FIND_LINKS"},
		"no-index":        {"UV_NO_INDEX"},
		"trusted-host":    {"UV_INSECURE_HOST"},
		"cert":            nil,
		"client-cert":     {"SSL_CLIENT_CERT"},
		"proxy":           nil,
	}
}

// Variables are the environment variables with settings, and those that name
// files with them.
func Variables() []string {
	all := []string{"PIP_CONFIG_FILE", "NETRC"}
	for name, others := range names() {
		all = append(append(all, "PIP_"+strings.ToUpper(strings.ReplaceAll(name, "-", "_"))), others...)
	}
	slices.Sort(all)
	return all
}

// Load reads the settings from an environment and from files, the most
// important first: pip.conf files, and those of uv, whose names end in .toml.
// Variables beat files. Files that do not exist are passed over.
func Load(env map[string]string, files ...string) (Config, error) {
	c := Config{settings: map[string]setting{}, proxies: download.ProxiesFrom(env)}
	for name, others := range names() {
		for _, variable := range append([]string{"PIP_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))}, others...) {
			if value := env[variable]; value != "" {
				c.settings[name] = setting{value, variable}
				break
			}
		}
	}
	for _, file := range files {
		data, err := settingsfile.Read("the settings of package indexes", file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return Config{}, err
		}
		read := parseINI(string(data))
		if filepath.Ext(file) == ".toml" {
			if read, err = parseTOML(string(data)); err != nil {
				return Config{}, fmt.Errorf("reading uv's settings in %s: %w", file, err)
			}
		}
		for name, value := range read {
			if _, set := c.settings[name]; !set && value != "" {
				c.settings[name] = setting{value, file}
			}
		}
	}
	if file := netrcFile(env); file != "" {
		data, err := settingsfile.Read("the settings of package indexes", file)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return Config{}, err
		}
		c.logins = parseNetrc(string(data))
	}
	if file := env["SSL_CERT_FILE"]; file != "" {
		c.caFiles = append(c.caFiles, file)
	}
	return c, nil
}

// Files are the files with settings that pip and uv read for a user, the most
// important first.
func Files(env map[string]string) []string {
	named := env["PIP_CONFIG_FILE"]
	if named == os.DevNull {
		// With it pip reads no file at all.
		return nil
	}
	var files []string
	if named != "" {
		files = append(files, named)
	}
	config := env["XDG_CONFIG_HOME"]
	if config == "" && env["HOME"] != "" {
		config = filepath.Join(env["HOME"], ".config")
	}
	if env["VIRTUAL_ENV"] != "" {
		files = append(files, filepath.Join(env["VIRTUAL_ENV"], "pip.conf"))
	}
	if config != "" {
		files = append(files, filepath.Join(config, "pip", "pip.conf"))
	}
	if env["HOME"] != "" {
		files = append(files, filepath.Join(env["HOME"], ".pip", "pip.conf"))
	}
	shared := env["XDG_CONFIG_DIRS"]
	if shared == "" {
		shared = "/etc/xdg"
	}
	dirs := filepath.SplitList(shared)
	for _, dir := range dirs {
		files = append(files, filepath.Join(dir, "pip", "pip.conf"))
	}
	files = append(files, "/etc/pip.conf")
	if file := env["UV_CONFIG_FILE"]; file != "" {
		return append(files, file)
	}
	if config != "" {
		files = append(files, filepath.Join(config, "uv", "uv.toml"))
	}
	for _, dir := range dirs {
		files = append(files, filepath.Join(dir, "uv", "uv.toml"))
	}
	return append(files, "/etc/uv/uv.toml")
}

// Address is where packages come from and who says so.
type Address struct {
	// URL has no slash at its end. It may have credentials.
	URL *url.URL
	// Origin is the variable or file that names it, "" for the default.
	Origin string
}

// Index is where packages come from: what the settings say, else the default of the
// ecosystem. Its error names the variable to set.
func (c Config) Index() (Address, error) {
	if s, set := c.settings["index-url"]; set {
		return c.address(s)
	}
	if standard := purl.DefaultRegistry("pypi"); standard != "" {
		return c.address(setting{value: strings.TrimSuffix(standard, "/") + "/simple"})
	}
	return Address{}, errors.New("there is no address of a package index\nset one:\n  export PIP_INDEX_URL=https://HOST/PATH/simple")
}

// Extra are the indexes that are asked besides (extra-index-url).
func (c Config) Extra() ([]Address, error) {
	var all []Address
	s := c.settings["extra-index-url"]
	for word := range strings.FieldsSeq(s.value) {
		a, err := c.address(setting{word, s.origin})
		if err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	return all, nil
}

// address reads an address and puts the login in that a netrc file has for it.
func (c Config) address(s setting) (Address, error) {
	text := s.value
	// uv's indexes may have a name: corp=https://...
	if name, rest, named := strings.Cut(text, "="); named && !strings.ContainsAny(name, ":/?") {
		text = rest
	}
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		origin := s.origin
		if origin == "" {
			origin = "the built-in default"
		}
		return Address{}, &download.Error{Fault: download.App, Err: fmt.Errorf("the package index in %s is not an address: %s\n"+
			"expected https://HOST/PATH/simple", origin, download.Redacted(s.value))}
	}
	u.RawQuery, u.Fragment = "", ""
	u.Path = strings.TrimSuffix(u.Path, "/")
	u.User = c.user(u)
	return Address{URL: u, Origin: s.origin}, nil
}

// user are the credentials for an address: those in it, else those of netrc.
func (c Config) user(u *url.URL) *url.Userinfo {
	if u.User != nil {
		return u.User
	}
	for _, l := range c.logins {
		if l.machine == u.Hostname() || l.machine == "" {
			return url.UserPassword(l.login, l.password)
		}
	}
	return nil
}

// WithLogin is an address that is no setting, with the login that a netrc file
// has for it.
func (c Config) WithLogin(address string) (Address, error) {
	return c.address(setting{value: address})
}

// String is the index for messages, with where its address comes from.
func (a Address) String() string {
	where := "the package index " + download.Redacted(a.URL.String())
	if a.Origin != "" {
		where += " (from " + a.Origin + ")"
	}
	return where
}

// Links are directories and pages with packages, beside the indexes.
func (c Config) Links() []string { return strings.Fields(c.settings["find-links"].value) }

// NoIndex tells whether no index is to be asked, only the Links.
func (c Config) NoIndex() bool {
	switch strings.ToLower(c.settings["no-index"].value) {
	case "1", "true", "yes", "on", "y", "t":
		return true
	}
	return false
}

// Trusted are hosts whose certificates are not looked at, with or without a
// port.
func (c Config) Trusted() []string { return strings.Fields(c.settings["trusted-host"].value) }

// CA is a file with certificates to trust, "" for those of the machine.
func (c Config) CA() string { return c.settings["cert"].value }

// Network is how pip would reach the index.
func (c Config) Network() download.Network {
	n := download.Network{Proxies: c.proxies, CAFiles: slices.Clone(c.caFiles)}
	if proxy := c.settings["proxy"].value; proxy != "" {
		n.Proxies.HTTP, n.Proxies.HTTPS = proxy, proxy
	}
	if file := c.CA(); file != "" {
		n.CAFiles = append(n.CAFiles, file)
	}
	if index, err := c.Index(); err == nil {
		n.Insecure = slices.ContainsFunc(c.Trusted(), func(host string) bool { return host == index.URL.Host || host == index.URL.Hostname() })
	}
	return n
}

// Proxy is the proxy of the settings, "" where they have none.
func (c Config) Proxy() string { return c.settings["proxy"].value }
