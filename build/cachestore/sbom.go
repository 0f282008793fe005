package cachestore

import (
	"fmt"
	"os"

	"github.com/slugc/slugc/buildpacks"
)

// maxSBOM bounds a file that says what is in a layer, in bytes.
const maxSBOM = 64 << 20

// keepSBOM keeps the files of a tree that say what is in a layer, and returns
// their sums by format.
func (e *Entry) keepSBOM(l buildpacks.Layer, all []buildpacks.SBOM) (map[string]string, error) {
	var kept map[string]string
	for _, s := range all {
		if s.Buildpack != l.Buildpack || s.Layer != l.Name || kept[s.Format] != "" {
			continue
		}
		data, err := os.ReadFile(s.File)
		if err != nil {
			return nil, err
		}
		if len(data) > maxSBOM {
			return nil, fmt.Errorf("the SBOM of layer %s has %d bytes; expected at most %d", l.ID(), len(data), maxSBOM)
		}
		sum, err := e.keepFile(sbomDir, data)
		if err != nil {
			return nil, err
		}
		if kept == nil {
			kept = map[string]string{}
		}
		kept[s.Format] = sum
	}
	return kept, nil
}

// checkSBOM makes sure that the files of a layer are whole.
func (e *Entry) checkSBOM(l recordedLayer) error {
	for _, sum := range l.SBOM {
		if _, err := e.readFile(sbomDir, sum); err != nil {
			return err
		}
	}
	return nil
}

// restoreSBOM gives the files of a layer back to its buildpack (CNB Buildpack
// API, "Software-Bill-of-Materials": <layers>/<layer>.sbom.<format>).
func (e *Entry) restoreSBOM(l recordedLayer, layersDir string) error {
	for format, sum := range l.SBOM {
		data, err := e.readFile(sbomDir, sum)
		if err != nil {
			return err
		}
		if err := hand(l.path(layersDir)+".sbom."+format, data); err != nil {
			return err
		}
	}
	return nil
}
