package deno

import (
	"fmt"
	"io"
	"strings"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/buildpacks/language/appfile"
)

// Detect returns bin/detect: it passes for an app with Deno's settings or lock
// file that is none of Node.js, and otherwise prints to out why it does not (CNB
// Buildpack API, "Phase #1: Detection").
func Detect(out io.Writer) libcnb.DetectFunc {
	return func(c libcnb.DetectContext) (libcnb.DetectResult, error) {
		why, err := whyNot(c.ApplicationPath)
		if err != nil {
			return libcnb.DetectResult{}, err
		}
		if why != "" {
			return language.Fails(out, why)
		}
		return language.Passes("deno"), nil
	}
}

// whyNot says why an app is none of Deno, "" when it is one.
func whyNot(dir string) (string, error) {
	found, err := appfile.Found(dir, append([]string{lockFile}, configFiles...)...)
	if err != nil {
		return "", fmt.Errorf("looking for Deno's settings: %w", err)
	}
	if len(found) == 0 {
		return appfile.WhyNot(dir, configFiles[0], configFiles[1], lockFile)
	}
	node, err := appfile.Exists(dir, packageFile)
	if err != nil || !node {
		return "", err
	}
	locks, err := appfile.Found(dir, otherLocks...)
	if err != nil {
		return "", err
	}
	switch {
	case len(locks) > 0:
		return fmt.Sprintf("%s is there, but %s says that Node.js or Bun runs the app; to run it with Deno: git rm %s", found[0], locks[0], strings.Join(locks, " ")), nil
	case found[0] != lockFile:
		return fmt.Sprintf("%s is there, but %s makes it an app of Node.js, because there is no %s; to run it with Deno: deno install && git add %[3]s", found[0], packageFile, lockFile), nil
	}
	return "", nil
}
