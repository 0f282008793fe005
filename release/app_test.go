package release_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/release"
)

func TestCheckApp(t *testing.T) {
	for name, good := range map[string]bool{
		"shop": true, "my-shop-2": true, "a": true, strings.Repeat("a", 30): true,
		"": false, "Shop": false, "1shop": false, "-shop": false, "shop-": false, "my_shop": false, "my shop": false,
		"shöp": false, "../shop": false, "shop/x": false, "shop\n": false, strings.Repeat("a", 31): false, "slug:x": false,
	} {
		if err := release.CheckApp(name); (err == nil) != good {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestCheckName(t *testing.T) {
	for name, good := range map[string]bool{
		"FOO": true, "_foo1": true, "a": true, "PATH": true, "PORTS": true,
		"": false, "1A": false, "A-B": false, "A B": false, "A=B": false, "ÄA": false, "A\n": false, "PORT": false, "DYNO": false, "HOME": false, "PS": false,
	} {
		if err := release.CheckName(name); (err == nil) != good {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestParseVersion(t *testing.T) {
	for text, want := range map[string]int{"v1": 1, "12": 12, "v0": 0, "v-1": 0, "": 0, "v": 0, "latest": 0, "+3": 0, "v1.2": 0} {
		got, err := release.ParseVersion(text)
		if got != want || (err == nil) != (want > 0) {
			t.Errorf("%q: %d, %v", text, got, err)
		}
	}
}

func TestDeployed(t *testing.T) {
	digest := "sha256:1a2b3c4d5e6f"
	for _, c := range []struct {
		artifact release.Artifact
		want     string
	}{
		{release.Artifact{Digest: digest, Commit: "de63889c0ffee"}, "Deploy de63889"},
		{release.Artifact{Digest: digest}, "Deploy 1a2b3c4"},
		{release.Artifact{Commit: "abc"}, "Deploy abc"},
	} {
		if got := release.Deployed(c.artifact); got != c.want {
			t.Errorf("%+v: %q, want %q", c.artifact, got, c.want)
		}
	}
	if got := release.RolledBack(46); got != "Rollback to v46" {
		t.Errorf("got %q", got)
	}
}

func TestEnv(t *testing.T) {
	r := release.Release{
		App: "shop", Number: 12, Description: "Deploy abc", Artifact: release.Artifact{Commit: "abcdef"},
		Created: time.Date(2026, 1, 2, 3, 4, 5, 6, time.FixedZone("", 3600)),
	}
	want := []string{
		"A=1", "HEROKU_APP_NAME=shop", "HEROKU_RELEASE_CREATED_AT=2026-01-02T02:04:05Z", "HEROKU_RELEASE_VERSION=v12",
		"HEROKU_SLUG_COMMIT=abcdef", "HEROKU_SLUG_DESCRIPTION=Deploy abc",
	}
	if diff := cmp.Diff(want, r.Env(release.Config{"A": "1"}).List()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
