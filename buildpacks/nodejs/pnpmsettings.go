package nodejs

import "github.com/slugc/slugc/buildpacks/language/appfile"

// pnpmWorkspaceFile has the settings of pnpm, and says where workspaces are.
const pnpmWorkspaceFile = "pnpm-workspace.yaml"

// pnpmSettings are what pnpm-workspace.yaml says, as far as a build needs it.
type pnpmSettings struct {
	Packages              []string       `yaml:"packages"`
	SharedLock            *bool          `yaml:"sharedWorkspaceLockfile"`
	OnlyBuiltDependencies []string       `yaml:"onlyBuiltDependencies"`
	AllowBuilds           map[string]any `yaml:"allowBuilds"`
	DangerouslyAllowAll   bool           `yaml:"dangerouslyAllowAllBuilds"`
	MinimumReleaseAge     *int           `yaml:"minimumReleaseAge"`
}

// pnpmSettingsOf reads the pnpm-workspace.yaml of a directory, if there is one.
func pnpmSettingsOf(dir string) (pnpmSettings, error) {
	var s pnpmSettings
	there, err := appfile.Exists(dir, pnpmWorkspaceFile)
	if err != nil || !there {
		return s, err
	}
	data, err := appfile.Read(dir, pnpmWorkspaceFile)
	if err != nil {
		return s, err
	}
	return s, appfile.YAML(pnpmWorkspaceFile, data, &s)
}
