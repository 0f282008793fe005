package python

import (
	"io"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/python/lock"
)

// Detect returns bin/detect: it passes for an app with the file of a package
// manager of Python, or with one that says that it is a Python app; the build
// then tells what is missing (CNB Buildpack API, "Phase #1: Detection").
func Detect(out io.Writer) libcnb.DetectFunc {
	return func(c libcnb.DetectContext) (libcnb.DetectResult, error) {
		dir := c.ApplicationPath
		sure := []string{requirementsFile, lock.Pipfile, lock.PipfileLock, lock.PoetryFile, lock.UVFile, lock.PDMFile}
		found, err := appfile.Found(dir, append(sure, "setup.py", "manage.py")...)
		if err != nil {
			return libcnb.DetectResult{}, err
		}
		if len(found) == 0 {
			if found, err = probably(dir); err != nil {
				return libcnb.DetectResult{}, err
			}
		}
		if len(found) == 0 {
			return language.FailsWithout(out, dir, append(sure, lock.Pyproject)...)
		}
		return language.Passes("python"), nil
	}
}

// probably are files that an app of another language may have too, which count
// when it has no manifest of one.
func probably(dir string) ([]string, error) {
	return appfile.Probably(dir, []string{"requirements.txt", lock.Pyproject}, append(append(misspelled(), condaFiles()...), lock.Pyproject, "setup.cfg", versionFile, runtimeFile, "app.py", "main.py", "server.py", "wsgi.py", "asgi.py")...)
}
