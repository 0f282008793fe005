package pypi

import (
	"fmt"
	"slices"
	"strings"
)

// Connection is the part of the settings that says where indexes are and how to
// reach them, as the text of a pip.conf: what a build on this machine needs of a
// person's own settings, and nothing else of them. Secrets are the values in it
// that nobody may see. Directories of this machine are left out.
func (c Config) Connection() (conf string, secrets []string, err error) {
	var text strings.Builder
	write := func(name string, values ...string) {
		values = slices.DeleteFunc(values, func(v string) bool { return v == "" })
		if len(values) > 0 {
			fmt.Fprintf(&text, "%s = %s\n", name, strings.Join(values, "\n    "))
		}
	}
	say := func(a Address) string {
		if password, set := a.URL.User.Password(); set {
			secrets = append(secrets, password)
		} else if a.URL.User != nil {
			// A token may stand alone.
			secrets = append(secrets, a.URL.User.Username())
		}
		return a.URL.String()
	}
	if _, set := c.settings["index-url"]; set || len(c.logins) > 0 {
		index, err := c.Index()
		if err != nil {
			return "", nil, err
		}
		if set || index.URL.User != nil {
			write("index-url", say(index))
		}
	}
	extra, err := c.Extra()
	if err != nil {
		return "", nil, err
	}
	var addresses []string
	for _, a := range extra {
		addresses = append(addresses, say(a))
	}
	write("extra-index-url", addresses...)
	write("find-links", slices.DeleteFunc(c.Links(), func(link string) bool { return !strings.Contains(link, "://") || strings.HasPrefix(link, "file:") })...)
	write("trusted-host", c.Trusted()...)
	write("proxy", c.Proxy())
	if c.NoIndex() {
		write("no-index", "true")
	}
	if text.Len() == 0 {
		return "", nil, nil
	}
	return "[global]\n" + text.String(), secrets, nil
}
