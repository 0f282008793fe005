package control

import (
	"fmt"
	"strings"
)

// maxQuoted bounds what an error repeats of foreign text.
const maxQuoted = 80

// quote is foreign text for an error.
func quote(text string) string {
	if len(text) > maxQuoted {
		return fmt.Sprintf("%q...", text[:maxQuoted])
	}
	return fmt.Sprintf("%q", text)
}

// checkName says what is wrong with the name of a package (Policy 5.6.7), which
// becomes part of file names. Names of one letter are let through, as dpkg does.
func checkName(name string) error {
	if name == "" {
		return fmt.Errorf("a name of a package is missing")
	}
	if !alphanumeric(name[0]) {
		return fmt.Errorf("%s is no name of a package: it has to begin with a letter or digit", quote(name))
	}
	if rest := strings.TrimLeftFunc(name, nameRune); rest != "" {
		return fmt.Errorf("%s is no name of a package: it may have letters, digits, + - and . alone", quote(name))
	}
	return nil
}

// checkArch says what is wrong with the name of an architecture (Policy 11.1).
func checkArch(arch string) error {
	if arch == "" || !alphanumeric(arch[0]) || strings.Trim(arch, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return fmt.Errorf("%s is no architecture", quote(arch))
	}
	return nil
}

// nameRune says whether names of packages may have a letter. Policy wants lower
// case, dpkg does not insist.
func nameRune(r rune) bool {
	return r < 0x80 && (alphanumeric(byte(r)) || r == '+' || r == '-' || r == '.' || r == '_')
}

func alphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}
