package configure_test

import (
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/stack"
)

// hostsLine are the sources of hosts in an nsswitch.conf(5).
func hostsLine(text string) []string {
	for line := range strings.Lines(text) {
		if sources, found := strings.CutPrefix(line, "hosts:"); found {
			return strings.Fields(sources)
		}
	}
	return nil
}

func testAccounts(t *testing.T, _ spec.G, it spec.S) {
	it("adds the stack's user to base-passwd's, with the shell there is", func() {
		f := system(t)
		f.apply()
		want := "root:*:0:0:root:/root:/bin/bash\nmail:*:8:8:mail:/var/mail:/usr/sbin/nologin\n" +
			"slugc:*:1000:1000:slugc:/home/slugc:/bin/bash\n"
		if diff := cmp.Diff(want, f.text("/etc/passwd")); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff("root:*:0:\nmail:*:8:\nshadow:*:42:\nslugc:*:1000:\n", f.text("/etc/group")); diff != "" {
			t.Error(diff)
		}
		if f.text("/etc/shadow") != "" {
			t.Error("expected no shadow file without the tools for it")
		}
	})

	it("lets nobody log in where there is no shell", func() {
		f := newFixture(t)
		f.apply()
		want := "root:*:0:0:root:/root:/bin/bash\nnobody:*:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n" +
			"slugc:*:1000:1000:slugc:/home/slugc:/usr/sbin/nologin\n"
		if diff := cmp.Diff(want, f.text("/etc/passwd")); diff != "" {
			t.Error(diff)
		}
	})

	it("adds nobody who is there", func() {
		f := system(t)
		f.request.User = stack.User{Name: "other", UID: 8, GID: 8, Home: "/var/mail"}
		f.apply()
		if got := f.text("/etc/passwd"); strings.Contains(got, "other") {
			t.Errorf("got %q, expected no second name for the id", got)
		}
	})

	it("sets shadow passwords up with package passwd", func() {
		f := system(t)
		f.add("passwd", nil)
		attributes := f.apply()
		if got, want := f.text("/etc/passwd"), "slugc:x:1000:1000:"; !strings.Contains(got, want) {
			t.Errorf("got %q, expected %q in it", got, want)
		}
		if diff := cmp.Diff("root:*::0:99999:7:::\nmail:*::0:99999:7:::\nslugc:*::0:99999:7:::\n", f.text("/etc/shadow")); diff != "" {
			t.Error(diff)
		}
		want := stack.Attribute{GID: 42, Mode: fs.FileMode(0o640)}
		if attributes["etc/shadow"] != want || attributes["etc/gshadow"] != want {
			t.Errorf("got %v, expected the group shadow to read it", attributes["etc/shadow"])
		}
	})
}
