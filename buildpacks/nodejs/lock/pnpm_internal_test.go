package lock

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPNPMLocks(t *testing.T) {
	ms := Manifest{Dependencies: map[string]string{"ms": "^2.1.0"}}
	for name, test := range map[string]struct {
		lock, dir string
		m         Manifest
		want      []string
	}{
		"version 9":        {"lockfileVersion: '9.0'\nimporters:\n  .:\n    dependencies:\n      ms:\n        specifier: ^2.1.0\n        version: 2.1.3\npackages:\n  broken: [\n", "", ms, nil},
		"after a document": {"---\nlockfileVersion: '9.0'\nimporters:\n  .: {}\n---\nlockfileVersion: '9.0'\nimporters:\n  .:\n    dependencies:\n      ms:\n        specifier: ^2.1.0\n        version: 2.1.3\n", "", ms, nil},
		"version 6":        {"lockfileVersion: '6.0'\ndependencies:\n  ms:\n    specifier: ^2.1.0\n    version: 2.1.3\npackages:\n", "", ms, nil},
		"version 5.4":      {"lockfileVersion: 5.4\nspecifiers:\n  ms: ^2.1.0\ndependencies:\n  ms: 2.1.3\npackages:\n", "", ms, nil},
		"a workspace":      {"lockfileVersion: '9.0'\nimporters:\n  .: {}\n  packages/a:\n    devDependencies:\n      ms:\n        specifier: ^2.0.0\n        version: 2.1.3\n", "packages/a", ms, []string{"ms: packages/a/package.json wants ^2.1.0, pnpm-lock.yaml was made for ^2.0.0"}},
		"one too many":     {"lockfileVersion: '9.0'\nimporters:\n  .:\n    dependencies:\n      ms:\n        specifier: ^2.0.0\n        version: 2.1.3\n", "", Manifest{}, []string{"ms: pnpm-lock.yaml has it, package.json does not want it any more"}},
		"overrides":        {"lockfileVersion: '9.0'\noverrides:\n  ms@<3: 2.1.3\nimporters:\n  .:\n    dependencies:\n      ms:\n        specifier: 2.1.3\n        version: 2.1.3\n", "", ms, nil},
		"a peer":           {"lockfileVersion: '9.0'\nimporters:\n  .:\n    dependencies:\n      ms:\n        specifier: '*'\n        version: 2.1.3\n", "", Manifest{PeerDependencies: map[string]string{"ms": "*"}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := ReadPNPM([]byte(test.lock), false)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, l.Differences(test.dir, test.m)); diff != "" {
				t.Error(diff)
			}
		})
	}
	sums := pnpmSums([]byte("packages:\n\n  '@scope/a@1.0.0':\n    resolution: {integrity: sha512-abc, tarball: x}\n\n  /ms@2.1.3:\n    resolution: {integrity: sha512-def}\n    dev: false\n"))
	if diff := cmp.Diff(map[string]string{"@scope/a@1.0.0": "sha512-abc", "ms@2.1.3": "sha512-def"}, sums); diff != "" {
		t.Error(diff)
	}
}

func TestPNPMDeprecated(t *testing.T) {
	const text = `lockfileVersion: '9.0'

packages:

  '@acme/pad@2.0.0':
    resolution: {integrity: sha512-a}
    deprecated: 'it''s old: use another'
    engines: {node: '>=4'}

  left-pad@1.3.0:
    resolution: {integrity: sha512-b}
    deprecated: |-
      use padStart,
      which is better

  /older/1.0.0:
    resolution: {integrity: sha512-c}
    deprecated: gone
    dev: false

  fine@1.0.0:
    resolution: {integrity: sha512-d}

snapshots:

  left-pad@1.3.0: {}
`
	want := []Deprecation{{"@acme/pad", "2.0.0", "it's old: use another"}, {"left-pad", "1.3.0", "use padStart, which is better"}, {"older", "1.0.0", "gone"}}
	if diff := cmp.Diff(want, pnpmDeprecated([]byte(text))); diff != "" {
		t.Error(diff)
	}
	if got := pnpmDeprecated([]byte(pnpmDeprecatedNone)); got != nil {
		t.Errorf("got %v", got)
	}
}

const pnpmDeprecatedNone = "lockfileVersion: '9.0'\n\npackages:\n\n  a@1.0.0:\n    resolution: {integrity: sha512-a}\n"
