package php

import (
	"io"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/buildpacks/language/appfile"
)

// Detect returns bin/detect: it passes for an app with a composer.json, or with an
// index.php in its root, or with what only an app with one of these has; the build
// then tells what is missing (CNB Buildpack API, "Phase #1: Detection").
func Detect(out io.Writer) libcnb.DetectFunc {
	return func(c libcnb.DetectContext) (libcnb.DetectResult, error) {
		dir := c.ApplicationPath
		names := []string{composerJSON, composerLock, indexPHP}
		if other := c.Platform.Environment[nameVariable]; other != "" {
			names = append(names, other)
		}
		found, err := appfile.Found(dir, names...)
		if err != nil {
			return libcnb.DetectResult{}, err
		}
		if len(found) == 0 {
			if found, err = probably(dir); err != nil {
				return libcnb.DetectResult{}, err
			}
		}
		if len(found) == 0 {
			return language.FailsWithout(out, dir, composerJSON, indexPHP)
		}
		return language.Passes("php"), nil
	}
}

// probably are files of an app that is one of PHP, if it has no manifest of another
// language.
func probably(dir string) ([]string, error) {
	return appfile.Probably(dir, []string{composerJSON}, append(misspelled(), "artisan", versionFile)...)
}
