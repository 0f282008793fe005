package classic

import (
	"maps"
	"path"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/launch"
	"github.com/slugc/slugc/stack/sandbox"
)

// environment is what every script finds in its environment. Made is what the
// buildpacks before it made of that. None of the person's variables are in it
// but those of proxies: scripts take what they want from ENV_DIR (Heroku
// Buildpack API, "bin/compile"). STACK is the one by which an operator can say
// that a stack is as good as one of Heroku's. HOME is private to the build and no
// part of the app, which HOME is when processes run.
func environment(site buildpacks.Site, made launch.Env) launch.Env {
	env := launch.Env{"PATH": stack.DefaultPath, "LANG": "C.UTF-8"}
	maps.Copy(env, site.Proxies())
	maps.Copy(env, made)
	maps.Copy(env, site.SourceDir())
	maps.Copy(env, launch.Env{
		"HOME": site.Temp.Path, "USER": sandbox.UserName,
		"STACK":     site.StackName(),
		"BUILD_DIR": site.AppDir().Path, "CACHE_DIR": site.Cache.Path, "ENV_DIR": envDir(site),
	})
	for name, value := range map[string]string{"SOURCE_VERSION": site.SourceVersion, "REQUEST_ID": site.RequestID} {
		if value != "" {
			env[name] = value
		}
	}
	return env
}

// envDir is the directory that has the person's variables, one file each.
func envDir(site buildpacks.Site) string { return path.Join(site.Platform.Path, "env") }
