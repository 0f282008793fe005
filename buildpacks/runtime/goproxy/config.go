package goproxy

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path/filepath"
	"strings"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/note"

	"github.com/slugc/slugc/buildpacks/runtime/settingsfile"
	"github.com/slugc/slugc/stack/download"
)

// Config are the go command's settings about modules.
type Config struct {
	proxies []proxy
	// noProxy and noSum are lists of patterns of module paths.
	noProxy, noSum string
	// database is empty when checksums are not to be looked up.
	database database
	// origin says where GOPROXY stands, for messages.
	origin  string
	network download.Network
}

// Defaults are settings for want of a person's own: the go command has them
// built in.
type Defaults struct {
	// Proxy is a GOPROXY.
	Proxy string
	// SumDB is a GOSUMDB with its key: "name+hash+key".
	SumDB string
}

// proxy is one entry of a GOPROXY.
type proxy struct {
	address *url.URL
	// anyError asks the next one after every error, not only after the answer
	// that there is no such module: it was followed by a bar.
	anyError bool
}

// database is a checksum database.
type database struct {
	name, key string
	// address is set when it is not the name's.
	address *url.URL
}

// Files are the files with settings that the go command reads for a user.
func Files(env map[string]string) []string {
	switch file := env["GOENV"]; {
	case file == "off":
		return nil
	case file != "":
		return []string{file}
	case env["XDG_CONFIG_HOME"] != "":
		return []string{filepath.Join(env["XDG_CONFIG_HOME"], "go", "env")}
	case env["HOME"] != "":
		return []string{filepath.Join(env["HOME"], ".config", "go", "env")}
	}
	return nil
}

// Load reads the settings from an environment, from files, and for want of
// both from defaults. Files that do not exist are passed over.
func Load(env map[string]string, defaults Defaults, files ...string) (Config, error) {
	settings, origins, err := read(env, files)
	if err != nil {
		return Config{}, err
	}
	c := Config{network: download.Network{Proxies: download.ProxiesFrom(env)}}
	if file := env["SSL_CERT_FILE"]; file != "" {
		c.network.CAFiles = []string{file}
	}
	c.noProxy, c.noSum = settings["GONOPROXY"], settings["GONOSUMDB"]
	if c.noProxy == "" {
		c.noProxy = settings["GOPRIVATE"]
	}
	if c.noSum == "" {
		c.noSum = settings["GOPRIVATE"]
	}
	text := settings["GOPROXY"]
	c.origin = origins["GOPROXY"]
	if text == "" {
		text, c.origin = defaults.Proxy, "the default"
	}
	if c.proxies, err = parseProxies(text, c.origin); err != nil {
		return Config{}, err
	}
	if c.database, err = parseDatabase(settings["GOSUMDB"], defaults.SumDB); err != nil {
		return Config{}, err
	}
	return c, nil
}

// read collects the settings of an environment and of files, with where they
// stand.
func read(env map[string]string, files []string) (settings, origins map[string]string, err error) {
	settings, origins = map[string]string{}, map[string]string{}
	for _, file := range files {
		if err := readFile(file, settings, origins); err != nil {
			return nil, nil, err
		}
	}
	for _, name := range Variables() {
		if env[name] != "" {
			settings[name], origins[name] = env[name], "the environment"
		}
	}
	return settings, origins, nil
}

// readFile reads NAME=VALUE lines ("go help env").
func readFile(file string, settings, origins map[string]string) error {
	data, err := settingsfile.Read("the go command's settings", file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(data)) {
		name, value, found := strings.Cut(strings.TrimSpace(line), "=")
		if !found || strings.HasPrefix(name, "#") || value == "" {
			continue
		}
		settings[name], origins[name] = value, file
	}
	return nil
}

// parseProxies reads a GOPROXY: addresses with commas or bars between them. It
// ends at "direct" and "off".
func parseProxies(text, origin string) ([]proxy, error) {
	var proxies []proxy
	for text != "" {
		entry, bar := text, false
		if at := strings.IndexAny(text, ",|"); at >= 0 {
			entry, bar, text = text[:at], text[at] == '|', text[at+1:]
		} else {
			text = ""
		}
		entry = strings.TrimSpace(entry)
		switch entry {
		case "":
			continue
		case "direct", "off":
			return proxies, nil
		}
		u, err := url.Parse(entry)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			return nil, &download.Error{Fault: download.App, Err: fmt.Errorf("GOPROXY in %s names no module proxy: %s\n"+
				"expected https://HOST/PATH", origin, download.Redacted(entry))}
		}
		proxies = append(proxies, proxy{address: u, anyError: bar})
	}
	return proxies, nil
}

// parseDatabase reads a GOSUMDB: a name with or without a key, and an address.
// A name without a key is that of the default.
func parseDatabase(text, standard string) (database, error) {
	fields := strings.Fields(text)
	if len(fields) == 0 {
		fields = strings.Fields(standard)
	}
	if len(fields) == 0 || fields[0] == "off" {
		return database{}, wantsDatabase(text)
	}
	fields = strings.Fields(withKey(strings.Join(fields, " "), standard))
	d := database{key: fields[0]}
	verifier, err := note.NewVerifier(d.key)
	if err != nil || len(fields) > 2 {
		return database{}, &download.Error{Fault: download.App, Err: fmt.Errorf("GOSUMDB is not a checksum database with its key: %q\n"+
			"expected NAME+HASH+KEY, with an address after it where it is not the name's, or off", text)}
	}
	d.name = verifier.Name()
	if len(fields) == 2 {
		if d.address, err = url.Parse(fields[1]); err != nil || d.address.Host == "" {
			return database{}, &download.Error{Fault: download.App, Err: fmt.Errorf("GOSUMDB has no address in its second word: %s\n"+
				"expected https://HOST/PATH", download.Redacted(fields[1]))}
		}
	}
	return d, nil
}

// wantsDatabase is the error when no database is named, unless that is wanted.
func wantsDatabase(text string) error {
	if strings.TrimSpace(text) == "off" {
		return nil
	}
	return &download.Error{Fault: download.App, Err: errors.New("there is no checksum database to check Go modules against\n" +
		"name one with its key, or go without:\n" +
		"  export GOSUMDB=NAME+HASH+KEY\n" +
		"  export GOSUMDB=off")}
}

// Network is how to reach the proxies.
func (c Config) Network() download.Network { return c.network }

// Address is the first proxy, without credentials, "" when there is none.
func (c Config) Address() string {
	if len(c.proxies) == 0 {
		return ""
	}
	return download.Redacted(c.proxies[0].address.String())
}

// String names the proxies for messages, with where they stand.
func (c Config) String() string {
	if len(c.proxies) == 0 {
		return "no module proxy"
	}
	var names []string
	for _, p := range c.proxies {
		names = append(names, download.Redacted(p.address.String()))
	}
	return fmt.Sprintf("the module proxy %s (GOPROXY of %s)", strings.Join(names, ", "), c.origin)
}

// Checks tells whether the checksum of a module is looked up.
func (c Config) Checks(path string) bool {
	return c.database.name != "" && !module.MatchPrefixPatterns(c.noSum, path)
}

// usable is an error when a module cannot come from a proxy.
func (c Config) usable(path string) error {
	if module.MatchPrefixPatterns(c.noProxy, path) {
		return &download.Error{Fault: download.App, Err: fmt.Errorf("GONOPROXY or GOPRIVATE keeps %s from the module proxy, and slugc fetches it from nowhere else\n"+
			"take it out of them", path)}
	}
	if len(c.proxies) == 0 {
		return &download.Error{Fault: download.App, Err: errors.New("there is no address of a Go module proxy\n" +
			"set one:\n  export GOPROXY=https://HOST/PATH")}
	}
	return nil
}
