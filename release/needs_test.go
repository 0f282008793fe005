package release_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slugc/slugc/buildpacks/project"
	"github.com/slugc/slugc/release"
)

func TestSettle(t *testing.T) {
	info := "info"
	variables := []project.ConfigVar{
		{Name: "SECRET", Generator: project.SecretGenerator, Required: true},
		{Name: "LOG", Value: &info, Required: true},
		{Name: "MAIL", Required: true},
		{Name: "EXTRA"},
		{Name: "PORT", Required: true}, // every web process has it
	}
	for name, c := range map[string]struct {
		needs   release.Needs
		config  release.Config
		want    release.Settled
		missing []string
		unbound []release.Unbound
	}{
		"nothing is needed": {want: release.Settled{}},
		"what is missing": {
			needs: release.Needs{Variables: variables, Addons: []string{"heroku-postgresql", "scheduler", "papertrail"}}, config: release.Config{"LOG": "debug"},
			missing: []string{"MAIL"}, unbound: []release.Unbound{{Addon: "heroku-postgresql", Variable: "DATABASE_URL"}, {Addon: "papertrail", Variable: "PAPERTRAIL_URL"}},
		},
		"what is made and given": {
			needs: release.Needs{Variables: variables}, config: release.Config{"MAIL": ""},
			want: release.Settled{Added: release.Config{"SECRET": "made", "LOG": "info"}, Generated: []string{"SECRET"}, Given: []string{"LOG"}},
		},
		"a secret is made once": {
			needs: release.Needs{Variables: variables}, config: release.Config{"MAIL": "x", "SECRET": "old", "LOG": ""},
		},
		"add-ons by the address, and by their own name": {
			needs:  release.Needs{Addons: []string{"heroku-postgresql:mini", "papertrail", "rediscloud"}},
			config: release.Config{"DATABASE_URL": "x", "PAPERTRAIL_API_TOKEN": "x", "REDISCLOUD_URL": "x"},
		},
		"an address that is empty is none": {
			needs: release.Needs{Addons: []string{"heroku-redis"}}, config: release.Config{"REDIS_URL": ""},
			unbound: []release.Unbound{{Addon: "heroku-redis", Variable: "REDIS_URL"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := c.needs.Settle("shop", c.config, func() string { return "made" })
			if diff := cmp.Diff(c.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			lacking, is := errors.AsType[*release.NeedsError](err)
			if !is {
				lacking = &release.NeedsError{}
			}
			if diff := cmp.Diff(c.missing, lacking.Missing); diff != "" {
				t.Errorf("missing: -want +got:\n%s", diff)
			}
			if diff := cmp.Diff(c.unbound, lacking.Unbound); diff != "" {
				t.Errorf("unbound: -want +got:\n%s", diff)
			}
		})
	}
}

func TestNeedsErrorSaysWhatToType(t *testing.T) {
	err := &release.NeedsError{App: "shop", Missing: []string{"MAIL"}, Unbound: []release.Unbound{{Addon: "heroku-redis", Variable: "REDIS_URL"}}}
	want := []string{"slugc config set shop MAIL=VALUE REDIS_URL=URL", "or go without: slugc release create shop --without heroku-redis"}
	if diff := cmp.Diff(want, err.Next()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
