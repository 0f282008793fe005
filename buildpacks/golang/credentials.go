package golang

import (
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language/appfile"
)

// gitVariable begins the variables by which Heroku's buildpack gets
// credentials for a host of git: GO_GIT_CRED__HTTPS__GIT__EXAMPLE__COM.
const gitVariable = "GO_GIT_CRED__"

// withoutCredentials is an environment without those variables.
func withoutCredentials(env map[string]string) map[string]string {
	clean := maps.Clone(env)
	maps.DeleteFunc(clean, func(name, _ string) bool { return strings.HasPrefix(name, gitVariable) })
	return clean
}

// netrc is the .netrc of the go command, and of the git that it starts: service
// bindings of the type netrc, those of the type git-credentials, and Heroku's
// variables. Git and the go command both read it, whatever protocol above HTTP
// a module comes by.
func netrc(env map[string]string, bindings libcnb.Bindings) (string, error) {
	var text strings.Builder
	for _, binding := range bindings {
		switch binding.Type {
		case "netrc":
			own, err := netrcOf(binding)
			if err != nil {
				return "", err
			}
			text.WriteString(own)
		case "git-credentials":
			lines, err := gitCredentials(binding)
			if err != nil {
				return "", err
			}
			text.WriteString(lines)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		rest, is := strings.CutPrefix(name, gitVariable)
		if !is || env[name] == "" {
			continue
		}
		protocol, host, found := strings.Cut(rest, "__")
		if !found || host == "" || !strings.EqualFold(protocol, "https") {
			return "", appfile.Error("%s names no host of HTTPS\nexpected %sHTTPS__HOST, with __ for the dots of the host: %sHTTPS__GIT__EXAMPLE__COM", name, gitVariable, gitVariable)
		}
		user, word, found := strings.Cut(env[name], ":")
		if !found {
			// What hosts of git expect beside a token.
			word = "x-oauth-basic"
		}
		line, err := netrcLine(strings.ToLower(strings.ReplaceAll(host, "__", ".")), user, word, name)
		if err != nil {
			return "", err
		}
		text.WriteString(line)
	}
	return text.String(), nil
}

// netrcOf is the file of a binding of the type netrc.
func netrcOf(binding libcnb.Binding) (string, error) {
	// libcnb leaves out names with a dot in front.
	for _, name := range []string{".netrc", "netrc"} {
		data, err := os.ReadFile(filepath.Join(binding.Path, name))
		if err == nil {
			return strings.TrimRight(string(data), "\n") + "\n", nil
		}
	}
	return "", appfile.Error("the service binding %s has the type netrc, but no file .netrc that can be read", binding.Name)
}

// gitCredentials reads a binding as Paketo knows it: "credentials" has lines
// username=NAME and password=WORD (git-credential, "Input/output format"), or
// addresses with both (git-credential-store); "context" is the address that they
// are for.
func gitCredentials(binding libcnb.Binding) (string, error) {
	by := "the service binding " + binding.Name
	fields := map[string]string{}
	var lines strings.Builder
	for line := range strings.Lines(binding.Secret["credentials"]) {
		line = strings.TrimSpace(line)
		if u, err := url.Parse(line); err == nil && u.Host != "" && u.User != nil {
			password, _ := u.User.Password()
			entry, err := netrcLine(u.Hostname(), u.User.Username(), password, by)
			if err != nil {
				return "", err
			}
			lines.WriteString(entry)
			continue
		}
		if name, value, found := strings.Cut(line, "="); found {
			fields[name] = value
		}
	}
	if context := strings.TrimSpace(binding.Secret["context"]); context != "" {
		u, err := url.Parse(context)
		if err != nil || u.Host == "" {
			return "", appfile.Error("%s has a context that is not an address: %s\nexpected https://HOST", by, context)
		}
		fields["host"] = u.Hostname()
	}
	switch {
	case fields["username"] != "" && fields["password"] != "":
		entry, err := netrcLine(fields["host"], fields["username"], fields["password"], by)
		return lines.String() + entry, err
	case lines.Len() == 0:
		return "", appfile.Error("%s has the type git-credentials, but its file credentials has no lines username=NAME and password=WORD", by)
	}
	return lines.String(), nil
}

// netrcLine is an entry of a .netrc, which knows no quotes. Without a host it is
// for every one.
func netrcLine(host, user, password, by string) (string, error) {
	if user == "" || strings.ContainsAny(host+user+password, " \t\r\n") {
		return "", appfile.Error("%s has an empty user name, or a blank in a name or password", by)
	}
	if host == "" {
		return fmt.Sprintf("default login %s password %s\n", user, password), nil
	}
	return fmt.Sprintf("machine %s login %s password %s\n", host, user, password), nil
}
