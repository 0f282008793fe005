package lock

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const npmLock = `{"lockfileVersion": 3, "packages": {
	"": {"dependencies": {"a": "^1.0.0"}, "devDependencies": {"tool": "2"}},
	"node_modules/a": {"version": "1.2.0", "integrity": "sha512-a", "resolved": "https://npm.example.com/a-1.2.0.tgz", "dependencies": {"b": "1"}, "deprecated": "use\n  c"},
	"node_modules/a/node_modules/b": {"version": "1.0.0", "integrity": "sha512-b", "name": "@acme/b"},
	"node_modules/b": {"version": "2.0.0", "integrity": "sha512-c", "os": ["!linux"]},
	"node_modules/git": {"version": "1.0.0", "integrity": "sha512-d", "resolved": "git+ssh://git.example.com/git"},
	"node_modules/tool": {"version": "2.1.0", "integrity": "sha512-e", "dev": true, "deprecated": "old"},
	"node_modules/member": {"resolved": "packages/member", "link": true},
	"packages/member": {"version": "1.0.0", "deprecated": "by its author", "dependencies": {"b": "2"}}
}}`

func TestNPM(t *testing.T) {
	l, err := ReadNPM(NPMFile, []byte(npmLock))
	if err != nil {
		t.Fatal(err)
	}
	places := func(dev bool) []string { return slices.Sorted(maps.Keys(l.Fetchable("x64", dev))) }
	reached := slices.Sorted(maps.Keys(l.Reached("")))
	for _, test := range []struct{ what, got, want any }{
		{"workspaces", l.Workspaces(), []string{"packages/member"}},
		{"what a registry has", places(true), []string{"node_modules/a", "node_modules/a/node_modules/b", "node_modules/tool"}},
		{"that of processes", places(false), []string{"node_modules/a", "node_modules/a/node_modules/b"}},
		{"the name of an alias", l.Fetchable("x64", false)["node_modules/a/node_modules/b"].Name, "@acme/b"},
		{"what the root needs", reached, []string{"", "node_modules/a", "node_modules/a/node_modules/b", "node_modules/tool"}},
		{"what a member needs", l.Reached("packages/member"), map[string]bool{"packages/member": true, "node_modules/b": true}},
		{"deprecated", l.Deprecated(), []Deprecation{{"a", "1.2.0", "use c"}}},
		{"for development", l.HasDev(), true},
		{"install scripts", l.MayCompile(), false},
		{"in step", l.Differences("", Manifest{Dependencies: map[string]string{"a": "^1.1.0", "member": "*"}}), []string(nil)},
		{"out of step", l.Differences("packages/member", Manifest{Dependencies: map[string]string{"b": "^3", "c": "1"}, OptionalDependencies: map[string]string{"d": "1"}}), []string{
			"b: packages/member/package.json wants ^3, package-lock.json has 2.0.0", "c: packages/member/package.json wants 1, package-lock.json does not have it",
		}},
	} {
		if diff := cmp.Diff(test.want, test.got); diff != "" {
			t.Errorf("%s: %s", test.what, diff)
		}
	}
}
