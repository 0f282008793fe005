package buildpacks

import (
	"path"
	"path/filepath"

	"github.com/slugc/slugc/stack/launch"
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
	// Extension says that it is an image extension, which does not build but says
	// how images are to be changed (CNB Image Extension Specification).
	Extension bool `json:"-"`
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
	// Extension says that it is an image extension. A buildpack may have the same
	// id.
	Extension bool
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

// Below is a directory in it, by its path with slashes; the empty path is itself.
func (d Dir) Below(rel string) Dir {
	return Dir{Host: filepath.Join(d.Host, filepath.FromSlash(rel)), Path: path.Join(d.Path, rel)}
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
	// Output is what it printed, where it is known apart from the reason, and
	// Fault what went wrong besides the exit status.
	Output, Fault string
	// Found is what a classic buildpack calls the app that it found: "Node.js".
	Found string
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
	// Release is what a classic buildpack says of the app that it built; nil
	// where it has nothing to say it with.
	Release *Release
	// Report is what a classic buildpack tells programs about its build.
	Report Report
	// Warnings are for the person who builds: what was passed over.
	Warnings []string
}

// Release is what bin/release of a classic buildpack says besides the process
// types, which are in the contribution (Heroku Buildpack API, "bin/release").
type Release struct {
	// ConfigVars are variables that processes get where nobody sets them.
	ConfigVars map[string]string
	// Addons are services that the app wants, such as "heroku-postgresql".
	Addons []string
}

// Report is what bin/report of a classic buildpack prints: names and values
// that tell programs how the build went.
type Report map[string]any

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
