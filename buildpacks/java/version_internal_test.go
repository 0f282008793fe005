package java

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/buildpacks/language/layer"
)

func TestFeature(t *testing.T) {
	for text, want := range map[string]int{
		"21": 21, "21.0.4": 21, "1.8": 8, "1.8.0_402": 8, "8": 8, "17.*": 17, "17.x": 17, "temurin-21.0.4+7.0.LTS": 21, "21.0.4-tem": 21,
		"openjdk64-11.0.2": 11, "zulu-8.78.0.19": 8, "corretto-17": 17, "VERSION_17": 17, "1_8": 8, "25-ea": 25, "": 0, "latest": 0, "0": 0,
		"99999999999999999999": 0,
	} {
		if got := feature(text); got != want {
			t.Errorf("%q: got %d, want %d", text, got, want)
		}
	}
}

func TestWishedJava(t *testing.T) {
	known, err := readReleases(TOML)
	if err != nil {
		t.Fatal(err)
	}
	pom := func(properties string) string {
		return "<project><properties>" + properties + "</properties></project>"
	}
	wrapper := func(version string) string {
		return "distributionUrl=https\\://example.com/gradle-" + version + "-bin.zip\n"
	}
	const gradleTarget = "sourceCompatibility = JavaVersion.VERSION_17\n"
	for name, c := range map[string]struct {
		files map[string]string
		env   map[string]string
		// want is the constraint, and those to prefer.
		want, asked string
		passed      int
	}{
		"nothing":            {files: map[string]string{"pom.xml": pom("")}, want: "25.x", asked: "the default, 25"},
		"a variable":         {files: map[string]string{"pom.xml": pom(""), systemFile: "java.runtime.version=21"}, env: map[string]string{"BP_JVM_VERSION": "17.*"}, want: "17.x", asked: `BP_JVM_VERSION "17.*"`, passed: 1},
		"system.properties":  {files: map[string]string{"pom.xml": pom("<java.version>17</java.version>"), systemFile: "java.runtime.version=21", ".java-version": "25"}, want: "21.x", asked: `java.runtime.version "21" in system.properties`, passed: 2},
		".java-version":      {files: map[string]string{"pom.xml": pom(""), ".java-version": "21.0\n", ".sdkmanrc": "java=25.0.1-tem"}, want: "21.x", asked: `.java-version "21.0"`, passed: 1},
		".sdkmanrc":          {files: map[string]string{"pom.xml": pom(""), ".sdkmanrc": "# x\njava=21.0.4-tem\n"}, want: "21.x", asked: `java "21.0.4-tem" in .sdkmanrc`},
		".tool-versions":     {files: map[string]string{"pom.xml": pom(""), ".tool-versions": "nodejs 22\njava temurin-21.0.4+7\n"}, want: "21.x", asked: `java "temurin-21.0.4+7" in .tool-versions`},
		"a release":          {files: map[string]string{"pom.xml": pom("<maven.compiler.release>17</maven.compiler.release>")}, want: ">=17 [17.x 17.x 21.x 25.x]", asked: `maven.compiler.release "17" in pom.xml`},
		"Spring's":           {files: map[string]string{"pom.xml": pom("<java.version>1.8</java.version>")}, want: ">=8 [8.x 8.x 11.x 17.x 21.x 25.x]", asked: `java.version "1.8" in pom.xml`},
		"a property in one":  {files: map[string]string{"pom.xml": pom("<j>21</j><maven.compiler.release>${j}</maven.compiler.release>")}, want: ">=21 [21.x 21.x 25.x]", asked: `maven.compiler.release "21" in pom.xml`},
		"the plugin's":       {files: map[string]string{"pom.xml": "<project><build><plugins><plugin><artifactId>maven-compiler-plugin</artifactId><configuration><release>19</release></configuration></plugin></plugins></build></project>"}, want: ">=19 [19.x 21.x 25.x]", asked: `release of maven-compiler-plugin "19" in pom.xml`},
		"a toolchain":        {files: map[string]string{"pom.xml": "<project><build><plugins><plugin><artifactId>maven-toolchains-plugin</artifactId><configuration><toolchains><jdk><version>17</version></jdk></toolchains></configuration></plugin></plugins></build></project>"}, want: "17.x", asked: `maven-toolchains-plugin "17" in pom.xml`},
		"the newest module":  {files: map[string]string{"pom.xml": "<project><modules><module>a</module></modules><properties><java.version>11</java.version></properties></project>", "a/pom.xml": pom("<java.version>21</java.version>")}, want: ">=21 [21.x 21.x 25.x]", asked: `java.version "21" in a/pom.xml`},
		"an old Gradle":      {files: map[string]string{"build.gradle": "", wrapperFile: wrapper("7.6.1")}, want: ">=17 <20 [17.x 17.x 21.x 25.x]", asked: "Java 19 is the newest for Gradle 7.6.1 in gradle/wrapper/gradle-wrapper.properties"},
		"a new Gradle":       {files: map[string]string{"build.gradle": "", wrapperFile: wrapper("9.1.0")}, want: "25.x", asked: "the default, 25"},
		"Gradle's toolchain": {files: map[string]string{"build.gradle.kts": "java { toolchain { languageVersion.set(JavaLanguageVersion.of(21)) } }", wrapperFile: wrapper("8.10.2")}, want: "21.x", asked: `the toolchain "21" in build.gradle.kts`},
		"Gradle's target":    {files: map[string]string{"build.gradle": gradleTarget, wrapperFile: wrapper("8.10.2")}, want: ">=17 <24 [17.x 17.x 21.x 25.x]", asked: `the release to compile for "17" in build.gradle`},
		"a person knows":     {files: map[string]string{"build.gradle": gradleTarget, wrapperFile: wrapper("4.4.1"), systemFile: "java.runtime.version=21"}, want: "21.x", asked: `java.runtime.version "21" in system.properties`, passed: 1},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, text := range c.files {
				if err := layer.WriteBeside(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			a, err := readApp(dir, "")
			if err != nil {
				t.Fatal(err)
			}
			w, err := a.wishedJava(c.env, known)
			if err != nil {
				t.Fatal(err)
			}
			constraint, prefer, err := w.constraint(known)
			if err != nil {
				t.Fatal(err)
			}
			got := constraint.String()
			if len(prefer) > 0 {
				var lines []string
				for _, line := range prefer {
					lines = append(lines, line.String())
				}
				got += " [" + strings.Join(lines, " ") + "]"
			}
			if got != c.want || w.asked.String() != c.asked || len(w.asked.Passed) != c.passed {
				t.Errorf("got %s by %s, passing over %v", got, w.asked, w.asked.Passed)
			}
		})
	}
}

func TestNewestFor(t *testing.T) {
	known, err := readReleases(TOML)
	if err != nil {
		t.Fatal(err)
	}
	for version, want := range map[string]int{"1.12": 8, "4.4.1": 9, "5.6.4": 12, "6.9": 15, "7.6.4": 19, "8.5": 21, "8.9": 22, "8.10": 23, "8.14.3": 24, "9.0.0": 24, "9.1.0-rc-1": 25, "10.0": 26} {
		if got := known.newestFor(version); got != want {
			t.Errorf("%s: got %d, want %d", version, got, want)
		}
	}
}

func TestProperties(t *testing.T) {
	got := properties([]byte("# comment\n! another\n a = b \nc:d\ne f\ng\\:h=https\\://x/y\\\n   z\nu=\\u00e4\\t|\n\nempty=\r\nlast\\\\=x"))
	want := map[string]string{"a": "b ", "c": "d", "e": "f", "g:h": "https://x/yz", "u": "ä\t|", "empty": "", `last\`: "x"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestManifest(t *testing.T) {
	m := parseManifest([]byte("Manifest-Version: 1.0\r\nClass-Path: a.jar \r\n b.jar\r\nMain-Class: com.Main\r\n\r\nName: com/x\r\nSealed: true\r\n"))
	want := manifest{{"Manifest-Version", "1.0"}, {"Class-Path", "a.jar b.jar"}, {"Main-Class", "com.Main"}}
	if diff := cmp.Diff(want, m, cmp.AllowUnexported(attribute{})); diff != "" {
		t.Error(diff)
	}
	long := manifest{{"Class-Path", strings.Repeat("x", 200)}}
	text := string(long.text())
	for line := range strings.Lines(text) {
		if len(line) > 74 {
			t.Errorf("a line has %d bytes", len(line))
		}
	}
	if got := parseManifest([]byte(text)).get("class-path"); got != strings.Repeat("x", 200) {
		t.Errorf("got %q", got)
	}
	if got := m.with("Main-Class", "other").get("Main-Class"); got != "other" {
		t.Errorf("got %s", got)
	}
}

func TestBuiltNames(t *testing.T) {
	made := map[string]bool{"target": true, "api/target": true, "build": true}
	for command, want := range map[string][]string{
		"java $JAVA_OPTS -jar target/x.jar --port=$PORT":       {"target/x.jar"},
		"java -cp target/classes:target/dependency/* com.Main": {"target/classes", "target/dependency/*"},
		"./api/target/bin/run":                                 {"api/target/bin/run"},
		`java -jar "target/my app.jar" targets/x src/target`:   {"target/my"},
		"echo build":                {"build"},
		"cat /target/x ../target/y": nil,
	} {
		if diff := cmp.Diff(want, builtNames("", command, made)); diff != "" {
			t.Errorf("%s: %s", command, diff)
		}
	}
}

func TestGradleModules(t *testing.T) {
	dir := t.TempDir()
	text := "rootProject.name = 'x'\ninclude 'api', ':web:ui' // include 'no'\ninclude(\"gone\")\n"
	for _, name := range []string{"api/build.gradle", "web/ui/build.gradle", "no/build.gradle"} {
		if err := layer.WriteBeside(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "settings.gradle"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	b, err := readGradleBuild(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"", "api", "web/ui"}, b.dirs()); diff != "" {
		t.Error(diff)
	}
}

func TestGradleTasks(t *testing.T) {
	for text, want := range map[string]string{
		"plugins { id 'java' }":                                               "build -x test",
		"plugins {\n    id 'application'\n}":                                  "installDist",
		"plugins {\n    java\n    application\n}":                             "installDist",
		"apply plugin: 'application'":                                         "installDist",
		"plugins { id 'org.springframework.boot' version '3' }":               "bootJar",
		"plugins { id(\"com.gradleup.shadow\") version \"9\"\n application }": "shadowJar",
		"plugins { id 'io.quarkus' }":                                         "quarkusBuild",
		"plugins { id 'org.springframework.boot' }\ntask stage { }":           "stage",
		"tasks.register('stage') { dependsOn 'bootJar' }":                     "stage",
	} {
		g := &gradleTool{b: &build{app: app{builds: gradleBuild{projects: map[string]string{":": ""}, texts: map[string]string{":": text}}, modules: []string{""}}}}
		g.b.Build = newCommon(nil)
		got, err := g.tasks()
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%s: got %s, %v", text, got, err)
		}
	}
	g := &gradleTool{b: &build{app: app{modules: []string{""}}}}
	g.b.Build = newCommon(map[string]string{"BP_GRADLE_BUILT_MODULE": "web/ui"})
	if got, err := g.tasks(); err != nil || strings.Join(got, " ") != ":web:ui:build -x test" {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestMoving(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"pom.xml": "<project><groupId>com.example</groupId><artifactId>all</artifactId><version>1-SNAPSHOT</version><modules><module>api</module></modules>" +
			"<properties><v>LATEST</v></properties><dependencies><dependency><groupId>g</groupId><artifactId>a</artifactId><version>${v}</version></dependency>" +
			"<dependency><groupId>g</groupId><artifactId>exact</artifactId><version>[1.0]</version></dependency></dependencies></project>",
		"api/pom.xml": "<project><parent><groupId>com.example</groupId><artifactId>all</artifactId><version>1-SNAPSHOT</version></parent><artifactId>api</artifactId>" +
			"<dependencies><dependency><groupId>g</groupId><artifactId>b</artifactId><version>2-SNAPSHOT</version></dependency></dependencies></project>",
	} {
		if err := layer.WriteBeside(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	a, err := readApp(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"g:a: pom.xml wants LATEST", "g:b: api/pom.xml wants 2-SNAPSHOT"}, a.moving()); diff != "" {
		t.Error(diff)
	}
}
