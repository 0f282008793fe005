package nodejs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language/appfile"
)

// Detect returns bin/detect: it passes for an app with a package.json in its
// root, and otherwise prints to out why it does not (CNB Buildpack API,
// "Phase #1: Detection").
func Detect(out io.Writer) libcnb.DetectFunc {
	return func(c libcnb.DetectContext) (libcnb.DetectResult, error) {
		info, err := os.Stat(filepath.Join(c.ApplicationPath, manifestFile))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			reason, err := appfile.WhyNot(c.ApplicationPath, manifestFile)
			if err != nil {
				return libcnb.DetectResult{}, err
			}
			_, err = fmt.Fprintln(out, reason)
			return libcnb.DetectResult{}, err
		case err != nil:
			return libcnb.DetectResult{}, fmt.Errorf("looking for %s: %w", manifestFile, err)
		case !info.Mode().IsRegular():
			_, err := fmt.Fprintf(out, "%s in the app's root is not a file\n", manifestFile)
			return libcnb.DetectResult{}, err
		}
		return libcnb.DetectResult{Pass: true, Plans: []libcnb.BuildPlan{{
			Provides: []libcnb.BuildPlanProvide{{Name: "node"}},
			Requires: []libcnb.BuildPlanRequire{{Name: "node"}},
		}}}, nil
	}
}
