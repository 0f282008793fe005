package classic

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/stack/launch"
	"github.com/slugc/slugc/stack/sandbox"
)

// maxRelease bounds what bin/release prints, in bytes.
const maxRelease = 1 << 20

// configLayer is the layer that gives processes the config vars of a buildpack.
const configLayer = "slugc-config-vars"

// release runs bin/release and adds what it says to a contribution. A buildpack
// need not have one.
func (b *Buildpack) release(ctx context.Context, p *place, env launch.Env, c *buildpacks.Contribution) error {
	if !b.has(releaseScript) {
		return nil
	}
	words := &buildpacks.Head{Limit: maxWords}
	answer, command, err := b.ask(ctx, p, env, words, maxRelease, releaseScript, p.site.AppDir().Path)
	if err != nil {
		if said := strings.TrimSpace(words.String()); said != "" {
			err = fmt.Errorf("%w\n%s", err, said)
		}
		return b.failure(releaseScript, command, err)
	}
	said, warnings, err := parseRelease(answer)
	if err != nil {
		return &buildpacks.CompileError{Buildpack: b.descriptor, Step: releaseScript, Command: command, Err: err}
	}
	for _, warning := range warnings {
		c.Warnings = append(c.Warnings, fmt.Sprintf("%s: %s: %s", b.descriptor, releaseScript, warning))
	}
	c.Release = &said.Release
	c.Processes = said.processes(b.descriptor.ID)
	if len(said.ConfigVars) == 0 || p.root == "" {
		return nil
	}
	layer, err := b.configVars(p, said.ConfigVars)
	if err != nil {
		return fmt.Errorf("building with %s: %w", b.descriptor, err)
	}
	c.Layers = append(c.Layers, layer)
	return nil
}

// configVars makes the layer that gives processes variables where nobody else
// does.
func (b *Buildpack) configVars(p *place, vars map[string]string) (buildpacks.Layer, error) {
	id := b.descriptor.ID
	layer := buildpacks.Layer{Buildpack: id, Name: configLayer, Launch: true, Dir: buildpacks.Dir{
		Host: filepath.Join(p.site.Layers.Host, launch.EscapeID(id), configLayer),
		Path: filepath.Join(p.site.Layers.Path, launch.EscapeID(id), configLayer),
	}}
	dir := filepath.Join(p.layers(id), configLayer, "env.launch")
	if err := sandbox.Remove(filepath.Dir(dir)); err != nil {
		return layer, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return layer, err
	}
	if err := overrule(filepath.Dir(p.layers(id)), vars); err != nil {
		return layer, err
	}
	for name, value := range vars {
		if err := os.WriteFile(filepath.Join(dir, name+".default"), []byte(value), 0o644); err != nil {
			return layer, err
		}
	}
	return layer, sandbox.GiveTree(p.layers(id))
}

// overrule takes variables out of the layers of earlier buildpacks: of defaults
// the first counts, and of config vars the last.
func overrule(layers string, vars map[string]string) error {
	root, err := os.OpenRoot(layers)
	if err != nil {
		return err
	}
	defer root.Close()
	owners, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return err
	}
	for _, owner := range owners {
		for name := range vars {
			err := root.Remove(filepath.Join(owner.Name(), configLayer, "env.launch", name+".default"))
			if err != nil && owner.IsDir() && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

// released is what bin/release says.
type released struct {
	buildpacks.Release
	// types are the commands by process type.
	types map[string]string
}

// processes are the process types, for a shell each.
func (r released) processes(id string) []launch.Process {
	var all []launch.Process
	for _, name := range slices.Sorted(maps.Keys(r.types)) {
		all = append(all, launch.Process{
			Type: name, Command: launch.Command{r.types[name]}, Default: name == "web", BuildpackID: id,
		})
	}
	return all
}

var (
	typeForm     = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)
	variableForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

// Counting in the patterns would make them large programs.
const (
	longestType     = 128
	longestVariable = 201
)

func isType(name string) bool { return len(name) <= longestType && typeForm.MatchString(name) }

func isVariable(name string) bool {
	return len(name) <= longestVariable && variableForm.MatchString(name)
}

// parseRelease reads what bin/release printed: a YAML map, or nothing that says
// anything. Keys that are not known are no mistake; those of Ruby symbols are
// taken like any other.
func parseRelease(printed *buildpacks.Head) (r released, warnings []string, err error) {
	if printed.Cut() {
		return r, nil, fmt.Errorf("it printed more than %d KiB; expected a few lines of YAML", maxRelease>>10)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(printed.Bytes(), &doc); err != nil {
		return r, nil, fmt.Errorf("it printed no YAML: %w", err)
	}
	top, err := mapping(&doc)
	if err != nil {
		return r, nil, fmt.Errorf("it printed %w; expected a map with default_process_types, addons or config_vars", err)
	}
	if r.types, err = texts(top["default_process_types"]); err != nil {
		return r, nil, fmt.Errorf("default_process_types: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(r.types)) {
		switch {
		case !isType(name):
			return r, nil, fmt.Errorf("default_process_types: %q is no name of a process type; expected letters, digits, dashes and underscores", name)
		case strings.TrimSpace(r.types[name]) == "":
			warnings = append(warnings, fmt.Sprintf("process type %s has no command and is ignored", name))
			delete(r.types, name)
		}
	}
	if r.ConfigVars, err = texts(top["config_vars"]); err != nil {
		return r, nil, fmt.Errorf("config_vars: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(r.ConfigVars)) {
		if !isVariable(name) {
			warnings = append(warnings, fmt.Sprintf("%q is no name of a variable and is ignored", name))
			delete(r.ConfigVars, name)
		}
	}
	if r.Addons, err = addons(top["addons"]); err != nil {
		return r, nil, fmt.Errorf("addons: %w", err)
	}
	return r, warnings, nil
}

// mapping is the entries of a YAML map by key. What is empty has none.
func mapping(node *yaml.Node) (map[string]*yaml.Node, error) { return mappingWithin(node, 10) }

// mappingWithin is mapping with merge keys ("<<") down to a depth.
func mappingWithin(node *yaml.Node, depth int) (map[string]*yaml.Node, error) {
	node = resolve(node)
	if node == nil {
		return nil, nil
	}
	if node.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("%s", kindOf(node))
	}
	entries := map[string]*yaml.Node{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key := resolve(node.Content[i])
		if key != nil && key.Tag == "!!merge" && depth > 0 {
			merged, err := mappingWithin(node.Content[i+1], depth-1)
			if err != nil {
				return nil, fmt.Errorf("a map that takes in %w", err)
			}
			for name, value := range merged {
				if entries[name] == nil {
					entries[name] = value
				}
			}
			continue
		}
		if key == nil || key.Kind != yaml.ScalarNode {
			return nil, fmt.Errorf("a map with a key in line %d that is no word", node.Content[i].Line)
		}
		entries[strings.TrimPrefix(key.Value, ":")] = node.Content[i+1]
	}
	return entries, nil
}

// texts is a YAML map of texts; numbers and the like are taken as they are
// written.
func texts(node *yaml.Node) (map[string]string, error) {
	entries, err := mapping(node)
	if err != nil {
		return nil, fmt.Errorf("found %w; expected a map of names and texts", err)
	}
	all := map[string]string{}
	for name, value := range entries {
		switch value = resolve(value); {
		case value == nil:
			all[name] = ""
		case value.Kind != yaml.ScalarNode:
			return nil, fmt.Errorf("%s: found %s; expected a text", name, kindOf(value))
		case strings.ContainsRune(value.Value, 0):
			return nil, fmt.Errorf("%s: there is a NUL byte in it", name)
		default:
			all[name] = value.Value
		}
	}
	return all, nil
}

// addons is a YAML list of texts, or of maps with a plan.
func addons(node *yaml.Node) ([]string, error) {
	node = resolve(node)
	if node == nil {
		return nil, nil
	}
	items := node.Content
	switch node.Kind {
	case yaml.ScalarNode:
		items = []*yaml.Node{node}
	case yaml.MappingNode:
		if len(items) > 0 {
			return nil, errors.New("found a map; expected a list of add-ons")
		}
	}
	var all []string
	for _, item := range items {
		item = resolve(item)
		if item == nil {
			continue
		}
		if entries, err := mapping(item); err == nil {
			item = resolve(entries["plan"])
		}
		if item == nil || item.Kind != yaml.ScalarNode || item.Value == "" {
			return nil, errors.New("found one that is neither a text nor a map with a plan")
		}
		all = append(all, item.Value)
	}
	return all, nil
}

// resolve follows documents and aliases, and makes null and nothing the same.
func resolve(node *yaml.Node) *yaml.Node {
	const deepest = 10
	for range deepest {
		switch {
		case node == nil || node.Kind == 0 || node.Kind == yaml.ScalarNode && node.Tag == "!!null":
			return nil
		case node.Kind == yaml.DocumentNode && len(node.Content) > 0:
			node = node.Content[0]
		case node.Kind == yaml.AliasNode:
			node = node.Alias
		default:
			return node
		}
	}
	return nil
}

// kindOf names what a YAML node is.
func kindOf(node *yaml.Node) string {
	switch node.Kind {
	case yaml.SequenceNode:
		return "a list"
	case yaml.MappingNode:
		return "a map"
	}
	return fmt.Sprintf("the text %.60q", node.Value)
}
