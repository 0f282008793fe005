package configure

import (
	"bytes"
	"fmt"
	"io/fs"
	"strings"

	"github.com/slugc/slugc/stack"
)

// shadowGroup is the group of /etc/shadow in base-passwd, where its number is
// fixed.
const shadowGroup = 42

// Accounts of a root without base-passwd: nobody can be without a name.
const (
	basicPasswd = "root:*:0:0:root:/root:/bin/bash\n" +
		"nobody:*:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
	basicGroup = "root:*:0:\nnogroup:*:65534:\n"
)

// accounts writes passwd(5) and group(5) from base-passwd's masters, with the
// stack's user, and makes the home of that one. All passwords are locked.
func (s system) accounts() error {
	user := s.user
	shell, err := s.shell()
	if err != nil {
		return err
	}
	passwd, err := s.master("passwd", basicPasswd)
	if err != nil {
		return err
	}
	group, err := s.master("group", basicGroup)
	if err != nil {
		return err
	}
	if user.Name != "" {
		passwd = account(passwd, user.UID,
			fmt.Sprintf("%s:*:%d:%d:%s:%s:%s", user.Name, user.UID, user.GID, user.Name, user.Home, shell))
		group = account(group, user.GID, fmt.Sprintf("%s:*:%d:", user.Name, user.GID))
	}
	// The package of the tools that change passwords sets shadow passwords up.
	if s.packages["passwd"] {
		if err := s.shadow(passwd, group); err != nil {
			return err
		}
		passwd, group = shadowed(passwd), shadowed(group)
	}
	for _, file := range []struct{ name, text string }{
		{"etc/passwd", passwd}, {"etc/group", group}, {"etc/subuid", ""}, {"etc/subgid", ""},
	} {
		if err := s.write(file.name, []byte(file.text), 0o644); err != nil {
			return err
		}
	}
	return s.homes(user)
}

// master is one of the files that base-passwd has for a new system.
func (s system) master(name, otherwise string) (string, error) {
	data, found, err := s.readIf("usr/share/base-passwd/" + name + ".master")
	if err != nil || !found {
		return otherwise, err
	}
	if len(data) > 0 && !bytes.HasSuffix(data, []byte("\n")) {
		data = append(data, '\n')
	}
	return string(data), nil
}

// account adds a line, unless somebody has the id.
func account(accounts string, id int, line string) string {
	for known := range strings.Lines(accounts) {
		fields := strings.Split(strings.TrimSpace(known), ":")
		if len(fields) > 2 && fields[2] == fmt.Sprint(id) {
			return accounts
		}
	}
	return accounts + line + "\n"
}

// shell is what the user starts: the best that is in the root.
func (s system) shell() (string, error) {
	for _, shell := range []string{"/bin/bash", "/bin/sh"} {
		if found, err := s.exists(shell); err != nil || found {
			return shell, err
		}
	}
	return "/usr/sbin/nologin", nil
}

// shadowed says of each account that its password is in the shadow file.
func shadowed(accounts string) string {
	var out strings.Builder
	for line := range strings.Lines(accounts) {
		name, rest, found := strings.Cut(line, ":*:")
		if !found {
			out.WriteString(line)
			continue
		}
		out.WriteString(name + ":x:" + rest)
	}
	return out.String()
}

// shadow writes shadow(5) and gshadow(5). The day of the last change stays
// empty, which switches password ageing off.
func (s system) shadow(passwd, group string) error {
	for _, file := range []struct{ name, accounts, fields string }{
		{"etc/shadow", passwd, ":*::0:99999:7:::\n"},
		{"etc/gshadow", group, ":*::\n"},
	} {
		var text strings.Builder
		for line := range strings.Lines(file.accounts) {
			name, _, _ := strings.Cut(line, ":")
			text.WriteString(name + file.fields)
		}
		if err := s.write(file.name, []byte(text.String()), 0o640); err != nil {
			return err
		}
		if err := s.own(file.name, 0, shadowGroup, 0o640); err != nil {
			return err
		}
	}
	return nil
}

// homes makes the user's home, and gives the user the places where apps and
// layers go.
func (s system) homes(user stack.User) error {
	if user.Name == "" {
		return nil
	}
	places := []string{"app", "layers", "workspace"}
	if user.Home != "" && user.Home != "/" {
		if err := s.directory(user.Home, 0o755); err != nil {
			return err
		}
		places = append(places, user.Home)
	}
	for _, place := range places {
		if err := s.own(place, user.UID, user.GID, fs.FileMode(0o755)); err != nil {
			return err
		}
	}
	return nil
}
