package nodejs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language"
)

// Detect returns bin/detect: it passes for an app with a package.json in its
// root, and otherwise prints to out why it does not (CNB Buildpack API,
// "Phase #1: Detection").
func Detect(out io.Writer) libcnb.DetectFunc {
	return func(c libcnb.DetectContext) (libcnb.DetectResult, error) {
		info, err := os.Stat(filepath.Join(c.ApplicationPath, manifestFile))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return language.FailsWithout(out, c.ApplicationPath, manifestFile)
		case err != nil:
			return libcnb.DetectResult{}, fmt.Errorf("looking for %s: %w", manifestFile, err)
		case !info.Mode().IsRegular():
			return language.Fails(out, manifestFile+" in the app's root is not a file")
		}
		return libcnb.DetectResult{Pass: true, Plans: plans(c.ApplicationPath)}, nil
	}
}

// plans are the build plans of an app, the better one first. A site asks for a web
// server for the files that its build makes: "static" with their directory as
// "root", and whether the page there answers for every path as "fallback". Where
// nobody provides one the app is built all the same.
func plans(dir string) []libcnb.BuildPlan {
	provides := []libcnb.BuildPlanProvide{{Name: "node"}}
	plain := libcnb.BuildPlan{Provides: provides, Requires: []libcnb.BuildPlanRequire{{Name: "node"}}}
	// What is wrong with it is for the build to say.
	m, err := readManifest(dir, manifestFile)
	if err != nil {
		return []libcnb.BuildPlan{plain}
	}
	s, is, err := readSite(dir, m)
	if err != nil || !is {
		return []libcnb.BuildPlan{plain}
	}
	metadata := map[string]any{}
	if s.root != "" {
		metadata["root"], metadata["fallback"] = s.root, s.fallback
	}
	return []libcnb.BuildPlan{{Provides: provides, Requires: []libcnb.BuildPlanRequire{
		{Name: "node", Metadata: map[string]any{siteKey: true}},
		{Name: "static", Metadata: metadata},
	}}, plain}
}

// siteKey tells bin/build, in the plan's entry for Node.js, that a web server
// serves the app.
const siteKey = "static"

// isSite tells whether bin/detect found the app to be a site.
func isSite(plan libcnb.BuildpackPlan) bool {
	for _, entry := range plan.Entries {
		if is, ok := entry.Metadata[siteKey].(bool); ok && is {
			return true
		}
	}
	return false
}
