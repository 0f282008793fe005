package static

import (
	"io"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/buildpacks/language/appfile"
)

// planName is what this buildpack provides: a web server for files. Who builds a
// site requires it, with the directory as "root" in the metadata, and "fallback"
// where its page answers for every path.
const planName = "static"

// Detect returns bin/detect. It passes for an app that says itself that it is a
// site, and for one with an index.html in a usual place that is no app of
// Node.js. For others of Node.js it offers to serve what they build. Otherwise it
// prints to out why it does not pass (CNB Buildpack API, "Phase #1: Detection").
func Detect(out io.Writer) libcnb.DetectFunc {
	return func(c libcnb.DetectContext) (libcnb.DetectResult, error) {
		dir := c.ApplicationPath
		offers := libcnb.BuildPlan{Provides: []libcnb.BuildPlanProvide{{Name: planName}}}
		serves := libcnb.BuildPlan{Provides: offers.Provides, Requires: []libcnb.BuildPlanRequire{{Name: planName}}}
		says, err := own(dir, c.Platform.Environment)
		if err != nil {
			return libcnb.DetectResult{}, err
		}
		if len(says) > 0 {
			return libcnb.DetectResult{Pass: true, Plans: []libcnb.BuildPlan{serves}}, nil
		}
		node, err := appfile.Exists(dir, nodeFile)
		if err != nil {
			return libcnb.DetectResult{}, err
		}
		if node {
			return libcnb.DetectResult{Pass: true, Plans: []libcnb.BuildPlan{offers}}, nil
		}
		pages, err := indexed(dir)
		if err != nil {
			return libcnb.DetectResult{}, err
		}
		if len(pages) > 0 {
			return libcnb.DetectResult{Pass: true, Plans: []libcnb.BuildPlan{serves}}, nil
		}
		return language.FailsWithout(out, dir, "index.html", jsonFile, staticFile)
	}
}

// nodeFile tells an app of Node.js, whose public directory is seldom all of it.
const nodeFile = "package.json"
