package java

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language/languagetest"
	"github.com/slugc/slugc/buildpacks/language/layer"
)

func TestDetect(t *testing.T) {
	for name, c := range map[string]struct {
		files []string
		pass  bool
		says  []string
	}{
		"Maven":         {files: []string{"pom.xml"}, pass: true},
		"Gradle":        {files: []string{"build.gradle"}, pass: true},
		"Kotlin":        {files: []string{"settings.gradle.kts"}, pass: true},
		"a wrapper":     {files: []string{"gradlew"}, pass: true},
		"nothing":       {says: []string{"no pom.xml, build.gradle", "it is empty"}},
		"another place": {files: []string{"api/pom.xml"}, says: []string{"there is pom.xml in api/"}},
		"other letters": {files: []string{"POM.xml"}, says: []string{"git mv POM.xml pom.xml"}},
		"polyglot":      {files: []string{"pom.yml"}, says: []string{"pom.yml is read by an extension of Maven"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for _, file := range c.files {
				if err := layer.WriteBeside(filepath.Join(dir, file), nil, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			var out bytes.Buffer
			result, err := Detect(&out)(libcnb.DetectContext{ApplicationPath: dir})
			if err != nil || result.Pass != c.pass {
				t.Errorf("got %v, %v", result.Pass, err)
			}
			languagetest.Holds(t, out.String(), c.says...)
		})
	}
}
