package main

import (
	"bytes"
	"strings"
	"testing"
)

// slugc runs a command in the home of a pusher.
func (p pusher) slugc(args ...string) (code int, stdout, stderr string) {
	p.t.Helper()
	var out, errOut bytes.Buffer
	code = run(p.t.Context(), args, strings.NewReader(""), &out, &errOut, []string{"HOME=" + p.dir, "USER=ada"})
	return code, out.String(), errOut.String()
}

// TestReleaseImage: what is pushed is released in one go, by its digest. It stays
// what it was when somebody pushes another to its tag.
func TestReleaseImage(t *testing.T) {
	registry, p := newWatched(t), newPusher(t)
	dest := "docker://" + registry.host + "/shop:latest"
	code, stdout, stderr := p.run("cache", "-o", dest, "--app", "shop", "--release")
	if code != 0 || !strings.Contains(stdout, "Done, v1") || strings.Contains(stderr, "record is not that of") {
		t.Fatalf("exit code %d\n%s%s", code, stdout, stderr)
	}
	if code, stdout, stderr = p.slugc("release", "create", "shop", "--image", dest, "--description", "by hand"); code != 0 {
		t.Fatalf("exit code %d\n%s%s", code, stdout, stderr)
	}
	_, first, _ := p.slugc("release", "show", "shop", "v1")
	_, second, _ := p.slugc("release", "show", "shop", "v2")
	image := func(text string) string {
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, "Image:") {
				return line
			}
		}
		return ""
	}
	if image(first) == "" || image(first) != image(second) || !strings.Contains(first, dest+" sha256:") {
		t.Errorf("one image is released as\n%s and as\n%s", first, second)
	}
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"--image", "docker://" + registry.host + "/none"}, "image docker://" + registry.host + "/none: "},
		{[]string{"--image", dest, "--description", "two\nlines"}, "expected one line of at most 200 bytes"},
		{[]string{"--image", dest, "--metadata", p.dir + "/none.json"}, "no such file"},
	} {
		code, stdout, stderr := p.slugc(append([]string{"release", "create", "shop"}, c.args...)...)
		if code != 2 || !strings.Contains(stderr, c.says) {
			t.Errorf("%q: exit code %d\n%s%s", c.args, code, stdout, stderr)
		}
	}
}
