package deploy

import (
	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/buildpacks/project"
	"github.com/slugc/slugc/detect"
)

// projectOf is what an image says of its source: what project.toml declares, in
// the words of pack, and the commit (CNB Platform API,
// "project-metadata.toml").
func projectOf(source detect.Source, described project.Descriptor) oci.ProjectMetadata {
	about := oci.ProjectSource{Version: map[string]any{}}
	if source.Commit != "" {
		about.Type, about.Version["commit"] = "git", source.Commit
	}
	if described.Version != "" {
		about.Type, about.Version["declared"] = "project", described.Version
	}
	if described.SourceURL != "" {
		about.Type, about.Metadata = "project", map[string]any{"url": described.SourceURL}
	}
	if about.Type == "" {
		return oci.ProjectMetadata{}
	}
	return oci.ProjectMetadata{Source: &about}
}
