package golang

import (
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/buildpacks/language/appfile"
)

// Detect returns bin/detect: it passes for an app with a go.mod or go.work in
// its root, and for one of an older package manager, so that bin/build can say
// how to leave it. Otherwise it prints to out why it does not pass (CNB Buildpack
// API, "Phase #1: Detection").
func Detect(out io.Writer) libcnb.DetectFunc {
	return func(c libcnb.DetectContext) (libcnb.DetectResult, error) {
		found, err := appfile.Found(c.ApplicationPath, modFile, workFile)
		if err != nil {
			return libcnb.DetectResult{}, fmt.Errorf("looking for %s: %w", modFile, err)
		}
		if len(found) == 0 && c.Platform.Environment[workVariable] == "" {
			old, err := legacyFile(c.ApplicationPath)
			if err != nil {
				return libcnb.DetectResult{}, err
			}
			if old == "" {
				return fails(out, c.ApplicationPath)
			}
		}
		return language.Passes("go"), nil
	}
}

// fails says why an app is not one of Go, and what may be wrong if it is.
func fails(out io.Writer, dir string) (libcnb.DetectResult, error) {
	why, err := appfile.WhyNot(dir, modFile, workFile)
	if err != nil {
		return libcnb.DetectResult{}, err
	}
	source, err := appfile.FirstOfKind(dir, ".go")
	if err != nil {
		return libcnb.DetectResult{}, err
	}
	if source != "" {
		why += "\n" + source + " is a Go file; make a module of the app:\n  go mod init example.com/NAME\n  go mod tidy\n  git add go.mod go.sum"
	}
	return language.Fails(out, why)
}

// managers are what came before modules, by the files that they left.
var managers = []struct{ file, name string }{
	{"Gopkg.lock", "dep"}, {"Gopkg.toml", "dep"}, {"Godeps/Godeps.json", "godep"}, {"vendor/vendor.json", "govendor"},
	{"glide.yaml", "glide"}, {"glide.lock", "glide"},
}

// legacyFile is the file of an older package manager, "" when there is none.
func legacyFile(dir string) (string, error) {
	for _, m := range managers {
		there, err := appfile.Exists(dir, m.file)
		if err != nil || there {
			return m.file, err
		}
	}
	return "", nil
}

// legacy refuses an app of an older package manager.
func legacy(dir string, env map[string]string) error {
	modern, err := appfile.Found(dir, modFile, workFile)
	if err != nil || len(modern) > 0 || env[workVariable] != "" {
		return err
	}
	old, err := legacyFile(dir)
	if err != nil {
		return err
	}
	if old == "" {
		return appfile.Error("there is no %s\nmake a module of the app:\n  go mod init example.com/NAME\n  go mod tidy\n  git add %s %s", modFile, modFile, sumFile)
	}
	manager := ""
	for _, m := range managers {
		if m.file == old {
			manager = m.name
		}
	}
	remove := old
	if strings.HasPrefix(old, "vendor/") {
		remove = "vendor"
	} else if strings.Contains(old, "/") {
		remove = path.Dir(old)
	}
	return appfile.Error("%s is of %s, which Go modules replaced: there is no %s\nmove the app to modules and commit that:\n"+
		"  go mod init example.com/NAME\n  go mod tidy\n  git rm -r %s\n  git add %s %s\n"+
		"the versions that go mod tidy chooses may be newer than those in %s: compare them, and lower one with go get MODULE@VERSION",
		old, manager, modFile, remove, modFile, sumFile, old)
}

// errModMod refuses a build that may change its lock.
func errModMod() error {
	return appfile.Error("GOFLAGS or BP_GO_BUILD_FLAGS has -mod=mod, with which a build may change %s and %s\n"+
		"take it out, and bring them up to date before you commit:\n  go mod tidy\n  git add %s %s", modFile, sumFile, modFile, sumFile)
}
