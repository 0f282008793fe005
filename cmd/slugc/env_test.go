package main

import (
	"strings"
	"testing"
)

// FuzzParseEnvFile: whatever a file has, what is read of it are variables, and what
// is wrong is said without showing any of it.
func FuzzParseEnvFile(f *testing.F) {
	f.Add("export A=1\n# comment\nB=\"x\\ny\"\n\nC\n")
	f.Add("-----BEGIN KEY-----\nc2VjcmV0c2VjcmV0\n")
	f.Add("\ufeffA='1'\r\nA==\n=x\n")
	f.Fuzz(func(t *testing.T, text string) {
		words, err := parseEnvFile(text)
		if err != nil {
			number, rest, _ := strings.Cut(err.Error(), ":")
			if strings.Trim(number, "0123456789") != "" || rest != ` expected NAME=VALUE in one line, and \n in double quotes for a line break` {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		for _, word := range words {
			if name, _, _ := strings.Cut(word, "="); !validName(name) {
				t.Errorf("%q: %q", text, word)
			}
		}
	})
}
