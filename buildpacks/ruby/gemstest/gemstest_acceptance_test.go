//go:build acceptance

package gemstest_test

import (
	"testing"

	"github.com/slugc/slugc/buildpacks/ruby/gemstest"
)

// Debian's packages become gems with their programs, libraries and extensions.
func TestDebian(t *testing.T) {
	found := map[string]gemstest.Gem{}
	for _, g := range gemstest.Debian(t) {
		found[g.Name] = g
	}
	for name, file := range map[string]string{
		"unicorn": "lib/unicorn_http.so", "puma": "lib/puma/puma_http11.so", "rack": "lib/rack.rb", "sinatra": "lib/sinatra/base.rb",
		"raindrops": "lib/raindrops_ext.so", "rackup": "lib/rackup.rb", "rake": "exe/rake",
	} {
		if found[name].Files[file] == nil {
			t.Errorf("%s has no %s", name, file)
		}
	}
	if got := found["unicorn"]; got.Dependencies["raindrops"] != "~> 0.7" || got.Files["bin/unicorn"] == nil {
		t.Errorf("got %+v", got.Dependencies)
	}
}
