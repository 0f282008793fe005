package launch

// Process is a process type of an app and how it starts
// (CNB Platform API, "metadata.toml"; Buildpack API, "launch.toml").
type Process struct {
	// Type names the process type: web, worker, release, ...
	Type string `toml:"type" json:"type"`
	// Command is the command and the arguments that a user never replaces.
	// For a process that is not direct it is one element: a line for the shell.
	Command Command `toml:"command" json:"command"`
	// Args are the default arguments; a user's own arguments replace them.
	Args []string `toml:"args,omitempty" json:"args,omitempty"`
	// Direct processes start without a shell.
	Direct bool `toml:"direct" json:"direct"`
	// Default marks the process that starts when none is named.
	Default bool `toml:"default,omitempty" json:"default,omitempty"`
	// WorkingDirectory is the app directory when empty.
	WorkingDirectory string `toml:"working-dir,omitempty" json:"working-dir,omitempty"`
	// ExecEnv lists the execution environments (production, test, ...) in
	// which the process exists; empty means all (Buildpack API 0.12).
	ExecEnv []string `toml:"exec-env,omitempty" json:"exec-env,omitempty"`
	// BuildpackID is the buildpack that declared the process.
	BuildpackID string `toml:"buildpack-id,omitempty" json:"buildpackID,omitempty"`
}

// Metadata is the launch side of a finished build, kept as
// <layers>/config/metadata.toml (CNB Platform API, "metadata.toml").
type Metadata struct {
	DefaultProcess string      `toml:"buildpack-default-process-type,omitempty"`
	Buildpacks     []Buildpack `toml:"buildpacks"`
	Processes      []Process   `toml:"processes"`
}

// Buildpack is one of the buildpacks of a build, in build order. The order
// decides whose layers come first in the environment.
type Buildpack struct {
	ID      string `toml:"id" json:"id"`
	Version string `toml:"version" json:"version"`
	// API is the Buildpack API, empty for a classic buildpack.
	API      string `toml:"api" json:"api,omitempty"`
	Homepage string `toml:"homepage,omitempty" json:"homepage,omitempty"`
}
