package bridge

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/buildpacks/classic"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/launch"
	"github.com/slugc/slugc/stack/sandbox"
)

// Helpers are what the scripts of a bridge work with.
type Helpers struct {
	// Out receives what they print.
	Out io.Writer
	// Env is their environment.
	Env launch.Env
	// Runner starts the classic scripts; sandbox.Direct but in tests.
	Runner sandbox.Runner
}

// in is a directory that everybody sees where it is.
func in(dir string) buildpacks.Dir { return buildpacks.Dir{Host: dir, Path: dir} }

// site is where the classic scripts work, with an empty directory for what goes
// between them. In it is their home.
func (h Helpers) site(scratch, app string, platform libcnb.Platform) (buildpacks.Site, error) {
	home := filepath.Join(scratch, "home")
	if err := os.Mkdir(home, 0o700); err != nil {
		return buildpacks.Site{}, err
	}
	target := stack.Target{
		OS: h.Env[libcnb.EnvTargetOS], Arch: h.Env[libcnb.EnvTargetArch], Variant: h.Env[libcnb.EnvTargetArchVariant],
		DistroName: h.Env[libcnb.EnvTargetDistroName], DistroVersion: h.Env[libcnb.EnvTargetDistroVersion],
	}
	return buildpacks.Site{
		Stack: stack.Stack{ID: stackFor(h.Env[envStackID], target), Target: target}, Runner: h.Runner,
		App: in(app), Platform: in(platform.Path), Temp: in(home), Scratch: scratch,
		Env: platform.Environment, SourceVersion: platform.Environment["SOURCE_VERSION"],
		Output: h.Out,
	}, nil
}

// envStackID is what older platforms say they stand on.
const envStackID = "CNB_STACK_ID"

// ubuntuLTS is a release of Ubuntu that Heroku makes a stack of.
var ubuntuLTS = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^([0-9]{2})\.04$`) })

// herokus is how the ids of Heroku's stacks begin.
const herokus = "heroku-"

// stackFor is STACK of the scripts, which know the stacks of Heroku, where the
// person names none (Heroku Buildpack API, "Stacks"). Id is CNB_STACK_ID.
func stackFor(id string, t stack.Target) string {
	if strings.HasPrefix(id, herokus) {
		return id
	}
	if release := ubuntuLTS().FindStringSubmatch(t.DistroVersion); release != nil && t.DistroName == "ubuntu" {
		if year, err := strconv.Atoi(release[1]); err == nil && year%2 == 0 {
			return herokus + release[1]
		}
	}
	return cmp.Or(id, strings.Trim(t.DistroName+"-"+t.DistroVersion, "-"), "unknown")
}

// made is the environment that the builder and the buildpacks before this one
// made, without what belongs to a single script. buildpack.toml says clear-env,
// so nothing of the person is in it.
func (h Helpers) made() launch.Env {
	env := launch.Env{"PATH": stack.DefaultPath}
	maps.Copy(env, h.Env)
	maps.DeleteFunc(env, func(name, _ string) bool {
		switch name {
		case "HOME", "HOSTNAME", "OLDPWD", "PWD", "SHLVL", "_", profiled:
			return true
		}
		return strings.HasPrefix(name, "CNB_")
	})
	return env
}

// open opens the classic buildpack in a package, under the name of the CNB that
// it became.
func open(b libcnb.Buildpack) (*classic.Buildpack, error) {
	found, err := classic.Open(filepath.Join(b.Path, classicDir))
	if err != nil {
		return nil, fmt.Errorf("buildpack %s: %w", b.Info.ID, err)
	}
	return found.Named(b.Info.ID, b.Info.Version), nil
}
