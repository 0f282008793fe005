//go:build acceptance

package build_test

import (
	"testing"

	"github.com/slugc/slugc/build/pack"
)

// TestManyFiles builds a layer of 200 000 files.
func TestManyFiles(t *testing.T) {
	dir := t.TempDir()
	put(t, "api = \"0.10\"\n[buildpack]\nid = \"test/large\"\nversion = \"1\"\n", 0o644, dir, "buildpack.toml")
	put(t, "#!/bin/sh\n", 0o755, dir, "bin/detect")
	put(t, `#!/bin/bash
set -eu
cd "$1"
mkdir -p large/{0..99} large/env.build
for d in {0..99}; do (cd large/$d && seq 2000 | xargs touch); done
printf '[types]\nbuild = true\nlaunch = true\ncache = true\n' >large.toml
`, 0o755, dir, "bin/build")
	tree := newWorkshop(t).build(dir)
	index, err := pack.Walk(t.Context(), tree.LaunchLayers[0].Dir.Host, pack.WalkOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(index) < 200_000 {
		t.Errorf("the layer has %d entries", len(index))
	}
}
