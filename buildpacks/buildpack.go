package buildpacks

import (
	"io"
	"time"

	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/launch"
	"github.com/slugc/slugc/stack/sandbox"
)

// Dialect is the contract that a buildpack follows.
type Dialect string

// The two dialects.
const (
	CNB     Dialect = "cnb"
	Classic Dialect = "classic"
)

// Descriptor says who a buildpack is.
type Descriptor struct {
	ID      string  `json:"id"`
	Version string  `json:"version"`
	Dialect Dialect `json:"dialect"`
	// API is the Buildpack API of a CNB, empty for a classic buildpack.
	API      string `json:"api,omitempty"`
	Name     string `json:"-"`
	Homepage string `json:"-"`
	// Targets are what it builds for; without any it builds for everything
	// (CNB Buildpack API 0.10, "Targets").
	Targets []Target `json:"-"`
	// ExecEnvs are the execution environments it is for, such as "production"
	// and "test"; without any it is for all (CNB Buildpack API 0.12,
	// "Execution Environments").
	ExecEnvs []string `json:"-"`
}

// String is the descriptor as id@version, or the id alone where there is no
// version.
func (d Descriptor) String() string {
	if d.Version == "" {
		return d.ID
	}
	return d.ID + "@" + d.Version
}

// Order is the groups to try, in order; the first that passes builds
// (CNB Buildpack API, "Order Resolution"). A classic list of buildpacks is an
// order of groups of one.
type Order []Group

// Group is buildpacks that build together, in order.
type Group []Member

// Member is a place in a group.
type Member struct {
	ID       string
	Version  string
	Optional bool
	// ExecEnvs are the execution environments in which it stands there; the
	// zero value is all (CNB Buildpack API 0.12, "Order").
	ExecEnvs ExecEnvs
}

// Composite is a buildpack that is an order of others, and runs nothing itself
// (CNB Buildpack API, "Order Buildpacks"; a meta-buildpack).
type Composite struct {
	Descriptor
	Order Order
}

// Dir is a directory that buildpacks see at a fixed path.
type Dir struct {
	// Host is where the directory is on this machine.
	Host string
	// Path is the absolute path at which buildpacks and processes see it.
	Path string
}

// Site is the place where the buildpacks of one build work. It is the same
// value for every buildpack and does not change.
type Site struct {
	Stack  stack.Stack
	Runner sandbox.Runner
	App    Dir
	Layers Dir
	// Platform holds what the person who builds hands in: env/NAME files with
	// build-time variables, and bindings (CNB Platform API, "Platform
	// directory").
	Platform Dir
	// Temp is private scratch space of the build scripts, shown as /tmp.
	Temp Dir
	// Scratch is a directory on this machine for what goes between slugc and
	// single scripts.
	Scratch string
	// Env is the build-time environment from the person who builds; it is
	// also in Platform.
	Env map[string]string
	// ExecEnv is the execution environment that is built for, "production"
	// when empty (CNB Platform API 0.15, "CNB_EXEC_ENV").
	ExecEnv string
	// Bindings are directories on this machine with service bindings, one
	// directory for each in it, by the name under which buildpacks see them
	// (servicebinding.io, "Workload Projection").
	Bindings map[string]string
	// BuildConfig is a directory on this machine whose env directory has the
	// operator's variables, which come last; empty for none (CNB Platform API
	// 0.11, "Operator-Defined Variables").
	BuildConfig string
	// Offline cuts the network while buildpacks build.
	Offline bool
	// BuildTimeout ends a build script that hangs; zero waits for ever.
	BuildTimeout time.Duration
	// Output receives what buildpacks print while they build, line by line.
	Output io.Writer
}

// Requirement is a dependency that a buildpack asks for in the build plan.
type Requirement struct {
	Name     string         `toml:"name" json:"name"`
	Metadata map[string]any `toml:"metadata,omitempty" json:"metadata,omitempty"`
}

// Alternative is one of the build plans that a buildpack offers
// (CNB Buildpack API, "Build Plan").
type Alternative struct {
	Provides []string
	Requires []Requirement
}

// Verdict is what a detection came to.
type Verdict string

// The verdicts. An error is a verdict of its own: a broken file must not read
// as "another language". Skip is said of a buildpack that nobody had to ask.
const (
	Pass  Verdict = "pass"
	Fail  Verdict = "fail"
	Error Verdict = "error"
	Skip  Verdict = "skip"
)

// Detection is the answer of one buildpack that was asked whether it can
// build the app.
type Detection struct {
	Verdict Verdict
	// Plans are the alternatives it offers, best first; none means that it
	// neither provides nor requires anything.
	Plans []Alternative
	// Reason is what it printed, or what went wrong: the words that tell a
	// person why.
	Reason string
	// Code is the exit status of the detect script, -1 if it did not end by
	// itself.
	Code int
}

// Job is what one buildpack is to build.
type Job struct {
	// Plan are the requirements that it met in the chosen group.
	Plan []Requirement
	// Env is the build environment that the buildpacks before it made.
	Env launch.Env
}

// Layer is a directory that a buildpack adds to the build
// (CNB Buildpack API, "Layer Types").
type Layer struct {
	Buildpack string
	Name      string
	Dir       Dir
	// Build layers are seen by later buildpacks, Launch layers by processes,
	// Cache layers by the next build.
	Build, Launch, Cache bool
	Metadata             map[string]any
}

// ID is the layer's name in messages and records: <buildpack>:<layer>.
func (l Layer) ID() string { return l.Buildpack + ":" + l.Name }

// Label is a label for the image.
type Label struct {
	Key   string `toml:"key"`
	Value string `toml:"value"`
}

// Contribution is what one buildpack added to a build.
type Contribution struct {
	Layers    []Layer
	Processes []launch.Process
	Labels    []Label
	// Slices are globs, relative to the app directory, of files that become
	// image layers of their own.
	Slices [][]string
	// Unmet are names of plan entries that pass on to the next provider.
	Unmet []string
	// Store is persistent metadata for the buildpack's next build.
	Store map[string]any
	// SBOM are the files with which the buildpack says what it brought.
	SBOM []SBOM
	// LaunchBOM and BuildBOM are what it says so in the tables that SBOM files
	// have replaced.
	LaunchBOM, BuildBOM []BOMEntry
	// Warnings are for the person who builds: what was passed over.
	Warnings []string
}

// BOMEntry is a dependency that a buildpack brought, in the form of old APIs
// (CNB Buildpack API, "launch.toml (TOML) bom Array").
type BOMEntry struct {
	Name      string         `json:"name"`
	Metadata  map[string]any `json:"metadata"`
	Buildpack BOMAuthor      `json:"buildpack"`
}

// BOMAuthor is the buildpack that says so.
type BOMAuthor struct {
	ID      string `json:"id"`
	Version string `json:"version"`
}

// SBOM is a file that says what a layer, or a build, or all launch layers of a
// buildpack hold (CNB Buildpack API, "Software-Bill-of-Materials").
type SBOM struct {
	// Buildpack is the id of the buildpack that wrote it.
	Buildpack string
	// Layer is the layer; empty for one of the whole buildpack.
	Layer string
	// Scope is "launch", "build" or "cache": where it goes.
	Scope string
	// Format is the end of the file's name: "cdx.json", "spdx.json" or
	// "syft.json".
	Format string
	// File is where it is on this machine.
	File string
}
