package cnb

import (
	"cmp"
	"maps"
	"path"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/launch"
)

// environment is what a script of the buildpack finds in its environment (CNB
// Buildpack API, "Environment"), from the weakest to the strongest:
//
//   - PATH, HOME, and the proxies that the person names, or in their place what
//     the platform passes on (Site.Base), as the reference does;
//   - what the layers of the buildpacks before it made of that: made, if any;
//   - the person's variables, unless the buildpack wants none of them;
//   - the operator's;
//   - what the specification reserves, with the paths of this script, and where
//     the whole source is for an app in a directory of it;
//   - what slugc sets for its own buildpacks.
func (b *Buildpack) environment(site buildpacks.Site, made launch.Env, paths map[string]string) ([]string, error) {
	env := site.Base.Clone()
	if site.Base == nil {
		env = launch.Env{"PATH": stack.DefaultPath}
		maps.Copy(env, site.Proxies())
	}
	maps.Copy(env, made)
	if site.Base == nil {
		env["HOME"] = cmp.Or(env["HOME"], home)
	}
	if !b.clearEnv {
		for name, value := range site.Env {
			if old := env[name]; listVariable(name) && old != "" {
				value += ":" + old
			}
			env[name] = value
		}
	}
	if site.BuildConfig != "" {
		if err := launch.ApplyBuildConfig(env, site.BuildConfig); err != nil {
			return nil, err
		}
	}
	maps.Copy(env, b.reserved(site))
	maps.Copy(env, site.SourceDir())
	maps.Copy(env, paths)
	maps.Copy(env, b.Env)
	return env.List(), nil
}

// home is the home directory of scripts: it is theirs to write, and no part of
// what they build.
const home = "/tmp"

// reserved are the variables of the specification that every script gets. The
// directories are there for all APIs, from which 0.7 expects no more than the
// first.
func (b *Buildpack) reserved(site buildpacks.Site) map[string]string {
	own := "CNB_BUILDPACK_DIR"
	if b.descriptor.Extension {
		own = "CNB_EXTENSION_DIR"
	}
	env := map[string]string{own: b.root(site), "CNB_PLATFORM_DIR": site.Platform.Path}
	if len(site.Bindings) > 0 {
		env["SERVICE_BINDING_ROOT"] = path.Join(site.Platform.Path, "bindings")
	}
	optional := map[string]string{}
	if site.Base == nil {
		optional["CNB_STACK_ID"] = site.Stack.ID
	}
	if b.api.targets {
		t := site.Stack.Target
		optional = map[string]string{
			"CNB_TARGET_OS":             t.OS,
			"CNB_TARGET_ARCH":           t.Arch,
			"CNB_TARGET_ARCH_VARIANT":   t.Variant,
			"CNB_TARGET_DISTRO_NAME":    t.DistroName,
			"CNB_TARGET_DISTRO_VERSION": t.DistroVersion,
		}
	}
	if b.api.execEnv {
		optional["CNB_EXEC_ENV"] = cmp.Or(site.ExecEnv, buildpacks.DefaultExecEnv)
	}
	for name, value := range optional {
		if value != "" {
			env[name] = value
		}
	}
	return env
}

// listVariable reports whether a variable is a list of directories: a person's
// value goes before the one that is there (CNB Buildpack API, "Provided by the
// Platform").
func listVariable(name string) bool {
	switch name {
	case "PATH", "LD_LIBRARY_PATH", "LIBRARY_PATH", "CPATH", "PKG_CONFIG_PATH":
		return true
	}
	return false
}
