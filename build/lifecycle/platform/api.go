package platform

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// API is what a version of the Platform API means for a lifecycle; nothing else
// compares versions. A field is named for what is so from the version on that is
// said of it.
type API struct {
	// Version is the version in its shortest form: "0.15".
	Version string

	// SBOM (0.8): SBOM files of buildpacks are exported, cached and restored.
	SBOM bool

	// LegacyBOMFiles (0.9): the bom tables of buildpacks are files beside the
	// SBOM, and no longer in metadata.toml, the label and report.toml.
	LegacyBOMFiles bool
	// SourceDate (0.9): SOURCE_DATE_EPOCH is the image's time of creation.
	SourceDate bool
	// AnalyzerLayers (0.9): the analyzer has -launch-cache and -skip-layers.
	AnalyzerLayers bool

	// CommandList (0.10): the command of a process is a list of words.
	CommandList bool
	// Extensions (0.10): there are image extensions.
	Extensions bool
	// RestoreSkipped (0.10): the creator restores what is left to restore when it
	// is to skip layers.
	RestoreSkipped bool

	// BuildConfig (0.11): operators have a build config directory.
	BuildConfig bool
	// LauncherSBOM (0.11): the SBOM files of lifecycle and launcher are exported.
	LauncherSBOM bool
	// RebasePrevious (0.11): the rebaser has -previous-image.
	RebasePrevious bool

	// RunTOML (0.12): the run images are in run.toml, not in stack.toml.
	RunTOML bool
	// Targets (0.12): builds are for the target of the run image; stacks and
	// mixins do not count.
	Targets bool
	// History (0.12): images have a history.
	History bool
	// Layout (0.12): images can be OCI layouts.
	Layout bool
	// RebaseForce (0.12): the rebaser has -force, and rules that it is for.
	RebaseForce bool
	// ExtendRun (0.12): extensions extend and switch run images; the restorer
	// knows the daemon.
	ExtendRun bool

	// InsecureRegistries (0.13): a platform names registries without TLS.
	InsecureRegistries bool
	// StableExtensions (0.13): extensions are no experiment any more.
	StableExtensions bool
	// KeepCacheImage (0.13): the cache image that a new one replaces is not
	// deleted.
	KeepCacheImage bool
	// GeneratedPerExtension (0.13): generated Dockerfiles lie in a directory for
	// each extension.
	GeneratedPerExtension bool

	// RestoreRun (0.14): the restorer finds a run image that can be read.
	RestoreRun bool
	// CacheMetadata (0.14): metadata of cached launch layers comes from the cache
	// where the app image has none.
	CacheMetadata bool

	// System (0.15): system.toml has buildpacks around every group.
	System bool
	// ExecEnv (0.15): builds are for an execution environment.
	ExecEnv bool
}

// APIs are the supported versions of the Platform API, oldest first. None is
// deprecated.
func APIs() []string {
	return []string{"0.7", "0.8", "0.9", "0.10", "0.11", "0.12", "0.13", "0.14", "0.15"}
}

// BuildpackAPIs are the supported versions of the Buildpack API, likewise.
func BuildpackAPIs() []string { return []string{"0.7", "0.8", "0.9", "0.10", "0.11", "0.12"} }

// Exit codes of an APIError (CNB Platform API, "Outputs" of all phases).
const (
	platformAPICode  = 11
	buildpackAPICode = 12
)

// APIError says that a platform or a buildpack speaks an API that the lifecycle
// does not.
type APIError struct {
	// Action is what failed: "set platform API".
	Action string
	// Code is the exit code of the phase.
	Code int
	// Err is why; nil where Action says it all.
	Err error
}

func (e *APIError) Error() string {
	if e.Err == nil {
		return "failed to " + e.Action
	}
	return fmt.Sprintf("failed to %s: %v", e.Action, e.Err)
}

// Unwrap returns the cause.
func (e *APIError) Unwrap() error { return e.Err }

// ParseAPI is what the value of CNB_PLATFORM_API means. It returns an *APIError
// for what is no supported version.
func ParseAPI(value string) (API, error) {
	wrong := func(action string) (API, error) { return API{}, &APIError{Action: action, Code: platformAPICode} }
	if strings.TrimSpace(value) == "" {
		return wrong("get platform API version; please set 'CNB_PLATFORM_API' to specify the desired platform API version")
	}
	version, ok := normal(value)
	if !ok {
		return wrong(fmt.Sprintf("parse platform API '%s'", value))
	}
	at := slices.Index(APIs(), version)
	if at < 0 {
		return API{}, incompatiblePlatform(value)
	}
	since := func(version string) bool { return at >= slices.Index(APIs(), version) }
	v8, v9, v10, v11, v12, v13, v14, v15 := since("0.8"), since("0.9"), since("0.10"), since("0.11"), since("0.12"), since("0.13"), since("0.14"), since("0.15")
	return API{
		Version:        version,
		SBOM:           v8,
		LegacyBOMFiles: v9, SourceDate: v9, AnalyzerLayers: v9,
		CommandList: v10, Extensions: v10, RestoreSkipped: v10,
		BuildConfig: v11, LauncherSBOM: v11, RebasePrevious: v11,
		RunTOML: v12, Targets: v12, History: v12, Layout: v12, RebaseForce: v12, ExtendRun: v12,
		InsecureRegistries: v13, StableExtensions: v13, KeepCacheImage: v13, GeneratedPerExtension: v13,
		RestoreRun: v14, CacheMetadata: v14,
		System: v15, ExecEnv: v15,
	}, nil
}

func incompatiblePlatform(version string) error {
	return &APIError{
		Action: "set platform API", Code: platformAPICode,
		Err: fmt.Errorf("platform API version '%s' is incompatible with the lifecycle", version),
	}
}

// CheckBuildpackAPI says whether the lifecycle speaks the API of a buildpack or an
// extension; kind is "Buildpack" or "Extension", name is id@version. The error is
// an *APIError.
func CheckBuildpackAPI(kind, name, version string) error {
	own, ok := normal(version)
	if !ok {
		return &APIError{
			Action: fmt.Sprintf("parse buildpack API '%s' for %s '%s'", version, strings.ToLower(kind), name), Code: buildpackAPICode,
		}
	}
	if !slices.Contains(BuildpackAPIs(), own) {
		return incompatible(kind, name, version)
	}
	return nil
}

func incompatible(kind, name, version string) error {
	return &APIError{
		Action: fmt.Sprintf("set API for %s '%s'", kind, name), Code: buildpackAPICode,
		Err: fmt.Errorf("buildpack API version '%s' is incompatible with the lifecycle", version),
	}
}

var versionForm = regexp.MustCompile(`^v?(\d+)\.?(\d*)$`)

// normal is a version as MAJOR.MINOR.
func normal(version string) (string, bool) {
	parts := versionForm.FindStringSubmatch(version)
	if parts == nil {
		return "", false
	}
	numbers := make([]int, 2)
	for i, part := range parts[1:] {
		if part == "" {
			continue
		}
		n, err := strconv.Atoi(part)
		if err != nil {
			return "", false
		}
		numbers[i] = n
	}
	return fmt.Sprintf("%d.%d", numbers[0], numbers[1]), true
}
