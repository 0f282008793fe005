package assemble

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slugc/slugc/build/oci"
)

// MaxLayers is how many layers an image may have to run everywhere. Docker's
// layer store chains 125 (moby, "maxLayerDepth"), because overlay2 mounts 128
// and three are its own; overlayfs of containerd and of containers/storage
// takes more.
const MaxLayers = 125

// DepthError warns that an image has more layers than runs everywhere.
type DepthError struct {
	// Layers is how many it has, Base how many of them are the base's.
	Layers, Base int
	// Buildpacks are those with layers, the one with the most first.
	Buildpacks []BuildpackDepth
}

// BuildpackDepth is how many layers of an image one buildpack makes.
type BuildpackDepth struct {
	Buildpack string
	Layers    int
}

func (e *DepthError) Error() string {
	const most = 3
	var who []string
	for _, b := range e.Buildpacks[:min(most, len(e.Buildpacks))] {
		who = append(who, fmt.Sprintf("%s makes %d", b.Buildpack, b.Layers))
	}
	if len(who) == 0 {
		who = []string{"no buildpack makes any"}
	}
	return fmt.Sprintf("the image has %d layers, and Docker runs no image of more than %d; podman and containerd do: %s, and the base has %d: "+
		"for Docker take buildpacks that make fewer launch layers, or a base of fewer layers with --run-image, or pack a slug with -o slug:FILE",
		e.Layers, MaxLayers, strings.Join(who, ", "), e.Base)
}

// slices are the globs of the app layers that there is room for. What the
// later ones would have taken stays in the last app layer, so that no image
// has too many layers for a division that only serves to save transfers. More
// layers of buildpacks than there is room for are no reason to fail: only Docker
// cannot run them.
func (p *planner) slices() ([][]string, error) {
	base, err := p.recipe.Base.Image.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("reading the config of the base: %w", err)
	}
	tree := p.recipe.Tree
	below := len(base.RootFS.DiffIDs)
	// The launcher, its configuration, and the app itself.
	total := below + len(tree.LaunchLayers) + 3
	if p.has(oci.SBOMPart) {
		total++
	}
	if len(tree.Metadata.Processes) > 0 {
		total++
	}
	if total > MaxLayers {
		p.warn(&DepthError{Layers: total, Base: below, Buildpacks: p.depths()})
	}
	room := max(0, MaxLayers-total)
	if len(tree.Slices) <= room {
		return tree.Slices, nil
	}
	p.warn(fmt.Errorf("the buildpacks ask for %d app slices, and an image of at most %d layers has room for %d: the others are one layer", len(tree.Slices), MaxLayers, room))
	return tree.Slices[:room], nil
}

func (p *planner) warn(err error) {
	if p.recipe.Warn != nil {
		p.recipe.Warn(err)
	}
}

// depths are the buildpacks by the number of their launch layers.
func (p *planner) depths() []BuildpackDepth {
	var depths []BuildpackDepth
	for _, layer := range p.recipe.Tree.LaunchLayers {
		at := slices.IndexFunc(depths, func(d BuildpackDepth) bool { return d.Buildpack == layer.Buildpack })
		if at < 0 {
			at = len(depths)
			depths = append(depths, BuildpackDepth{Buildpack: layer.Buildpack})
		}
		depths[at].Layers++
	}
	slices.SortStableFunc(depths, func(a, b BuildpackDepth) int { return b.Layers - a.Layers })
	return depths
}
