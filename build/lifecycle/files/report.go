package files

import (
	"errors"
	"io/fs"

	"github.com/slugc/slugc/build/oci"
)

// Report is a report.toml: what came out (CNB Platform API, "report.toml"). With
// Platform APIs before 0.9 it has the bom tables of build.toml files too.
type Report struct {
	Build ReportBuild `toml:"build,omitempty"`
	Image ReportImage `toml:"image"`
}

// ReportBuild is what a build was made with, in the form of old APIs.
type ReportBuild struct {
	BOM []BOMEntry `toml:"bom"`
}

// ReportImage is the image. Of ImageID and Digest it has one: that of a daemon, or
// that of a registry.
type ReportImage struct {
	Tags    []string `toml:"tags"`
	ImageID string   `toml:"image-id,omitempty"`
	Digest  string   `toml:"digest,omitempty"`
	// ManifestSize is in bytes.
	ManifestSize int64 `toml:"manifest-size,omitzero"`
}

// WriteReport writes a report.toml.
func WriteReport(file string, r Report) error { return write("report", file, r) }

// RebaseReport is a report.toml of a rebaser.
type RebaseReport struct {
	Image ReportImage `toml:"image"`
}

// WriteRebaseReport writes a report.toml of a rebaser.
func WriteRebaseReport(file string, r RebaseReport) error { return write("rebase report", file, r) }

// ReadBuildBOM reads the bom tables of a build.toml of a buildpack (Buildpack API,
// "build.toml"). Where there is no file there are none.
func ReadBuildBOM(file string) ([]BOMEntry, error) {
	var build ReportBuild
	err := read("build.toml", file, &build)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return build.BOM, err
}

// ReadProject reads a project-metadata.toml. Where there is none it says so, and
// the value is empty.
func ReadProject(file string, log Logger) (p oci.ProjectMetadata, err error) {
	err = read("project metadata", file, &p)
	if errors.Is(err, fs.ErrNotExist) {
		log.Debugf("No project metadata found at path %q, project metadata will not be exported", file)
		return oci.ProjectMetadata{}, nil
	}
	return p, err
}
