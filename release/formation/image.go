package formation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"runtime"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/release"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/launch"
	"github.com/slugc/slugc/stack/sandbox"
)

// The places of the launcher in an image (CNB Platform API, "Launcher").
const (
	launcherPath = launch.LifecycleDir + "/launcher"
	appVariable  = "CNB_APP_DIR"
	layersAt     = "CNB_LAYERS_DIR"
)

// Image is an unpacked image that processes are made of. They run in its root
// filesystem, which they cannot write, with a copy of the app of their own.
type Image struct {
	stack stack.Stack
	// app is the directory inside that a process may write and that is its home;
	// layers is one below it that none of them writes, empty where there is none.
	app, layers string
	// dir is where its processes start.
	dir       string
	env       launch.Env
	types     map[string]string
	byDefault string
	// command is that of an image that no buildpacks made, which has no launcher.
	command []string
}

// NewImage describes an image that is unpacked to root. It is a
// *release.ArtifactError when this machine cannot run it.
func NewImage(image v1.Image, root string) (*Image, error) {
	d, err := oci.Inspect(image)
	if err != nil {
		return nil, err
	}
	file, err := image.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("reading the config of the image: %w", err)
	}
	if d.Target.OS != runtime.GOOS || d.Target.Arch != runtime.GOARCH {
		return nil, &release.ArtifactError{Problem: fmt.Sprintf("the image is for %s, and this machine is %s/%s: build it for that (slugc build --platform %s/%s)",
			d.Target, runtime.GOOS, runtime.GOARCH, runtime.GOOS, runtime.GOARCH)}
	}
	config := file.Config
	env := launch.NewEnv(config.Env)
	offered := release.OfferImage("", d).Artifact
	i := &Image{
		stack: stack.Stack{ID: cmp.Or(config.Labels["io.buildpacks.stack.id"], d.Digest), Root: root, Target: d.Target},
		app:   path.Clean("/" + cmp.Or(env[appVariable], config.WorkingDir)),
		dir:   path.Clean("/" + config.WorkingDir),
		env:   env, types: offered.ProcessTypes, byDefault: d.DefaultProcess,
	}
	if len(d.Processes) == 0 {
		i.command = append(append(i.command, config.Entrypoint...), config.Cmd...)
	}
	if layers := path.Clean("/" + env[layersAt]); env[layersAt] != "" && strings.HasPrefix(layers, i.app+"/") {
		i.layers = layers
	}
	return i, nil
}

// place makes a place with a copy of the app.
func (i *Image) place(ctx context.Context, in string) (_ *place, err error) {
	p, err := newPlace(in)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("making room for the app of the image: %w", err), p.remove())
		}
	}()
	p.types, p.byDefault, p.of = i.types, i.byDefault, i
	if i.app == "/" {
		return p, nil // there is no app that could be told from the system
	}
	if err := copyApp(ctx, i.stack.Root, i.app, i.layers, p.app); err != nil {
		return nil, err
	}
	return p, sandbox.GiveTree(p.app)
}

// home is where its processes are at home.
func (i *Image) home() string {
	if i.app == "/" {
		return "/tmp"
	}
	return i.app
}

func (i *Image) start(processType string, args []string) []string {
	if i.command != nil {
		return append(append([]string{}, i.command...), args...)
	}
	return append([]string{path.Join(launch.ProcessDir, processType)}, args...)
}

func (i *Image) exec(command []string) []string {
	if i.command != nil {
		return command
	}
	return append([]string{launcherPath, "--"}, command...)
}

func (i *Image) environment(name string) launch.Env {
	env := Env(name)
	maps.Copy(env, i.env)
	// A home that a base image names is one that nobody can write here.
	env["HOME"] = i.home()
	return env
}

func (i *Image) on(context.Context, func(context.Context, stack.Stack) (stack.Stack, error)) (stack.Stack, error) {
	return i.stack, nil
}

func (i *Image) workDir() string { return i.dir }

func (i *Image) mounts(app string) []sandbox.Mount {
	if i.app == "/" {
		return nil
	}
	mounts := []sandbox.Mount{{Source: app, Target: i.app, Writable: true}}
	if i.layers != "" {
		mounts = append(mounts, sandbox.Mount{Source: filepath.Join(i.stack.Root, i.layers), Target: i.layers})
	}
	return mounts
}
