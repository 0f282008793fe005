package maven

import (
	"encoding/xml"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/git-pkgs/purl"

	"github.com/slugc/slugc/stack/download"
)

// central is the id of the repository that Maven asks without being told.
const central = "central"

// Address is where artifacts come from and who says so.
type Address struct {
	// URL ends in a slash and has no credentials.
	URL *url.URL
	// Origin is the variable or file that names it, "" for the default.
	Origin string
	header http.Header
}

// String is the address for messages, with where it stands.
func (a Address) String() string {
	if a.Origin == "" {
		return "the Maven repository " + a.URL.String()
	}
	return fmt.Sprintf("the Maven repository %s (%s)", a.URL, a.Origin)
}

// Central is the address of the repository that Maven calls central.
func (c Config) Central() (Address, error) {
	if c.wrapper != "" {
		return c.address(c.wrapper, "MVNW_REPOURL", c.user, c.secret)
	}
	for i, s := range c.all {
		m, found := s.mirrorOf(central)
		if !found {
			continue
		}
		if m.Blocked == "true" {
			return Address{}, &download.Error{Fault: download.App, Err: fmt.Errorf("the mirror %s in %s blocks the repository central", m.ID, c.files[i])}
		}
		user, password := c.credentials(m.ID)
		return c.address(m.URL, c.files[i], user, password)
	}
	if standard := purl.DefaultRegistry("maven"); standard != "" {
		return c.address(standard, "", "", "")
	}
	return Address{}, errors.New("there is no address of a Maven repository\nset one:\n  export MVNW_REPOURL=https://HOST/PATH")
}

// Mirror is what the settings have stand for a repository.
type Mirror struct {
	// URL has no credentials.
	URL            string
	User, Password string
}

// Mirror is the mirror of the repository with an id, if the settings name one. The
// id "*" is that of no repository, and has the mirror of all of them.
func (c Config) Mirror(id string) (Mirror, bool) {
	for _, s := range c.all {
		m, found := s.mirrorOf(id)
		if !found || m.Blocked == "true" {
			continue
		}
		u, err := url.Parse(m.URL)
		if err != nil || u.Host == "" {
			continue
		}
		user, password := c.credentials(m.ID)
		if u.User != nil && user == "" {
			user = u.User.Username()
			password, _ = u.User.Password()
		}
		u.User = nil
		return Mirror{URL: u.String(), User: user, Password: password}, true
	}
	return Mirror{}, false
}

func (c Config) address(text, origin, user, password string) (Address, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return Address{}, &download.Error{Fault: download.App, Err: fmt.Errorf("the Maven repository in %s is not an address: %s\nexpected https://HOST/PATH",
			origin, download.Redacted(text))}
	}
	if u.User != nil && user == "" {
		user = u.User.Username()
		password, _ = u.User.Password()
	}
	a := Address{Origin: origin, header: http.Header{}}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	if user != "" {
		r := http.Request{Header: a.header}
		r.SetBasicAuth(user, password)
	}
	if !strings.HasSuffix(u.Path, "/") {
		u.Path += "/"
	}
	a.URL = u
	return a, nil
}

// credentials are those of a server in the settings.
func (c Config) credentials(id string) (user, password string) {
	for _, s := range c.all {
		for _, server := range s.Servers {
			if server.ID == id && id != "" {
				return server.Username, server.Password
			}
		}
	}
	return "", ""
}

// mirrorOf is the mirror that stands for a repository of the world outside: one
// that names it, else the first whose list matches (Maven, "Using Mirrors for
// Repositories").
func (s settings) mirrorOf(id string) (mirror, bool) {
	for _, m := range s.Mirrors {
		if m.MirrorOf == id {
			return m, true
		}
	}
	for _, m := range s.Mirrors {
		if matches(m.MirrorOf, id) {
			return m, true
		}
	}
	return mirror{}, false
}

func matches(list, id string) bool {
	matched := false
	for word := range strings.SplitSeq(list, ",") {
		switch word = strings.TrimSpace(word); word {
		case "!" + id:
			return false
		case "*", "external:*", id:
			matched = true
		}
	}
	return matched
}

// Network is how to reach the repository.
func (c Config) Network() download.Network {
	n := download.Network{Proxies: c.proxies, CAFiles: c.caFiles}
	for _, s := range c.all {
		for _, p := range s.Proxies {
			if p.Active == "false" || p.Host == "" || n.Proxies.HTTPS != "" {
				continue
			}
			u := url.URL{Scheme: "http", Host: p.Host}
			if p.Port != "" {
				u.Host = net.JoinHostPort(p.Host, p.Port)
			}
			if p.Username != "" {
				u.User = url.UserPassword(p.Username, p.Password)
			}
			n.Proxies.HTTP, n.Proxies.HTTPS = u.String(), u.String()
			n.Proxies.Except = strings.ReplaceAll(p.NonProxyHosts, "|", ",")
		}
	}
	return n
}

// Connection is the part of the settings that says where repositories are and
// how to reach them, as a settings.xml: what a build on this machine needs of a
// person's own settings, and nothing else of them. The proxies of the
// environment are in it, since Maven does not read them. Secrets are the values
// that nobody may see. It is "" when there is nothing to say.
func (c Config) Connection() (text string, secrets []string, err error) {
	var all settings
	for _, s := range c.all {
		all.Servers = append(all.Servers, s.Servers...)
		all.Mirrors = append(all.Mirrors, s.Mirrors...)
		all.Proxies = append(all.Proxies, s.Proxies...)
		all.Profiles = append(all.Profiles, s.Profiles...)
		all.Active = append(all.Active, s.Active...)
	}
	all.Proxies = append(all.Proxies, environmentProxies(c.proxies)...)
	if len(all.Servers)+len(all.Mirrors)+len(all.Proxies)+len(all.Profiles) == 0 {
		return "", nil, nil
	}
	for _, s := range all.Servers {
		secrets = append(secrets, s.Password)
		if s.Configuration != nil {
			secrets = append(secrets, values(s.Configuration.Inner)...)
		}
	}
	for _, p := range all.Proxies {
		secrets = append(secrets, p.Password)
	}
	for _, m := range all.Mirrors {
		if u, err := url.Parse(m.URL); err == nil && u.User != nil {
			password, _ := u.User.Password()
			secrets = append(secrets, password)
		}
	}
	data, err := xml.MarshalIndent(all, "", "  ")
	if err != nil {
		return "", nil, fmt.Errorf("writing Maven's settings: %w", err)
	}
	return string(data) + "\n", secrets, nil
}

// values are the texts in a piece of XML that may be secret: those of elements
// that are called so, such as the value of a header.
func values(inner string) []string {
	var found []string
	decoder := xml.NewDecoder(strings.NewReader("<x>" + inner + "</x>"))
	inside := ""
	for {
		token, err := decoder.Token()
		if err != nil {
			return found
		}
		switch t := token.(type) {
		case xml.StartElement:
			inside = t.Name.Local
		case xml.EndElement:
			inside = ""
		case xml.CharData:
			if text := strings.TrimSpace(string(t)); inside == "value" && text != "" {
				found = append(found, text)
			}
		}
	}
}

// environmentProxies are the proxies of an environment as Maven wants them.
func environmentProxies(from download.Proxies) []proxy {
	var all []proxy
	for _, p := range []struct{ protocol, address string }{{"https", from.HTTPS}, {"http", from.HTTP}} {
		if p.address == "" {
			continue
		}
		text := p.address
		if !strings.Contains(text, "://") {
			text = "http://" + text
		}
		u, err := url.Parse(text)
		if err != nil || u.Hostname() == "" {
			continue
		}
		one := proxy{ID: p.protocol + "-of-the-environment", Active: "true", Protocol: p.protocol, Host: u.Hostname(), Port: u.Port()}
		if one.Port == "" {
			one.Port = "80"
		}
		if u.User != nil {
			one.Username = u.User.Username()
			one.Password, _ = u.User.Password()
		}
		var except []string
		for host := range strings.SplitSeq(from.Except, ",") {
			host = strings.TrimSpace(host)
			if strings.HasPrefix(host, ".") {
				host = "*" + host
			}
			if host != "" {
				except = append(except, host)
			}
		}
		one.NonProxyHosts = strings.Join(except, "|")
		all = append(all, one)
	}
	return all
}
