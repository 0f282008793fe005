package oci

import (
	"archive/tar"
	"context"
	"fmt"
	"io"
	"path"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slugc/slugc/build/sbom"
)

// LayerSBOMs reads the SBOM files of a buildpack's layer, by what follows
// "<layer>.sbom." in the names that the buildpack gave them: "cdx.json". The
// buildpack is named by its directory. An image without an SBOM has none (CNB
// Platform API, "Software-Bill-of-Materials").
func (p Previous) LayerSBOMs(ctx context.Context, buildpackDir, name string) (map[string][]byte, error) {
	files, err := p.readSBOM(ctx, path.Join(buildpackDir, name)+"/sbom.")
	if err != nil {
		return nil, fmt.Errorf("the SBOM of the previous image: %w", err)
	}
	for rest := range files {
		if strings.Contains(rest, "/") {
			delete(files, rest)
		}
	}
	return files, nil
}

// Packages are what the buildpacks of an image brought for launch, as far as
// they say. Ids are those of the buildpacks.
func (p Previous) Packages(ctx context.Context, ids []string) ([]sbom.Package, error) {
	files, err := p.readSBOM(ctx, "")
	if err != nil {
		return nil, fmt.Errorf("the SBOM of the image: %w", err)
	}
	return sbom.Packages(files, ids)
}

// readSBOM reads the SBOM files for launch whose paths below their directory
// begin with a prefix, by what follows it.
func (p Previous) readSBOM(ctx context.Context, prefix string) (map[string][]byte, error) {
	if p.Metadata.SBOM == nil {
		return nil, nil
	}
	diffID, found := p.diffIDs[p.Metadata.SBOM.SHA]
	if !found {
		return nil, nil
	}
	layer, err := p.Image.LayerByDiffID(diffID)
	if err != nil {
		return nil, err
	}
	return readPrefix(ctx, layer, path.Join(p.LayersPath, "sbom", "launch")+"/"+prefix)
}

// readPrefix reads the regular files of a layer whose absolute paths begin
// with a prefix, by what follows it.
func readPrefix(ctx context.Context, layer v1.Layer, prefix string) (map[string][]byte, error) {
	files := map[string][]byte{}
	var total int64
	err := eachEntry(ctx, layer, func(header *tar.Header, content io.Reader) error {
		rest, found := strings.CutPrefix(path.Clean("/"+header.Name), prefix)
		if !found || header.Typeflag != tar.TypeReg || rest == "" {
			return nil
		}
		if total += header.Size; total > maxRead {
			return fmt.Errorf("%s and what was read before have more than %d bytes", header.Name, maxRead)
		}
		data, err := io.ReadAll(content)
		files[rest] = data
		return err
	})
	return files, err
}
