package platform

import (
	"cmp"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/slugc/slugc/stack/launch"
)

// Phase is a phase of the lifecycle, by the name of its program.
type Phase string

// The phases (CNB Platform API, "Operations").
const (
	Analyze Phase = "analyzer"
	Detect  Phase = "detector"
	Restore Phase = "restorer"
	Build   Phase = "builder"
	Export  Phase = "exporter"
	Create  Phase = "creator"
	Rebase  Phase = "rebaser"
	Extend  Phase = "extender"
)

// Phases are all phases, in the order in which a build has them.
func Phases() []Phase {
	return []Phase{Analyze, Detect, Restore, Extend, Build, Export, Create, Rebase}
}

// Verb is the phase as a command of the program that is all phases: "create".
func (p Phase) Verb() string {
	return map[Phase]string{
		Analyze: "analyze", Detect: "detect", Restore: "restore", Build: "build", Export: "export",
		Create: "create", Rebase: "rebase", Extend: "extend",
	}[p]
}

// Inputs are all that a platform can say to the lifecycle by flags and variables. A
// phase takes what it needs from them. Defaults and meaning: CNB Platform API,
// "Inputs" of each phase.
type Inputs struct {
	API API

	Image                                       string
	PreviousImage, RunImage, DeprecatedRunImage string
	BuildImage, CacheImage                      string
	Tags, InsecureRegistries                    []string

	App, Layers, Platform, Buildpacks, Extensions, BuildConfig string
	CacheDir, LaunchCache, Generated, Extended, LayoutDir      string
	Launcher, LauncherSBOM                                     string

	Analyzed, Group, Plan, Order, System, Run, Stack, Project, Report string

	Process, ExecEnv, ExtendKind, LogLevel      string
	Daemon, Layout, SkipLayers, Parallel, Force bool
	NoColor                                     bool
	UID, GID                                    int
	KanikoTTL                                   time.Duration

	// envRunImage is what CNB_RUN_IMAGE says, which some phases take from nowhere
	// else.
	envRunImage string
}

// Directories and files of a builder (CNB Platform API, "Build Image").
const (
	lifecycleDir  = "/cnb/lifecycle"
	orderTOML     = "/cnb/order.toml"
	defaultTTL    = 14 * 24 * time.Hour
	defaultExtend = "build"
	// layersMark stands for the layers directory until flags are read.
	layersMark = "<layers>"
)

// FromEnv reads the variables of a platform, over the defaults. Flags are to be
// parsed over that, and then Resolve to be called.
func FromEnv(api API, environ []string) Inputs {
	env := launch.NewEnv(environ)
	either := func(name, other string) string { return cmp.Or(env[name], other) }
	below := func(name, file string) string { return cmp.Or(env[name], path.Join(layersMark, file)) }
	truth := func(name string) bool { b, err := strconv.ParseBool(env[name]); return err == nil && b }
	number := func(name string) int {
		n, err := strconv.Atoi(env[name])
		if err != nil {
			return 0
		}
		return n
	}
	i := Inputs{
		API: api, PreviousImage: env["CNB_PREVIOUS_IMAGE"], RunImage: env["CNB_RUN_IMAGE"], envRunImage: env["CNB_RUN_IMAGE"],
		BuildImage: env["CNB_BUILD_IMAGE"], CacheImage: env["CNB_CACHE_IMAGE"],
		App: either("CNB_APP_DIR", "/workspace"), Layers: either("CNB_LAYERS_DIR", "/layers"), Platform: either("CNB_PLATFORM_DIR", "/platform"),
		Buildpacks: either("CNB_BUILDPACKS_DIR", "/cnb/buildpacks"), Extensions: either("CNB_EXTENSIONS_DIR", "/cnb/extensions"),
		BuildConfig: either("CNB_BUILD_CONFIG_DIR", "/cnb/build-config"),
		CacheDir:    env["CNB_CACHE_DIR"], LaunchCache: env["CNB_LAUNCH_CACHE_DIR"], LayoutDir: env["CNB_LAYOUT_DIR"],
		Generated: below("CNB_GENERATED_DIR", "generated"), Extended: below("CNB_EXTENDED_DIR", "extended"),
		Launcher: path.Join(lifecycleDir, "launcher"), LauncherSBOM: lifecycleDir,
		Analyzed: below("CNB_ANALYZED_PATH", "analyzed.toml"), Group: below("CNB_GROUP_PATH", "group.toml"),
		Plan: below("CNB_PLAN_PATH", "plan.toml"), Order: below("CNB_ORDER_PATH", "order.toml"),
		Project: below("CNB_PROJECT_METADATA_PATH", "project-metadata.toml"), Report: below("CNB_REPORT_PATH", "report.toml"),
		System: either("CNB_SYSTEM_PATH", "/cnb/system.toml"), Run: either("CNB_RUN_PATH", "/cnb/run.toml"), Stack: either("CNB_STACK_PATH", "/cnb/stack.toml"),
		Process: env["CNB_PROCESS_TYPE"], ExecEnv: either("CNB_EXEC_ENV", "production"), ExtendKind: either("CNB_EXTEND_KIND", defaultExtend),
		LogLevel: either("CNB_LOG_LEVEL", "info"), NoColor: truth("CNB_NO_COLOR"),
		Daemon: truth("CNB_USE_DAEMON"), Layout: truth("CNB_USE_LAYOUT"), Parallel: truth("CNB_PARALLEL_EXPORT"), Force: truth("CNB_FORCE_REBASE"),
		SkipLayers: truth("CNB_SKIP_LAYERS") || truth("CNB_SKIP_RESTORE"),
		UID:        number("CNB_USER_ID"), GID: number("CNB_GROUP_ID"), KanikoTTL: defaultTTL,
	}
	if ttl, err := time.ParseDuration(env["CNB_KANIKO_CACHE_TTL"]); err == nil {
		i.KanikoTTL = ttl
	}
	if list := env["CNB_INSECURE_REGISTRIES"]; list != "" {
		i.InsecureRegistries = strings.Split(list, ",")
	}
	return i
}

// Destinations are the names that the image is to have, each once.
func (i *Inputs) Destinations() []string { return once(append([]string{i.Image}, i.Tags...)) }

// Images are all images that the inputs name, each once.
func (i *Inputs) Images() []string {
	return once(append(i.Destinations(), i.PreviousImage, i.BuildImage, i.RunImage, i.DeprecatedRunImage, i.CacheImage))
}

// once are the texts that are not empty, each once.
func once(texts []string) []string {
	var all []string
	seen := map[string]bool{"": true}
	for _, text := range texts {
		if !seen[text] {
			seen[text] = true
			all = append(all, text)
		}
	}
	return all
}
