package java

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/buildpacks/language/appfile"
)

// otherPOMs are the files of Maven's polyglot extensions, which only it can
// read.
var otherPOMs = []string{"pom.atom", "pom.clj", "pom.groovy", "pom.rb", "pom.scala", "pom.yaml", "pom.yml"}

// Detect returns bin/detect: it passes for an app with a pom.xml or a build file
// of Gradle in its root, and otherwise prints to out why it does not (CNB
// Buildpack API, "Phase #1: Detection").
func Detect(out io.Writer) libcnb.DetectFunc {
	return func(c libcnb.DetectContext) (libcnb.DetectResult, error) {
		names := slices.Concat([]string{pomFile}, gradleBuilds, gradleSettings)
		for _, name := range append(slices.Clone(names), "gradlew") {
			info, err := os.Stat(filepath.Join(c.ApplicationPath, name))
			switch {
			case errors.Is(err, fs.ErrNotExist):
			case err != nil:
				return libcnb.DetectResult{}, fmt.Errorf("looking for %s: %w", name, err)
			case info.Mode().IsRegular():
				return language.Passes("jdk", "jre"), nil
			}
		}
		reason, err := appfile.WhyNot(c.ApplicationPath, names...)
		if err != nil {
			return libcnb.DetectResult{}, err
		}
		others, err := appfile.Found(c.ApplicationPath, otherPOMs...)
		if err != nil {
			return libcnb.DetectResult{}, err
		}
		if len(others) > 0 {
			reason += fmt.Sprintf("\n%s is read by an extension of Maven, not by slugc: give the app a %s", others[0], pomFile)
		}
		return language.Fails(out, reason)
	}
}
