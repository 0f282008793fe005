package launch

import (
	"fmt"
	"path/filepath"
)

// ApplyBuildConfig changes env as the operator of a platform asks, by the files
// of the env directory in a build config directory. They follow the rules for
// the files of a layer, but for one: a file without a suffix is a default (CNB
// Platform API 0.11, "Operator-Defined Variables").
func ApplyBuildConfig(env Env, buildConfigDir string) error {
	changes, err := dirChanges(filepath.Join(buildConfigDir, "env"), setEmpty, "")
	if err != nil {
		return fmt.Errorf("the build config %s: %w", buildConfigDir, err)
	}
	env.apply(changes, "")
	return nil
}
