package ruby

import (
	"io"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/buildpacks/language/appfile"
)

// Detect returns bin/detect: it passes for an app with a Gemfile, or with what
// only an app with one has; the build then tells what is missing (CNB Buildpack
// API, "Phase #1: Detection").
func Detect(out io.Writer) libcnb.DetectFunc {
	return func(c libcnb.DetectContext) (libcnb.DetectResult, error) {
		dir := c.ApplicationPath
		found, err := appfile.Found(dir, gemfile, gemfileLock, gemsRB, gemsLocked)
		if err != nil {
			return libcnb.DetectResult{}, err
		}
		if len(found) == 0 {
			if found, err = probably(dir); err != nil {
				return libcnb.DetectResult{}, err
			}
		}
		if len(found) == 0 {
			return language.FailsWithout(out, dir, gemfile, gemsRB)
		}
		return libcnb.DetectResult{Pass: true, Plans: plans(dir)}, nil
	}
}

// probably are files of an app that is one of Ruby, if it has no manifest of
// another language.
func probably(dir string) ([]string, error) {
	return appfile.Probably(dir, []string{gemfile}, append(misspelled(), "config.ru", "app.rb", versionFile)...)
}
