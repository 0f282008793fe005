package nodejs

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/slugc/slugc/buildpacks/nodejs/lock"
)

// driver knows how the package manager of an app is told what to do.
type driver struct {
	manager manager
	// member is the app's directory in its workspace, "" for the root.
	member string
	// whole tells that it installs for all of a workspace, whoever asks.
	whole bool
	// below tells that the app is below a workspace and none of its members.
	below bool
	// berry tells whether it is Yarn 2 or later, pnp whether that leaves packages
	// in their archives.
	berry, pnp bool
	// runsNode tells whether Node.js runs what is started, which it does not for an
	// app of Bun that does not ask for it.
	runsNode bool
	// program is the command, home where a part of its own lies.
	program string
	version string
}

func newDriver(a app) driver {
	return driver{
		manager: a.choice.manager, member: a.root.member, below: a.root.below,
		// Versions of Bun that write the binary lock file do not all know better.
		whole: a.choice.manager == yarnManager || a.choice.lock == lock.BunBinaryFile,
		berry: a.choice.berry, pnp: a.choice.berry && a.yarn.plugAndPlay(), runsNode: a.needsNode(),
	}
}

// focuses tells whether the package manager installs for the app alone and for
// what that depends on, not for all of the workspace.
func (d driver) focuses() bool { return d.member != "" && !d.whole }

// install are the arguments that install what the lock file says, and nothing
// else. Dev adds what only development needs. Yarn 2 and later always adds it.
// The root's own packages come along: tools for all members are often there.
func (d driver) install(dev bool) []string {
	arguments := d.installAll(dev)
	switch {
	case d.below && d.manager == pnpmManager:
		return append(arguments, "--ignore-workspace")
	case d.below && d.manager == npmManager:
		return append(arguments, "--workspaces=false")
	case !d.focuses():
	case d.manager == pnpmManager:
		return append(arguments, "--filter={.}", "--filter={"+d.member+"}...")
	case d.manager == bunManager:
		return append(arguments, "--filter=./", "--filter=./"+d.member)
	default:
		return append(arguments, "--workspace="+d.member, "--include-workspace-root")
	}
	return arguments
}

// installAll are those of install for all of a workspace.
func (d driver) installAll(dev bool) []string {
	switch {
	case d.berry:
		return []string{"install", "--immutable"}
	case d.manager == yarnManager && dev:
		return []string{"install", "--frozen-lockfile", "--production=false"}
	case d.manager == yarnManager:
		return []string{"install", "--frozen-lockfile", "--production=true"}
	case d.manager == pnpmManager && dev:
		return []string{"install", "--frozen-lockfile", "--prod=false"}
	case d.manager == pnpmManager:
		return []string{"install", "--frozen-lockfile", "--prod"}
	case d.manager == bunManager && dev:
		return []string{"install", "--frozen-lockfile"}
	case d.manager == bunManager:
		return []string{"install", "--frozen-lockfile", "--production"}
	case dev:
		return []string{"ci", "--include=dev"}
	}
	return []string{"ci", "--omit=dev"}
}

// quiet are further arguments of an installation, which say nothing of what is
// installed.
func (d driver) quiet() []string {
	switch {
	case d.berry:
		return nil
	case d.manager == yarnManager:
		return []string{"--non-interactive", "--no-progress", "--prefer-offline", "--ignore-engines"}
	case d.manager == pnpmManager:
		// With less, it does not say whose install script failed.
		return []string{"--prefer-offline", "--reporter=append-only", "--loglevel=info"}
	case d.manager == bunManager:
		return []string{"--no-progress", "--no-summary"}
	}
	return []string{"--prefer-offline"}
}

// lifecycle are the scripts of a directory of the app that belong to an
// installation, in order.
func (d driver) lifecycle(m manifest) []string {
	if !d.berry {
		return m.lifecycleScripts()
	}
	return slices.DeleteFunc(m.lifecycleScripts(), func(name string) bool {
		return name != "preinstall" && name != "install" && name != "postinstall"
	})
}

// hooks tells whether running a script also runs those that are called after it:
// prebuild and postbuild for build.
func (d driver) hooks() bool { return !d.berry }

// start is the command of a process that runs the start script. A script that
// is one plain command starts without a package manager in between, which would
// take memory, and not every one of them hands on the signal to stop, or ends well
// then.
func (d driver) start(m manifest) []string {
	if m.Scripts["prestart"] == "" && m.Scripts["poststart"] == "" && !d.pnp {
		// Without Node.js, Bun stands in for it, but only where it starts a script.
		words := plainCommand(m.Scripts["start"])
		if words != nil && (d.manager != bunManager || d.runsNode || words[0] == "bun") {
			return words
		}
	}
	switch {
	case d.manager == bunManager:
		return []string{"bun", "run", "start"}
	case d.manager == yarnManager && !d.berry:
		// Yarn 1 ends at once when it is told to end, and does not wait for what it
		// started.
		line := m.Scripts["start"]
		if m.Scripts["prestart"] != "" {
			line = "yarn run prestart && " + line
		}
		return []string{"bash", "-c", line}
	}
	return []string{string(d.manager), "start"}
}

var (
	// plainWord is a word that is the same to a shell and without one.
	plainWord = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_@%+:,./-]+$`) })
	// settingWord sets a variable for the command behind it.
	settingWord = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*=[A-Za-z0-9_@%+:,./-]*$`) })
	// ofShell are commands that only a shell has, and package managers, which run
	// another script.
	ofShell = []string{"cd", "eval", "exec", "export", "set", "source", ".", "ulimit", "umask", "wait",
		"npm", "npx", "yarn", "pnpm", "pnpx", "bunx", "corepack"}
)

// plainCommand is a script as the words of one command, with env in front where
// it sets variables; nil for any other script.
func plainCommand(script string) []string {
	words := strings.Fields(script)
	if len(words) > 0 && words[0] == "exec" {
		words = words[1:]
	}
	settings := 0
	for settings < len(words) && settingWord().MatchString(words[settings]) {
		settings++
	}
	if settings == len(words) || slices.Contains(ofShell, words[settings]) {
		return nil
	}
	for _, word := range words[settings:] {
		if strings.HasPrefix(word, "-") {
			word = strings.ReplaceAll(word, "=", "")
		}
		if !plainWord().MatchString(word) {
			return nil
		}
	}
	if settings > 0 {
		return append([]string{"env"}, words...)
	}
	return words
}

// node is the command of a process that runs a file.
func (d driver) node(file string) []string {
	switch {
	case d.pnp:
		return []string{"yarn", "node", file}
	case !d.runsNode:
		return []string{"bun", "run", file}
	}
	return []string{"node", file}
}

// runtime is the version of what runs the app's tools.
func (d driver) runtime(t toolchain) string {
	if t.node.Version == "" {
		return d.version
	}
	return t.node.Version
}

// name is the command without its directory.
func (d driver) name() string { return filepath.Base(d.program) }

// cacheLayer is the layer of the packages as they came.
func (d driver) cacheLayer() string { return string(d.manager) + "-cache" }

// settings are the files and directories of an app that decide what the package
// manager installs, beside package.json and the lock file.
func (d driver) settings() []string {
	switch d.manager {
	case yarnManager:
		return []string{".npmrc", yarnClassicSettingsFile, yarnSettingsFile, "patches", ".yarn/patches", ".yarn/plugins"}
	case pnpmManager:
		return []string{".npmrc", pnpmWorkspaceFile, ".pnpmfile.cjs", ".pnpmfile.mjs", "patches"}
	case bunManager:
		return []string{".npmrc", "bunfig.toml", "patches"}
	}
	return []string{".npmrc", "patches"}
}

// variable tells whether an environment variable is a setting of the package
// manager, and gives it a common spelling.
func (d driver) variable(name string) (setting string, is bool) {
	prefixes := []string{"npm_config_"}
	switch d.manager {
	case yarnManager:
		prefixes = append(prefixes, "yarn_")
	case pnpmManager:
		prefixes = append(prefixes, "pnpm_config_", "pnpm_")
	case bunManager:
		prefixes = append(prefixes, "bun_")
	}
	lower := strings.ToLower(name)
	for _, prefix := range prefixes {
		if setting, found := strings.CutPrefix(lower, prefix); found {
			return setting, true
		}
	}
	return "", false
}

// launchEnv is what the package manager is told when it starts a process: to run
// what it is asked to run, and to change nothing.
func (d driver) launchEnv() map[string]string {
	switch d.manager {
	case yarnManager:
		return map[string]string{"YARN_IGNORE_PATH": "1", "SKIP_YARN_COREPACK_CHECK": "1", "YARN_ENABLE_TELEMETRY": "0"}
	case pnpmManager:
		return map[string]string{
			"npm_config_verify_deps_before_run": "false", "pnpm_config_verify_deps_before_run": "false",
			"npm_config_manage_package_manager_versions": "false", "pnpm_config_pm_on_fail": "ignore",
			"npm_config_update_notifier": "false", "pnpm_config_update_notifier": "false",
		}
	}
	return nil
}
