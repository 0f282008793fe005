package configure

// pamUnix checks passwords and accounts against the files of /etc.
const pamUnix = "security/pam_unix.so"

// pamCommon are the files that pam-auth-update(8) makes where nothing but
// pam_unix is installed, without its comments. Without them su(1) does not even
// work for root.
var pamCommon = []struct{ name, text string }{
	{"common-account", "account\t[success=1 new_authtok_reqd=done default=ignore]\tpam_unix.so\n" +
		"account\trequisite\tpam_deny.so\n" +
		"account\trequired\tpam_permit.so\n"},
	{"common-auth", "auth\t[success=1 default=ignore]\tpam_unix.so nullok\n" +
		"auth\trequisite\tpam_deny.so\n" +
		"auth\trequired\tpam_permit.so\n"},
	{"common-password", "password\t[success=1 default=ignore]\tpam_unix.so obscure yescrypt\n" +
		"password\trequisite\tpam_deny.so\n" +
		"password\trequired\tpam_permit.so\n"},
	{"common-session", pamSession},
	{"common-session-noninteractive", pamSession},
}

const pamSession = "session\t[default=1]\tpam_permit.so\n" +
	"session\trequisite\tpam_deny.so\n" +
	"session\trequired\tpam_permit.so\n" +
	"session\trequired\tpam_unix.so\n"

// pam writes what the files of programs in /etc/pam.d include.
func (s system) pam() error {
	found, err := s.exists("usr/lib/" + s.machine.triplet + "/" + pamUnix)
	if err != nil || !found {
		return err
	}
	for _, file := range pamCommon {
		if err := s.writeNew("etc/pam.d/"+file.name, file.text); err != nil {
			return err
		}
	}
	return nil
}
