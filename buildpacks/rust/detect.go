package rust

import (
	_ "embed"
	"fmt"
	"io"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/buildpacks/language/appfile"
)

// TOML is the buildpack.toml.
//
//go:embed buildpack.toml
var TOML []byte

// Detect returns bin/detect: it passes for an app with a Cargo.toml in its root.
// Otherwise it prints to out why it does not pass (CNB Buildpack API, "Phase #1:
// Detection").
func Detect(out io.Writer) libcnb.DetectFunc {
	return func(c libcnb.DetectContext) (libcnb.DetectResult, error) {
		found, err := appfile.Exists(c.ApplicationPath, manifestFile)
		if err != nil {
			return libcnb.DetectResult{}, fmt.Errorf("looking for %s: %w", manifestFile, err)
		}
		if !found {
			return fails(out, c.ApplicationPath)
		}
		return language.Passes("rust"), nil
	}
}

// fails says why an app is not one of Rust, and what may be wrong if it is.
func fails(out io.Writer, dir string) (libcnb.DetectResult, error) {
	why, err := appfile.WhyNot(dir, manifestFile)
	if err != nil {
		return libcnb.DetectResult{}, err
	}
	source, err := appfile.FirstOfKind(dir, ".rs")
	if err != nil {
		return libcnb.DetectResult{}, err
	}
	if source != "" {
		why += "\n" + source + " is a Rust file; make a package of the app:\n  cargo init\n  cargo generate-lockfile\n  git add " + manifestFile + " " + lockFile
	}
	return language.Fails(out, why)
}
