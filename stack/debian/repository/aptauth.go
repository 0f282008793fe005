package repository

import (
	"io/fs"
	"net/url"
	"strings"
)

// aptAuth are the credentials of apt_auth.conf(5), in order.
type aptAuth []aptMachine

type aptMachine struct {
	// scheme is "" when the file says none.
	scheme, host, port, path string
	login, password          string
}

func readAptAuth(fsys fs.FS) (aptAuth, error) {
	files, err := aptFiles(fsys, "etc/apt/auth.conf", "etc/apt/auth.conf.d", ".conf", "")
	if err != nil {
		return nil, err
	}
	var auth aptAuth
	for _, name := range files {
		data, err := readable(fsys, name)
		if err != nil {
			return nil, err
		}
		auth = append(auth, parseAptAuth(string(data))...)
	}
	return auth, nil
}

// parseAptAuth reads the form of netrc: words, of which "machine" begins an
// entry.
func parseAptAuth(text string) aptAuth {
	var words []string
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(strings.TrimSpace(line), "#") {
			words = append(words, strings.Fields(line)...)
		}
	}
	var auth aptAuth
	for i := 0; i+1 < len(words); i += 2 {
		value := words[i+1]
		switch {
		case words[i] == "machine":
			auth = append(auth, parseAptMachine(value))
		case len(auth) == 0:
		case words[i] == "login":
			auth[len(auth)-1].login = value
		case words[i] == "password":
			auth[len(auth)-1].password = value
		}
	}
	return auth
}

func parseAptMachine(text string) aptMachine {
	var m aptMachine
	scheme, rest, found := strings.Cut(text, "://")
	if found {
		m.scheme = scheme
	} else {
		rest = text
	}
	host, below, _ := strings.Cut(rest, "/")
	m.path = "/" + below
	u := url.URL{Host: host}
	m.host, m.port = u.Hostname(), u.Port()
	return m
}

// apply adds to an address the credentials that are for it. An address that has
// some keeps them.
func (a aptAuth) apply(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.User != nil {
		return address
	}
	for _, m := range a {
		if m.login != "" && m.matches(u) {
			u.User = url.UserPassword(m.login, m.password)
			return u.String()
		}
	}
	return address
}

// matches tells whether an entry is for an address. One without a scheme is for
// https alone, so that a password does not travel in the clear.
func (m aptMachine) matches(u *url.URL) bool {
	scheme := m.scheme
	if scheme == "" {
		scheme = "https"
	}
	below := strings.TrimSuffix(m.path, "/") + "/"
	return u.Scheme == scheme && strings.EqualFold(u.Hostname(), m.host) && (m.port == "" || m.port == u.Port()) &&
		strings.HasPrefix(strings.TrimSuffix(u.Path, "/")+"/", below)
}
