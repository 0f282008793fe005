package deploy

import (
	"bytes"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/pack"
	"github.com/slugc/slugc/release"
	"github.com/slugc/slugc/stack/launch"
)

// releaseName is the file in which herokuish, and slug runners after it, look
// for the process types that a Procfile does not have: what bin/release printed.
const releaseName = ".release"

// releaseFile is that file for a tree; without content where there are no
// processes. Its lines are for a bash that stands in $HOME, wherever the slug
// is unpacked.
func releaseFile(tree artifact.Tree) (pack.File, error) {
	file := pack.File{Path: releaseName, Mode: 0o644}
	lines := map[string]string{}
	for _, p := range tree.Metadata.Processes {
		if tree.Subdir != "" {
			lines[p.Type] = startLine(p)
			continue
		}
		p.WorkingDirectory = fromHome(p.WorkingDirectory, tree.App.Path)
		lines[p.Type] = launch.RelocateLine(release.Line(p), tree.App.Path, "", tree.Layers.Path)
	}
	if len(lines) == 0 {
		return file, nil
	}
	types := &yaml.Node{Kind: yaml.MappingNode}
	for _, name := range slices.Sorted(maps.Keys(lines)) {
		types.Content = append(types.Content, yamlText(name), yamlText(lines[name]))
	}
	var text bytes.Buffer
	text.WriteString("---\n")
	enc := yaml.NewEncoder(&text)
	enc.SetIndent(2)
	err := enc.Encode(&yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{yamlText("default_process_types"), types}})
	if err != nil {
		return file, fmt.Errorf("writing %s: %w", releaseName, err)
	}
	file.Content = text.Bytes()
	return file, nil
}

// fromHome is a directory of the app as one who stands in the app names it; any
// other stays what it is.
func fromHome(dir, app string) string {
	switch rest, inside := strings.CutPrefix(path.Clean(dir), app); {
	case inside && rest == "":
		return ""
	case inside && rest[0] == '/':
		return "." + rest
	}
	return dir
}

// yamlText is a text in one line, with quotes where a reader of YAML would take
// it for something else.
func yamlText(s string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}
	if strings.ContainsRune(s, '\n') {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}

// holds says whether an index has an entry.
func holds(index pack.Index, name string) bool {
	return slices.ContainsFunc(index, func(e pack.Entry) bool { return e.Path == name })
}
