package bridge

import (
	"testing"

	"github.com/slugc/slugc/stack"
)

func TestVersionOf(t *testing.T) {
	for ref, want := range map[string]string{
		"https://git.example/o/n#v12": "12.0.0", "https://git.example/o/n#1.2": "1.2.0", "/a.git#v01.002.3": "1.2.3", "a#refs/tags/v7": "7.0.0",
		"a#main": "", "a#1234567": "", "a#v1.2.3-rc1": "", "a#v1.2.3.4": "", "a": "", "a/v1.2.3": "",
		"https://files.example/a.tgz#sha256=0123": "", "a#release/v1": "", "a#v12345678901": "",
	} {
		if got := versionOf(ref); got != want {
			t.Errorf("%s: got %q, want %q", ref, got, want)
		}
	}
}

func TestHomepage(t *testing.T) {
	for ref, want := range map[string]string{
		"https://git.example/o/n.git#v1": "https://git.example/o/n", "git+https://git.example/o/n#x": "https://git.example/o/n",
		"https://files.example/a.tgz": "https://files.example/a.tgz", "ssh://git@git.example/o/n": "", "docker://registry.example/x": "",
	} {
		if got := homepage(ref); got != want {
			t.Errorf("%s: got %q, want %q", ref, got, want)
		}
	}
}

func TestStackFor(t *testing.T) {
	ubuntu := func(version string) stack.Target { return stack.Target{DistroName: "ubuntu", DistroVersion: version} }
	for _, c := range []struct {
		id     string
		target stack.Target
		want   string
	}{
		{"heroku-22", ubuntu("24.04"), "heroku-22"},
		{"io.example.noble", ubuntu("24.04"), "heroku-24"},
		{"", ubuntu("22.04"), "heroku-22"},
		{"", ubuntu("23.04"), "ubuntu-23.04"},
		{"", ubuntu("24.10"), "ubuntu-24.10"},
		{"io.example.base", stack.Target{DistroName: "debian", DistroVersion: "13"}, "io.example.base"},
		{"", stack.Target{DistroName: "debian", DistroVersion: "13"}, "debian-13"},
		{"", stack.Target{DistroName: "arch"}, "arch"},
		{"", stack.Target{}, "unknown"},
	} {
		if got := stackFor(c.id, c.target); got != c.want {
			t.Errorf("%q, %+v: got %s, want %s", c.id, c.target, got, c.want)
		}
	}
}

func TestProlonged(t *testing.T) {
	for _, c := range []struct {
		old, value, front, back string
		is                      bool
	}{
		{"/a:/b", "/x:/a:/b", "/x", "", true},
		{"/a", "/a:/x:/y", "", "/x:/y", true},
		{"/a", "/x:/a:/y", "/x", "/y", true},
		{"/a", "/aa", "", "", false},
		{"", "/a", "", "", false},
		{"/a:/b", "/b:/a", "", "", false},
		{"/a", "", "", "", false},
	} {
		front, back, is := prolonged(c.old, c.value)
		if is != c.is || is && (front != c.front || back != c.back) {
			t.Errorf("%q to %q: got %q, %q, %t", c.old, c.value, front, back, is)
		}
	}
}
