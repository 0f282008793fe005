package java

import (
	"testing"

	"github.com/slugc/slugc/buildpacks/language/languagetest"
)

func TestDetect(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		pass  bool
		says  []string
	}{
		"Maven":         {files: map[string]string{"pom.xml": ""}, pass: true},
		"Gradle":        {files: map[string]string{"build.gradle": ""}, pass: true},
		"Kotlin":        {files: map[string]string{"settings.gradle.kts": ""}, pass: true},
		"a wrapper":     {files: map[string]string{"gradlew": ""}, pass: true},
		"nothing":       {says: []string{"no pom.xml, build.gradle", "it is empty"}},
		"another place": {files: map[string]string{"api/pom.xml": ""}, says: []string{"there is pom.xml in api/"}},
		"other letters": {files: map[string]string{"POM.xml": ""}, says: []string{"git mv POM.xml pom.xml"}},
		"polyglot":      {files: map[string]string{"pom.yml": ""}, says: []string{"pom.yml is read by an extension of Maven"}},
	} {
		t.Run(name, func(t *testing.T) {
			result, says := languagetest.Detected(t, Detect, c.files, nil)
			if result.Pass != c.pass {
				t.Errorf("got %v", result.Pass)
			}
			languagetest.Holds(t, says, c.says...)
		})
	}
}
