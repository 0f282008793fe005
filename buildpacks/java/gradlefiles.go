package java

import (
	"errors"
	"io/fs"
	"regexp"
	"strings"
	"sync"

	"github.com/slugc/slugc/buildpacks/language/appfile"
)

// wrapperFile says which Gradle an app is built with.
const wrapperFile = "gradle/wrapper/gradle-wrapper.properties"

// gradleBuilds and gradleSettings are the files that make an app one of Gradle.
var (
	gradleBuilds   = []string{"build.gradle", "build.gradle.kts"}
	gradleSettings = []string{"settings.gradle", "settings.gradle.kts"}
)

// gradleWrapper is a gradle-wrapper.properties.
type gradleWrapper struct {
	// url is the distributionUrl: an address, or a path beside the file.
	url string
	// version is the version in the name of the distribution.
	version string
	// sha256 is the distributionSha256Sum, which may be empty.
	sha256 string
}

// distributionName is the file of a distribution of Gradle.
var distributionName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`gradle-([0-9][0-9A-Za-z.+-]*?)-(?:bin|all|src)\.zip$`)
})

// readGradleWrapper reads the wrapper's file in the root of a build, and refuses one
// without it. Shown is how the app's author finds the file.
func readGradleWrapper(dir, shown string) (gradleWrapper, error) {
	data, err := appfile.Read(dir, wrapperFile)
	if errors.Is(err, fs.ErrNotExist) {
		return gradleWrapper{}, appfile.Error("there is no %s\n"+
			"an app of Gradle says by its wrapper which Gradle builds it, so that every machine takes the same. Make the wrapper and commit it:\n"+
			"  gradle wrapper\n"+
			"  git add -f gradlew gradlew.bat gradle/wrapper\n"+
			"  git commit -m \"Add the Gradle wrapper\"", shown)
	}
	if err != nil {
		return gradleWrapper{}, err
	}
	values := properties(data)
	w := gradleWrapper{url: strings.TrimSpace(values["distributionUrl"]), sha256: strings.TrimSpace(values["distributionSha256Sum"])}
	match := distributionName().FindStringSubmatch(w.url)
	if w.url == "" || match == nil {
		return gradleWrapper{}, appfile.Error("distributionUrl in %s names no distribution of Gradle: %q\nexpected an address that ends in gradle-VERSION-bin.zip. Write it anew:\n  gradle wrapper --gradle-version VERSION", shown, w.url)
	}
	w.version = match[1]
	return w, nil
}

// What the files of Gradle, which are programs, say about Java in the usual
// ways. What they say in another way is for Gradle to see.
var (
	gradleToolchain = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`languageVersion\s*(?:=|\.set\(|\.convention\()\s*JavaLanguageVersion\.of\(\s*["']?([0-9]+)`)
	})
	kotlinToolchain = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`jvmToolchain\(\s*([0-9]+)`) })
	gradleRelease   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?:options\.)?release\s*(?:=|\.set\()\s*([0-9]+)`) })
	gradleTarget    = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?:source|target)Compatibility\s*=?\s*(?:JavaVersion\.VERSION_)?["']?(?:1[._])?([0-9]+)`)
	})
)

// gradleJava is what a build file of Gradle says about Java: the toolchain, which
// has to be that very release, or the release that it compiles for.
func gradleJava(text string) (toolchain, release string) {
	text = withoutComments(text)
	for _, pattern := range []*regexp.Regexp{gradleToolchain(), kotlinToolchain()} {
		if match := pattern.FindStringSubmatch(text); match != nil {
			return match[1], ""
		}
	}
	for _, pattern := range []*regexp.Regexp{gradleRelease(), gradleTarget()} {
		if match := pattern.FindStringSubmatch(text); match != nil {
			return "", match[1]
		}
	}
	return "", ""
}

// comment is one of Groovy or Kotlin. Addresses have two slashes as well.
var comment = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?s)/\*.*?\*/|(?m)(?:^|\s)//.*$`) })

func withoutComments(text string) string { return comment().ReplaceAllString(text, "") }

// gradleFile is the text of the app's build file, with its name.
func gradleFile(dir string) (name, text string, err error) {
	found, err := appfile.Found(dir, gradleBuilds...)
	if err != nil || len(found) == 0 {
		return "", "", err
	}
	data, err := appfile.Read(dir, found[0])
	return found[0], string(data), err
}
