package java

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/buildpacks/language/languagetest"
	"github.com/slugc/slugc/buildpacks/language/layer"
)

// in makes the app a directory of the source, whose files are written by their
// paths from the top.
func (s *site) in(dir string) {
	s.Env[language.SourceVariable] = s.App
	s.Member = dir
}

func module(artifact, more string) string {
	return "<project><parent><groupId>com.example</groupId><artifactId>all</artifactId><version>1</version><relativePath>../../pom.xml</relativePath></parent>" +
		"<artifactId>" + artifact + "</artifactId>" + more + "</project>"
}

func needs(artifacts ...string) string {
	var text strings.Builder
	for _, artifact := range artifacts {
		text.WriteString("<dependency><groupId>com.example</groupId><artifactId>" + artifact + "</artifactId></dependency>")
	}
	return "<dependencies>" + text.String() + "</dependencies>"
}

// modules are those of a reactor with two services and three libraries, and what a
// build makes of the service api.
func modules(t *testing.T) map[string]string {
	t.Helper()
	return map[string]string{
		"pom.xml": "<project><groupId>com.example</groupId><artifactId>all</artifactId><version>1</version><packaging>pom</packaging>" +
			"<modules><module>libs</module><module>services/api</module><module>services/worker</module></modules>" +
			"<properties><maven.compiler.release>21</maven.compiler.release></properties></project>",
		"libs/pom.xml": "<project><groupId>com.example</groupId><artifactId>libs</artifactId><version>1</version><packaging>pom</packaging>" +
			"<modules><module>greeting</module><module>text</module><module>unused</module></modules></project>",
		"libs/greeting/pom.xml":   module("greeting", needs("text")),
		"libs/greeting/src/A":     "1",
		"libs/text/pom.xml":       module("text", ""),
		"libs/unused/pom.xml":     module("unused", ""),
		"libs/unused/src/A":       "1",
		"services/api/pom.xml":    module("api", needs("greeting")+"<properties><site>../../site</site></properties>"),
		"services/api/name.txt":   "x",
		"services/worker/pom.xml": module("worker", needs("unused")),
		"web/index.html":          "x",
		"shop/package.json":       "{}",
		"site/package.json":       "{}",
		"system.properties":       "java.runtime.version=21\n",
		mavenWrapperFile:          "distributionUrl=https://example.com/apache-maven-3.8.8-bin.tar.gz\n",
		"fake.sh":                 "mkdir -p services/api/target && cp built.jar services/api/target/api-1.jar\n",
		"built.jar":               zipped(t, map[string]string{"META-INF/MANIFEST.MF": "Main-Class: com.Main\n", "com/Main.class": "1"}),
	}
}

func TestModule(t *testing.T) {
	s := newSite(t)
	s.write(modules(t))
	s.in("services/api")
	out := s.mustBuild()
	languagetest.Holds(t, out, `Java 21.0.13 (java.runtime.version "21" in ../../system.properties)`, `Maven 3.8.8 (distributionUrl "3.8.8" in ../../.mvn/wrapper/maven-wrapper.properties)`,
		"Running mvn -DskipTests -pl services/api -am package", "services/api/target/api-1.jar is an executable jar")
	if diff := cmp.Diff([]string{"built.jar", "fake.sh", "libs/greeting/src/A", "libs/unused/src/A", "services/api/name.txt", "shop/package.json", "site/package.json", "system.properties", "web/index.html"}, s.Files("app")); diff != "" {
		t.Error(diff)
	}
	for name, built := range map[string]bool{
		"libs/unused/src/A": false, "services/worker/src/B": false, "shop/index.js": false, "shop/package.json": false, "site/index.js": true,
		"libs/greeting/src/A": true, "libs/text/src/B": true, "libs/unused/pom.xml": true, "web/index.html": true, "pom.xml": true, "services/api/name.txt": true,
	} {
		s.write(map[string]string{name: s.files[name] + "\n"})
		out := s.mustBuild()
		if got := !strings.Contains(out, "Reusing what was built"); got != built {
			t.Errorf("%s changed, and the app was built again: %t\n%s", name, got, out)
		}
		if built && !strings.HasPrefix(name, s.Member) {
			languagetest.Holds(t, out, "The app is as it was, but something beside it in the source changed")
		}
	}
	s.before = func() {
		if err := os.Symlink("../../shop", filepath.Join(s.App, "services/api/shop")); err != nil {
			t.Fatal(err)
		}
	}
	s.mustBuild()
	s.write(map[string]string{"shop/index.js": "linked"})
	if out := s.mustBuild(); strings.Contains(out, "Reusing what was built") {
		t.Errorf("what the app has a link to changed, and it was not built again\n%s", out)
	}
	s.before = nil
	s.write(map[string]string{"services/api/Procfile": "web: java -jar target/api-1.jar\n"})
	s.mustBuild()
	languagetest.Holds(t, strings.Join(s.Files("app"), "\n"), "services/api/target/api-1.jar -> ")
}

// A parent may lie beside the app and list it.
func TestModuleBeside(t *testing.T) {
	s := newSite(t)
	s.write(map[string]string{
		"build/parent/pom.xml":  "<project><groupId>com.example</groupId><artifactId>all</artifactId><version>1</version><packaging>pom</packaging><modules><module>../../api</module><module>../../text</module></modules></project>",
		"api/pom.xml":           strings.Replace(module("api", needs("text")), "../../pom.xml", "../build/parent", 1),
		"text/pom.xml":          strings.Replace(module("text", ""), "../../pom.xml", "../build/parent", 1),
		"build/parent/fake.sh":  "mkdir -p ../../api/target && cp ../../built.jar ../../api/target/api-1.jar\n",
		"built.jar":             zipped(t, map[string]string{"META-INF/MANIFEST.MF": "Main-Class: com.Main\n"}),
		"api/system.properties": "java.runtime.version=21\n",
	})
	s.in("api")
	languagetest.Holds(t, s.mustBuild(), "Running mvn -DskipTests -pl ../../api -am package", "api/target/api-1.jar is an executable jar")
}

func TestModuleRefused(t *testing.T) {
	for name, test := range map[string]struct {
		change map[string]string
		says   []string
	}{
		"not listed": {
			change: map[string]string{"pom.xml": strings.Replace(modules(t)["pom.xml"], "<module>services/api</module>", "", 1)},
			says: []string{"pom.xml needs com.example:greeting, which is the module libs/greeting of ../../pom.xml, but that does not list the app",
				"  <module>services/api</module>", "  mvn -f ../../pom.xml -pl services/api -am package\n  git add ../../pom.xml"},
		},
		"a parent that is no XML": {
			change: map[string]string{"pom.xml": "<project>"},
			says:   []string{"../../pom.xml is not valid XML"},
		},
		"no such parent": {
			change: map[string]string{"pom.xml": "", "fake.sh": "", "services/api/fake.sh": "echo '[FATAL] Non-resolvable parent POM for com.example:api:[unknown-version]: Could not find artifact com.example:all:pom:1 in central and parent.relativePath points at wrong local POM'; exit 1\n"},
			says:   []string{"the parent that a pom names", "com.example:all:pom:1", "  slugc build DIRECTORY --app APP", "<relativePath>../pom.xml</relativePath>"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.write(modules(t))
			s.write(test.change)
			s.in("services/api")
			out, err := s.build()
			languagetest.Refused(t, out, err, test.says...)
		})
	}
}

func TestUnlistedModule(t *testing.T) {
	s := newSite(t)
	s.write(modules(t))
	s.write(map[string]string{
		"pom.xml":                strings.Replace(s.files["pom.xml"], "<module>services/api</module>", "", 1),
		"services/api/pom.xml":   module("api", ""),
		"services/api/fake.sh":   "mkdir -p target && cp ../../built.jar target/api-1.jar\n",
		"libs/greeting/pom.xml":  "",
		"libs/pom.xml":           strings.Replace(s.files["libs/pom.xml"], "<module>greeting</module>", "", 1),
		"services/api/.mvn/x":    "",
		"services/api/README.md": "x",
	})
	s.in("services/api")
	languagetest.Holds(t, s.mustBuild(), "../../pom.xml is the parent of the app and has modules, but does not list the app", "<module>services/api</module>", "Running mvn -DskipTests package")
	// A version that was published is not the module.
	s.write(map[string]string{"services/api/pom.xml": strings.Replace(module("api", needs("text")), "</artifactId></dependency>", "</artifactId><version>0.9</version></dependency>", 1)})
	languagetest.Holds(t, s.mustBuild(), "Running mvn -DskipTests package")
}

// projects are those of a build of Gradle, by their files.
func projects() map[string]string {
	return map[string]string{
		"settings.gradle": "rootProject.name = 'all'\ninclude 'libs:greeting', ':libs:big-text'\ninclude('libs:unused', 'worker')\n" +
			"include ':api'\nproject(':api').projectDir = file('services/api')\nincludeBuild 'plugins'\n",
		"build.gradle":                             "subprojects { repositories { mavenCentral() } }\n",
		"gradle/libs.versions.toml":                "[plugins]\nspring-boot = { id = \"org.springframework.boot\", version = \"4.0.7\" }\n",
		"libs/greeting/build.gradle":               "dependencies { api projects.libs.bigText }\n",
		"libs/big-text/build.gradle":               "",
		"libs/unused/build.gradle":                 "",
		"worker/build.gradle":                      "dependencies { implementation project(':libs:unused') }\n",
		"services/api/build.gradle":                "plugins { alias(libs.plugins.spring.boot) }\ndependencies { implementation project(path: ':libs:greeting') }\n",
		"plugins/src/main/groovy/x.gradle":         "// project(':worker')\n",
		"gradle/wrapper/gradle-wrapper.properties": "distributionUrl=https://example.com/gradle-8.10.2-bin.zip\n",
	}
}

func TestGradleBuild(t *testing.T) {
	all := []string{"", "libs/big-text", "libs/greeting", "libs/unused", "services/api", "worker"}
	for name, test := range map[string]struct {
		change  map[string]string
		modules []string
		task    string
	}{
		"as it is":            {nil, []string{"", "libs/big-text", "libs/greeting", "services/api"}, ":api:bootJar"},
		"a computed project":  {map[string]string{"libs/greeting/build.gradle": "dependencies { api project(name) }\n"}, all, ":api:bootJar"},
		"for all":             {map[string]string{"build.gradle": "subprojects { dependencies { implementation project(':libs:unused') } }\n"}, []string{"", "libs/big-text", "libs/greeting", "libs/unused", "services/api"}, ":api:bootJar"},
		"a plugin of its own": {map[string]string{"services/api/build.gradle": "plugins { id 'x' }\n", "plugins/src/main/groovy/x.gradle": "plugins { id 'application' }\ndependencies { implementation project(':worker') }\n"}, []string{"", "libs/unused", "services/api", "worker"}, ":api:installDist"},
		"computed settings":   {map[string]string{"settings.gradle": "file('libs').eachDir { include \"libs:${it.name}\" }\n"}, []string{"", "services/api"}, ":services:api:bootJar"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			files := projects()
			for file, text := range test.change {
				files[file] = text
			}
			for file, text := range files {
				if err := layer.WriteBeside(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			a, err := readApp(filepath.Join(dir, "services/api"), dir)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.modules, a.modules); diff != "" {
				t.Error(diff)
			}
			g := &gradleTool{b: &build{app: a}}
			g.b.Build = newCommon(nil)
			if got, err := g.tasks(); err != nil || strings.Join(got, " ") != test.task {
				t.Errorf("got %s, %v", got, err)
			}
		})
	}
}

func TestGradleBuildRefused(t *testing.T) {
	for name, test := range map[string]struct {
		change map[string]string
		says   []string
	}{
		"not included": {map[string]string{"settings.gradle": "include 'worker'\n"},
			[]string{"../../settings.gradle does not include the app, which is in services/api", `  echo 'include("services:api")' >> ../../settings.gradle`, "  ../../gradlew -p ../.. projects\n  git add ../../settings.gradle", "  touch settings.gradle\n  git add settings.gradle"}},
		"no wrapper": {map[string]string{wrapperFile: ""}, []string{"there is no ../../gradle/wrapper/gradle-wrapper.properties"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.write(projects())
			s.write(test.change)
			s.in("services/api")
			out, err := s.build()
			languagetest.Refused(t, out, err, test.says...)
		})
	}
}
