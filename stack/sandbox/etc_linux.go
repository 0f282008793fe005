package sandbox

import (
	"fmt"
	"strings"
)

// What /etc/passwd and /etc/group say where the stack has nothing to say. On
// the host stack that is always so: who has an account on this machine is no
// business of a build.
const (
	basicPasswd = "root:x:0:0:root:/root:/bin/sh\n" +
		"nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
	basicGroup = "root:x:0:\nnogroup:x:65534:\n"
)

// withUser adds the user of the sandbox to the text of a passwd(5) file,
// unless somebody has the id already: many programs refuse to run as a user
// without a name.
func withUser(passwd string) string {
	return withAccount(passwd, UID, fmt.Sprintf("%s:x:%d:%d:%s:/app:/bin/sh", UserName, UID, GID, UserName))
}

// withGroup is withUser for group(5).
func withGroup(group string) string {
	return withAccount(group, GID, fmt.Sprintf("%s:x:%d:", UserName, GID))
}

func withAccount(accounts string, id int, line string) string {
	for account := range strings.Lines(accounts) {
		fields := strings.Split(strings.TrimSpace(account), ":")
		if len(fields) > 2 && fields[2] == fmt.Sprint(id) {
			return accounts
		}
	}
	return onLine(accounts, line)
}

// withHostName adds the name of the machine as seen inside to a hosts(5) file:
// programs look up the address of their own machine.
func withHostName(hosts string) string {
	return onLine(hosts, "127.0.0.1\t"+hostName)
}

func onLine(text, line string) string {
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return text + line + "\n"
}
