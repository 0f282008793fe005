package language

import (
	"fmt"
	"io"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language/appfile"
)

// Passes is what bin/detect answers of an app of the language: it provides and
// requires some names in the build plan.
func Passes(names ...string) libcnb.DetectResult {
	var plan libcnb.BuildPlan
	for _, name := range names {
		plan.Provides = append(plan.Provides, libcnb.BuildPlanProvide{Name: name})
		plan.Requires = append(plan.Requires, libcnb.BuildPlanRequire{Name: name})
	}
	return libcnb.DetectResult{Pass: true, Plans: []libcnb.BuildPlan{plan}}
}

// Fails is what bin/detect answers of another app, after it has printed why.
func Fails(out io.Writer, why string) (libcnb.DetectResult, error) {
	_, err := fmt.Fprintln(out, why)
	return libcnb.DetectResult{}, err
}

// FailsWithout is Fails of an app that has none of some files; see appfile.WhyNot.
func FailsWithout(out io.Writer, dir string, names ...string) (libcnb.DetectResult, error) {
	why, err := appfile.WhyNot(dir, names...)
	if err != nil {
		return libcnb.DetectResult{}, err
	}
	return Fails(out, why)
}
