package rust

import (
	_ "embed"
	"fmt"
	"io"
	"os"
	"path"

	"github.com/buildpacks/libcnb/v2"

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
			return libcnb.DetectResult{}, sayWhyNot(out, c.ApplicationPath)
		}
		return libcnb.DetectResult{Pass: true, Plans: []libcnb.BuildPlan{{
			Provides: []libcnb.BuildPlanProvide{{Name: "rust"}},
			Requires: []libcnb.BuildPlanRequire{{Name: "rust"}},
		}}}, nil
	}
}

// sayWhyNot says why an app is not one of Rust, and what may be wrong if it is.
func sayWhyNot(out io.Writer, dir string) error {
	why, err := appfile.WhyNot(dir, manifestFile)
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("looking for Rust files: %w", err)
	}
	for _, entry := range entries {
		if path.Ext(entry.Name()) == ".rs" {
			why += "\n" + entry.Name() + " is a Rust file; make a package of the app:\n  cargo init\n  cargo generate-lockfile\n  git add " + manifestFile + " " + lockFile
			break
		}
	}
	_, err = fmt.Fprintln(out, why)
	return err
}
