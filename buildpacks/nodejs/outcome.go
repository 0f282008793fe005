package nodejs

import (
	"encoding/json"
	"fmt"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language/layer"
	"github.com/slugc/slugc/buildpacks/language/outcome"
)

// builtLayer is the layer of what scripts made of the app.
const builtLayer = "built"

// scripted is what the scripts of an app make of it, and by what it is decided.
type scripted struct {
	*outcome.Outcome
	inputs map[string]string
}

// openOutcome looks at an app whose scripts will run; nil for an app without
// any, and for one that asks not to keep anything, as Heroku knows it.
func (t *moduleTree) openOutcome(tools toolchain, env map[string]string) (*scripted, error) {
	if !t.hasScripts() || t.b.Env["NODE_MODULES_CACHE"] == "false" {
		return nil, nil
	}
	o, err := outcome.Open(t.app.root.dir, t.b.Layers, t.b.Scratch, builtLayer, layout)
	if err != nil {
		return nil, err
	}
	k := &layer.Key{}
	if t.installs() {
		sum, err := t.modulesKey(tools)
		if err != nil {
			return nil, err
		}
		k.Add("packages", sum)
	}
	k.Add("node", tools.node.Version)
	k.Add("npm", tools.npm.Version)
	k.Add("distro", t.b.Distro)
	for _, name := range sortedKeys(env) {
		k.Add(name, env[name])
	}
	scripts, err := json.Marshal(t.app.manifest.Scripts)
	if err != nil {
		return nil, err
	}
	k.Add("scripts", string(scripts))
	if err := t.b.AddAround(k); err != nil {
		return nil, err
	}
	return &scripted{Outcome: o, inputs: map[string]string{"key": k.Sum()}}, nil
}

// reuse takes what the scripts made of the very same app, when all layers that
// they saw are kept as well. It runs nothing.
func (t *moduleTree) reuse(made *scripted, tools toolchain, cache *buildCache) (layers []libcnb.Layer, reused bool, err error) {
	if kept, _ := made.Keeps(made.inputs); !kept {
		return nil, false, nil
	}
	if t.installs() {
		sum, err := t.modulesKey(tools)
		if err != nil {
			return nil, false, err
		}
		inputs := map[string]string{"key": sum}
		main, _ := t.main.Keeps(inputs)
		launch, _ := t.launch.Keeps(inputs)
		if !main || t.both && !launch {
			return nil, false, nil
		}
		t.b.Print.Step("Installing packages")
		t.b.Print.Detail("Reusing %s (%s unchanged)", t.what(), t.app.lock.Name())
		layers = append(layers, t.describeMain(inputs, true))
		if t.both {
			layers = append(layers, t.launch.Describe(inputs, t.notes()))
		}
		if err := t.bills(layers); err != nil {
			return nil, false, err
		}
		if layers, err = t.withCache(layers, true); err != nil {
			return nil, false, err
		}
	}
	t.b.Print.Step("Running scripts")
	t.b.Print.Detail("Reusing what they made (neither the source nor anything else that decides it changed)")
	built, err := made.Apply(made.inputs)
	if err != nil {
		return nil, false, err
	}
	return append(append(layers, built), cache.kept()...), true, nil
}

// keep keeps what the scripts made of the app.
func (t *moduleTree) keep(made *scripted, layers []libcnb.Layer) ([]libcnb.Layer, error) {
	built, ok, err := made.Keep(made.inputs)
	if err != nil {
		return nil, fmt.Errorf("after the scripts: %w", err)
	}
	if !ok {
		return layers, nil
	}
	return append(layers, built), nil
}
