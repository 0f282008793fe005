package builder

import (
	"encoding/json"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Labels of a builder image, which its platforms read (CNB Platform API, "Build
// Image"; the forms are pack's).
const (
	builderLabel         = "io.buildpacks.builder.metadata"
	orderLabel           = "io.buildpacks.buildpack.order"
	orderExtensionsLabel = "io.buildpacks.buildpack.order-extensions"
	systemLabel          = "io.buildpacks.buildpack.system"
	extensionLayersLabel = "io.buildpacks.extension.layers"
	stackLabel           = "io.buildpacks.stack.id"
	mixinsLabel          = "io.buildpacks.stack.mixins"
)

// builderInfo is the label of a builder.
type builderInfo struct {
	Description string         `json:"description"`
	Buildpacks  []moduleInfo   `json:"buildpacks"`
	Extensions  []moduleInfo   `json:"extensions"`
	Stack       stackRunImage  `json:"stack"`
	Lifecycle   lifecycleInfo  `json:"lifecycle"`
	CreatedBy   creatorInfo    `json:"createdBy"`
	RunImages   []runImageInfo `json:"images"`
}

// stackRunImage is the run image of a builder before there could be several; it
// is also stack.toml.
type stackRunImage struct {
	RunImage runImageInfo `json:"runImage" toml:"run-image"`
}

// runImageInfo is a run image with its mirrors.
type runImageInfo struct {
	Image   string   `json:"image" toml:"image"`
	Mirrors []string `json:"mirrors" toml:"mirrors"`
}

// creatorInfo is the program that made a builder.
type creatorInfo struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// madeBy is what slugc's builders say. The version is that of the form of the
// builders, not of slugc: another slugc makes the same bytes of the same files.
func madeBy() creatorInfo { return creatorInfo{Name: "slugc", Version: "1"} }

// systemInfo is the buildpacks before and behind every group.
type systemInfo struct {
	Pre  systemList `json:"pre" toml:"pre,omitempty"`
	Post systemList `json:"post" toml:"post,omitempty"`
}

type systemList struct {
	Buildpacks []memberInfo `json:"buildpacks,omitempty" toml:"buildpacks,omitempty"`
}

// empty is whether there are none.
func (s systemInfo) empty() bool { return len(s.Pre.Buildpacks)+len(s.Post.Buildpacks) == 0 }

// moduleLayers is what a label says of the buildpacks, or the extensions, in the
// layers of an image, by id and version.
type moduleLayers map[string]map[string]layerInfo

// add notes the layer of a buildpack.
func (l moduleLayers) add(m module, diffID string) {
	if l[m.ID] == nil {
		l[m.ID] = map[string]layerInfo{}
	}
	l[m.ID][m.Version] = m.layerInfo(diffID)
}

// layerInfo is what a label says of the buildpack.
func (m module) layerInfo(diffID string) layerInfo {
	return layerInfo{
		API: m.API, Stacks: m.stacks, Targets: targetInfos(m.declared), Order: groupInfos(m.order),
		LayerDiffID: diffID, Homepage: m.Homepage, Name: m.Name,
	}
}

// info is what labels say of the buildpack itself.
func (m module) info() moduleInfo {
	info := moduleInfo{
		ID: m.ID, Name: m.Name, Version: m.Version, Description: m.description, Homepage: m.Homepage,
		Keywords: m.keywords, ExecEnvs: m.ExecEnvs, ClearEnv: m.clearEnv,
	}
	for _, l := range m.licenses {
		info.Licenses = append(info.Licenses, licenseLabel(l))
	}
	return info
}

// readLabel reads a label of JSON, if the image has it.
func readLabel(config *v1.ConfigFile, label string, into any) (found bool, err error) {
	text := config.Config.Labels[label]
	if text == "" {
		return false, nil
	}
	if err := json.Unmarshal([]byte(text), into); err != nil {
		return false, fmt.Errorf("reading the label %s: %w", label, err)
	}
	return true, nil
}

// setLabel writes a label of JSON.
func setLabel(labels map[string]string, label string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("writing the label %s: %w", label, err)
	}
	labels[label] = string(text)
	return nil
}
