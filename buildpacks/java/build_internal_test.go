package java

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sclevine/spec"

	"github.com/slugc/slugc/buildpacks/language/languagetest"
	"github.com/slugc/slugc/buildpacks/runtime/maven"
	"github.com/slugc/slugc/stack/download"
)

func TestBuild(t *testing.T) {
	spec.Run(t, "maven", testMaven)
	spec.Run(t, "what is started", testStart)
	spec.Run(t, "trouble", testTrouble)
	spec.Run(t, "gradle", testGradle)
}

const simplePOM = `<project>
  <groupId>com.example</groupId>
  <artifactId>hello</artifactId>
  <version>1.0</version>
  <properties><maven.compiler.release>21</maven.compiler.release></properties>
</project>
`

// fat is a jar with all dependencies, of an app with a class.
func fat(t *testing.T, class string) map[string]string {
	t.Helper()
	return map[string]string{
		"pom.xml":                      simplePOM,
		"fake.sh":                      fakeBuild,
		"src/main/java/com/Main.java":  class,
		"static/style.css":             "body {}",
		"built/classes/com/Main.class": class,
		"built/hello-1.0.jar":          zipped(t, map[string]string{"META-INF/MANIFEST.MF": "Manifest-Version: 1.0\n", "com/Main.class": class}),
		"built/hello-1.0-sources.jar":  zipped(t, map[string]string{"META-INF/MANIFEST.MF": "Main-Class: x\n", "com/Main.java": strings.Repeat(class, 1000)}),
		"built/hello-1.0-with-all-jar.jar": zipped(t, map[string]string{
			"META-INF/MANIFEST.MF": "Manifest-Version: 1.0\nMain-Class: com.Main\nMulti-Release: true\n\n",
			"com/":                 "", "com/Main.class": class, "org/": "", "org/lib/": "", "org/lib/Lib.class": "lib",
			"META-INF/maven/org.lib/lib/pom.properties": "groupId=org.lib\nartifactId=lib\nversion=2.1\n",
		}),
	}
}

func testMaven(t *testing.T, _ spec.G, it spec.S) {
	var s *site
	it.Before(func() {
		s = newSite(t)
		s.write(fat(t, "class 1"))
	})

	it("builds, and leaves what runs", func() {
		out := s.mustBuild()
		languagetest.Holds(t, out, "Java 21.0.13 (maven.compiler.release \"21\" in pom.xml)", "Maven 3.9.16 (the default)",
			"Running mvn -DskipTests package (no packages are in the cache)", "tool -B -Dmaven.repo.local="+s.Layers+"/packages/repository --no-transfer-progress",
			"-Dproject.build.outputTimestamp=1980-02-01T00:00:00Z", "layers/jdk/usr/lib/jvm/java-21-openjdk-amd64",
			"target/hello-1.0-with-all-jar.jar is an executable jar")
		if diff := cmp.Diff("java $JAVA_OPTS -jar LAYERS/application/app.jar", s.web()); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"built/classes/com/Main.class", "built/hello-1.0-sources.jar", "built/hello-1.0-with-all-jar.jar", "built/hello-1.0.jar", "fake.sh", "static/style.css"}, s.Files("app")); diff != "" {
			t.Error(diff)
		}
		app, rest := s.entries("layers/application/app.jar"), s.entries("layers/dependencies/jars/dependencies.jar")
		languagetest.Holds(t, app["META-INF/MANIFEST.MF"], "Main-Class: com.Main\r\n", "Class-Path: ../dependencies/jars/dependencies.jar\r\n", "Multi-Release: true\r\n")
		if app["com/Main.class"] != "class 1" || app["org/lib/Lib.class"] != "" {
			t.Errorf("the app's jar has %v", app)
		}
		languagetest.Holds(t, rest["META-INF/MANIFEST.MF"], "Multi-Release: true\r\n")
		if rest["org/lib/Lib.class"] != "lib" || rest["com/Main.class"] != "" {
			t.Errorf("the jar of the dependencies has %v", rest)
		}
		if diff := cmp.Diff([]string{"bin/java", "env.launch/JAVA_HOME.override", "exec.d/database", "exec.d/memory", "lib/modules", "lib/security/cacerts", "lib/server/classes.jsa"}, s.Files("layers/jre")); diff != "" {
			t.Error(diff)
		}
		bill, err := os.ReadFile(filepath.Join(s.Layers, "application.sbom.cdx.json"))
		if err != nil {
			t.Fatal(err)
		}
		languagetest.Holds(t, string(bill), "pkg:maven/org.lib/lib@2.1")
	})

	it("asks nobody, runs nothing and touches nothing when nothing changed", func() {
		s.mustBuild()
		app := s.Files("app")
		s.requests()
		var before []map[string]string
		layers := []string{"layers/application", "layers/dependencies", "layers/jre", "layers/jdk", "layers/build-tool", "layers/packages"}
		if err := os.MkdirAll(filepath.Join(s.Layers, "packages"), 0o755); err != nil {
			t.Fatal(err)
		}
		for _, name := range layers {
			before = append(before, s.Stamps(name))
		}
		web := s.web()
		out := s.mustBuild()
		languagetest.Holds(t, out, "Reusing what was built (nothing changed)", "Java 21.0.13 (maven.compiler.release \"21\" in pom.xml), from the cache")
		if asked := s.requests(); len(asked) > 0 {
			t.Errorf("asked for %s", asked)
		}
		for i, name := range layers {
			if diff := cmp.Diff(before[i], s.Stamps(name)); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
		if strings.Contains(out, "tool ") || s.web() != web {
			t.Errorf("got %s", out)
		}
		if diff := cmp.Diff(app, s.Files("app")); diff != "" {
			t.Error(diff)
		}
	})

	it("keeps the dependencies and asks nobody when a class changed", func() {
		s.mustBuild()
		// A real Maven leaves something there.
		s.write(map[string]string{"fake.sh": fakeBuild})
		if err := os.MkdirAll(filepath.Join(s.Layers, "packages", "repository"), 0o755); err != nil {
			t.Fatal(err)
		}
		s.requests()
		before, runtime := s.Stamps("layers/dependencies"), s.Stamps("layers/jre")
		s.write(fat(t, "class 2"))
		languagetest.Holds(t, s.mustBuild(), "Running mvn -o -DskipTests package (the poms are those of the last build)", "The app's dependencies are those of the last build")
		if asked := s.requests(); len(asked) > 0 {
			t.Errorf("asked for %s", asked)
		}
		if diff := cmp.Diff(before, s.Stamps("layers/dependencies")); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(runtime, s.Stamps("layers/jre")); diff != "" {
			t.Error(diff)
		}
		if got := s.entries("layers/application/app.jar")["com/Main.class"]; got != "class 2" {
			t.Errorf("got %q", got)
		}
	})

	it("lets Maven ask when the poms changed, or when it wants something else", func() {
		s.mustBuild()
		if err := os.MkdirAll(filepath.Join(s.Layers, "packages", "repository"), 0o755); err != nil {
			t.Fatal(err)
		}
		s.write(map[string]string{"pom.xml": strings.Replace(simplePOM, "1.0", "1.1", 1)})
		if out := s.mustBuild(); strings.Contains(out, "mvn -o") || !strings.Contains(out, "(the poms changed)") {
			t.Errorf("got %s", out)
		}
		s.write(map[string]string{"fake.sh": "case $* in -o*) echo 'Cannot access central in offline mode'; exit 1 ;; esac\n" + fakeBuild})
		languagetest.Holds(t, s.mustBuild(), "Running mvn -o", "Maven wants something that it did not want last time", "Running mvn -DskipTests package")
	})

	it("gives the same bytes twice", func() {
		s.mustBuild()
		first := map[string]map[string]string{}
		layers := []string{"layers/application", "layers/dependencies", "layers/jre", "app"}
		for _, name := range layers {
			first[name] = s.sums(name)
		}
		if err := os.RemoveAll(s.Layers); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(s.Layers, 0o755); err != nil {
			t.Fatal(err)
		}
		built := fat(t, "class 1") // with other times in its jars
		delete(built, "built/hello-1.0.jar")
		delete(built, "built/hello-1.0-sources.jar")
		s.write(built)
		s.mustBuild()
		for _, name := range layers[:3] {
			if diff := cmp.Diff(first[name], s.sums(name)); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
	})

	it("takes the wrapper's Maven, and checks it twice", func() {
		zip := "https://example.com/any/apache-maven-3.9.9-bin.zip"
		s.write(map[string]string{mavenWrapperFile: "distributionUrl=" + strings.ReplaceAll(zip, ":", `\:`) + "\n", systemFile: "maven.version=3.8.8\n"})
		languagetest.Holds(t, s.mustBuild(), `Maven 3.9.9 (distributionUrl "3.9.9" in .mvn/wrapper/maven-wrapper.properties)`)
		s.write(map[string]string{mavenWrapperFile: "distributionUrl=" + zip + "\ndistributionSha256Sum=" + strings.Repeat("0", 64) + "\n"})
		_, err := s.build()
		if download.FaultOf(err) != download.App {
			t.Fatalf("got %v", err)
		}
		languagetest.Holds(t, err.Error(), "the wrapper's distributionSha256Sum states", "expected: 000")
		s.write(map[string]string{mavenWrapperFile: ""})
		languagetest.Holds(t, s.mustBuild(), `Maven 3.8.8 (maven.version "3.8.8" in system.properties)`, "the cache has 3.9.9")
	})

	it("does as settings say", func() {
		s.write(map[string]string{"settings.xml": "<settings/>"})
		s.Env["MAVEN_CUSTOM_GOALS"], s.Env["MAVEN_CUSTOM_OPTS"] = "clean verify", `-Dx="a b" -Pprod`
		languagetest.Holds(t, s.mustBuild(), "-s "+s.App+"/settings.xml", "Running mvn -Dx=a b -Pprod clean verify")
		s.Env["BP_MAVEN_BUILD_ARGUMENTS"] = "-Pother install"
		languagetest.Holds(t, s.mustBuild(), "Running mvn -Pother install")
		s.Env["BP_MAVEN_BUILD_ARGUMENTS"] = "'"
		_, err := s.build()
		if download.FaultOf(err) != download.App {
			t.Fatalf("got %v", err)
		}
		languagetest.Holds(t, err.Error(), "BP_MAVEN_BUILD_ARGUMENTS has a quote without an end")
	})

	it("makes the runtime that is asked for", func() {
		s.Env["BP_JVM_JLINK_ARGS"] = "--no-man-pages --add-modules=java.sql,java.base"
		s.mustBuild()
		modules := func() string {
			data, err := os.ReadFile(filepath.Join(s.Layers, "jre", "lib", "modules"))
			if err != nil {
				t.Fatal(err)
			}
			return strings.TrimSpace(string(data))
		}
		if got := modules(); got != "java.base,java.sql" {
			t.Errorf("got %s", got)
		}
		s.Env["BP_JVM_JLINK_ARGS"], s.Env["BP_JVM_JLINK_ENABLED"] = "", "false"
		languagetest.Holds(t, s.mustBuild(), "Made the Java runtime for processes (modules changed)")
		if got := modules(); got != "ALL-MODULE-PATH" {
			t.Errorf("got %s", got)
		}
		s.Env["BP_JVM_TYPE"] = "jdk"
		s.mustBuild()
		home, err := os.ReadFile(filepath.Join(s.Layers, "jre", "env.launch", "JAVA_HOME.override"))
		if err != nil || string(home) != s.Layers+"/jdk/usr/lib/jvm/java-21-openjdk-amd64" {
			t.Errorf("got %s, %v", home, err)
		}
	})

	it("takes away what came with the app", func() {
		s.write(map[string]string{"target/old.jar": "old", ".jdk/release": "x"})
		out := s.mustBuild()
		languagetest.Holds(t, out, " !     target came with the app", "git rm -r --cached target", ".jdk came with the app", "git rm -r --cached .jdk")
		if slices.Contains(s.Files("app"), ".jdk/release") {
			t.Error("it is still there")
		}
	})

	it("warns of versions that are several", func() {
		s.write(map[string]string{"pom.xml": strings.Replace(simplePOM, "<properties>",
			"<dependencies><dependency><groupId>a</groupId><artifactId>b</artifactId><version>[1,2)</version></dependency></dependencies><properties>", 1)})
		languagetest.Holds(t, s.mustBuild(), "Some versions are not one version", "a:b: pom.xml wants [1,2)")
	})
}

func testStart(t *testing.T, _ spec.G, it spec.S) {
	var s *site
	it.Before(func() {
		s = newSite(t)
		s.write(map[string]string{"pom.xml": simplePOM, "fake.sh": fakeBuild})
	})
	boot := func(class string) string {
		return zipped(t, map[string]string{
			"META-INF/MANIFEST.MF": "Manifest-Version: 1.0\r\nMain-Class: org.springframework.boot.loader.launch.JarLauncher\r\nStart-Class: com.App\r\n" +
				"Spring-Boot-Version: 4.0.7\r\nSpring-Boot-Classes: BOOT-INF/classes/\r\nSpring-Boot-Lib: BOOT-INF/lib/\r\nImplementation-Version: 1.0\r\n\r\n",
			"BOOT-INF/classes/":                                        "",
			"BOOT-INF/classes/com/App.class":                           class,
			"BOOT-INF/classes/application.properties":                  "a=b",
			"BOOT-INF/lib/spring-boot-4.0.7.jar":                       zipped(t, map[string]string{"META-INF/MANIFEST.MF": "x"})[:4] + "spring",
			"BOOT-INF/lib/own-1.0-SNAPSHOT.jar":                        "own" + class,
			"BOOT-INF/lib/company-2.jar":                               "company",
			"BOOT-INF/classpath.idx":                                   "- \"BOOT-INF/lib/spring-boot-4.0.7.jar\"\n- \"BOOT-INF/lib/own-1.0-SNAPSHOT.jar\"\n- \"BOOT-INF/lib/company-2.jar\"\n",
			"BOOT-INF/layers.idx":                                      "- \"dependencies\":\n  - \"BOOT-INF/lib/spring-boot-4.0.7.jar\"\n- \"spring-boot-loader\":\n  - \"org/\"\n- \"snapshot-dependencies\":\n- \"company\":\n  - \"BOOT-INF/lib/company-2.jar\"\n- \"application\":\n  - \"BOOT-INF/classes/\"\n",
			"org/springframework/boot/loader/launch/JarLauncher.class": "loader",
		})
	}

	it("takes a jar of Spring Boot apart by its layers", func() {
		s.write(map[string]string{"built/app.jar": boot("1")})
		s.mustBuild()
		if diff := cmp.Diff("java -Dserver.port=${PORT:-8080} $JAVA_OPTS -jar LAYERS/application/app.jar", s.web()); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"jars/spring-boot-4.0.7.jar"}, s.Files("layers/dependencies")); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"app.jar", "jars/company-2.jar", "jars/own-1.0-SNAPSHOT.jar"}, s.Files("layers/application")); diff != "" {
			t.Error(diff)
		}
		app := s.entries("layers/application/app.jar")
		text := strings.ReplaceAll(app["META-INF/MANIFEST.MF"], "\r\n ", "")
		languagetest.Holds(t, text, "Main-Class: com.App\r\n", "Implementation-Version: 1.0\r\n", "Spring-Boot-Version: 4.0.7",
			"Class-Path: ../dependencies/jars/spring-boot-4.0.7.jar jars/own-1.0-SNAPSHOT.jar jars/company-2.jar\r\n")
		if strings.Contains(text, "Start-Class") || app["com/App.class"] != "1" || app["application.properties"] != "a=b" || len(app) != 3 {
			t.Errorf("got %v", app)
		}
		before := s.Stamps("layers/dependencies")
		s.write(map[string]string{"built/app.jar": boot("2")})
		s.mustBuild()
		if diff := cmp.Diff(before, s.Stamps("layers/dependencies")); diff != "" {
			t.Error(diff)
		}
	})

	it("finds the jars that a jar names", func() {
		s.write(map[string]string{
			"built/app.jar":              zipped(t, map[string]string{"META-INF/MANIFEST.MF": "Main-Class: com.Main\nClass-Path: lib/a-1.jar lib/missing.jar lib/b%20c-SNAPSHOT.jar\n"}),
			"built/lib/a-1.jar":          zipped(t, map[string]string{"io/micronaut/http/server/X.class": "x"}),
			"built/lib/b c-SNAPSHOT.jar": zipped(t, map[string]string{"b": "b"}),
		})
		s.mustBuild()
		languagetest.Holds(t, s.web(), "java -Dmicronaut.server.port=${PORT:-8080} $JAVA_OPTS -jar")
		languagetest.Holds(t, s.entries("layers/application/app.jar")["META-INF/MANIFEST.MF"], "Class-Path: ../dependencies/jars/a-1.jar jars/b%20c-SNAPSHOT.jar\r\n")
	})

	it("starts Quarkus with its libraries apart", func() {
		jar := zipped(t, map[string]string{"META-INF/MANIFEST.MF": "Main-Class: io.quarkus.X\nClass-Path: lib/boot/a.jar\n"})
		s.write(map[string]string{
			"built/quarkus-app/quarkus-run.jar": jar, "built/quarkus-app/app/x.jar": jar, "built/quarkus-app/quarkus/a.dat": "dat",
			"built/quarkus-app/lib/boot/a.jar": "a", "built/quarkus-app/lib/main/b.jar": "b", "built/x.jar": jar,
		})
		s.mustBuild()
		if diff := cmp.Diff("java -Dquarkus.http.host=0.0.0.0 -Dquarkus.http.port=${PORT:-8080} $JAVA_OPTS -jar LAYERS/application/quarkus-app/quarkus-run.jar", s.web()); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"jars/boot/a.jar", "jars/main/b.jar"}, s.Files("layers/dependencies")); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"quarkus-app/app/x.jar", "quarkus-app/lib -> ../../dependencies/jars", "quarkus-app/quarkus-run.jar", "quarkus-app/quarkus/a.dat"}, s.Files("layers/application")); diff != "" {
			t.Error(diff)
		}
		if _, err := os.Stat(filepath.Join(s.Layers, "application/quarkus-app/lib/boot/a.jar")); err != nil {
			t.Error(err)
		}
	})

	it("leaves in their places what the Procfile names", func() {
		s.write(map[string]string{
			"Procfile":            "web: java $JAVA_OPTS -jar target/app.jar\nworker: java -cp target/classes:target/dependency/* com.Worker\nold: ./mvnw exec:java\n",
			"built/app.jar":       zipped(t, map[string]string{"META-INF/MANIFEST.MF": "Main-Class: com.Main\nClass-Path: lib/a.jar\n"}),
			"built/lib/a.jar":     "a",
			"built/classes/x":     "x",
			"built/dependency/d1": "d",
			"built/other.txt":     "not named",
		})
		out := s.mustBuild()
		languagetest.Holds(t, out, "the process old in the Procfile starts mvnw", "The Procfile says it")
		links := func() []string {
			var links []string
			for _, name := range s.Files("app") {
				if strings.Contains(name, " -> ") {
					links = append(links, name)
				}
			}
			return links
		}
		want := []string{
			"target/app.jar -> ../../layers/application/files/target/app.jar",
			"target/classes -> ../../layers/application/files/target/classes",
			"target/dependency -> ../../layers/application/files/target/dependency",
			"target/lib/a.jar -> ../../../layers/application/files/target/lib/a.jar",
		}
		if diff := cmp.Diff(want, links()); diff != "" {
			t.Error(diff)
		}
		languagetest.Holds(t, s.mustBuild(), "nothing changed")
		if diff := cmp.Diff(want, links()); diff != "" {
			t.Error(diff)
		}
	})

	it("asks which of several modules it is", func() {
		jar := zipped(t, map[string]string{"META-INF/MANIFEST.MF": "Main-Class: com.Main\n"})
		s.write(map[string]string{
			"pom.xml":     strings.Replace(simplePOM, "<properties>", "<packaging>pom</packaging><modules><module>api</module><module>admin</module></modules><properties>", 1),
			"api/pom.xml": simplePOM, "admin/pom.xml": simplePOM, "api/built.jar": jar, "admin/built.jar": jar,
			"fake.sh": "for m in api admin; do mkdir -p $m/target && cp $m/built.jar $m/target/$m.jar; done\n",
		})
		_, err := s.build()
		if download.FaultOf(err) != download.App {
			t.Fatalf("got %v", err)
		}
		languagetest.Holds(t, err.Error(), "  admin/target/admin.jar\n  api/target/api.jar\n", "BP_MAVEN_BUILT_MODULE=admin", "> Procfile")
		s.Env["BP_MAVEN_BUILT_MODULE"] = "api"
		languagetest.Holds(t, s.mustBuild(), "-pl api -am", "api/target/api.jar is an executable jar")
		s.Env["BP_MAVEN_BUILT_MODULE"] = "web"
		if _, err = s.build(); err == nil || !strings.Contains(err.Error(), "there is no module web to start") {
			t.Errorf("got %v", err)
		}
		s.Env["BP_MAVEN_BUILT_MODULE"], s.Env["BP_MAVEN_BUILT_ARTIFACT"] = "", "admin/target/*.jar"
		languagetest.Holds(t, s.mustBuild(), "admin/target/admin.jar is an executable jar")
	})

	it("says why there is nothing to start", func() {
		for _, c := range []struct {
			files map[string]string
			says  []string
		}{
			{nil, []string{"the build made no jar", "expected one in target", "Procfile"}},
			{map[string]string{"built/a.jar": zipped(t, map[string]string{"a": "a"})}, []string{"target/a.jar has no Main-Class", "maven-shade-plugin"}},
			{map[string]string{"built/a.jar": "", "built/a.war": zipped(t, map[string]string{"a": "a"})}, []string{"target/a.war needs a server to run in"}},
		} {
			s.write(map[string]string{"built/x": "x"})
			s.write(c.files)
			_, err := s.build()
			if download.FaultOf(err) != download.App {
				t.Fatalf("got %v", err)
			}
			languagetest.Holds(t, err.Error(), c.says...)
		}
	})
}

func testTrouble(t *testing.T, _ spec.G, it spec.S) {
	var s *site
	it.Before(func() {
		s = newSite(t)
		s.write(map[string]string{"pom.xml": simplePOM, "fake.sh": fakeBuild})
	})

	it("explains what goes wrong in a build", func() {
		for _, c := range []struct {
			prints string
			fault  download.Fault
			says   string
		}{
			{"[ERROR] COMPILATION ERROR :\n[ERROR] /app/src/A.java:[3,1] ';' expected", download.App, "the app does not compile. See it fail on your machine:\n  mvn -DskipTests package"},
			{"Could not resolve dependencies for project com.example:hello:jar:1.0: Could not find artifact com.example:secret:jar:1.0 in central", download.App, "a package is in none of the repositories"},
			{"status code: 401, reason phrase: Unauthorized (401)", download.App, "a repository wants credentials"},
			{"Could not transfer artifact a:b:jar:1 from/to central: transfer failed for a/b-1.jar, status: 503 Service Unavailable", download.Passing, "could not be reached"},
			{"Could not transfer artifact a:b:jar:1: Checksum validation failed, expected x but is y", download.Registry, "something else than its checksum says"},
			{"Fatal error compiling: error: release version 26 not supported", download.App, "compiles for a Java that its JDK does not know"},
			{"Fatal error compiling: error: invalid target release: 26", download.App, "does not know: 26"},
			{"Unsupported class file major version 69", download.App, "release of Java plus 44"},
			{"java.lang.OutOfMemoryError: Java heap space", download.App, "-e MAVEN_OPTS=-Xmx2g"},
			{"Unknown lifecycle phase \"pack\"", download.App, "Maven knows no goal of that name"},
			{"something else", download.App, "see it fail on your machine:\n  mvn -DskipTests package"},
			{"PKIX path building failed: unable to find valid certification path", download.App, "export SSL_CERT_FILE="},
			{"java.io.IOException: No space left on device", download.Passing, "slugc cache prune"},
		} {
			s.write(map[string]string{"fake.sh": "cat <<'EOF'\n" + c.prints + "\nEOF\nexit 1\n"})
			_, err := s.build()
			if got := download.FaultOf(err); got != c.fault {
				t.Errorf("%s: fault %q: %v", c.prints, got, err)
				continue
			}
			languagetest.Holds(t, err.Error(), c.says, "its last lines:")
		}
	})

	it("says whose fault it is when Maven cannot be had", func() {
		for code, c := range map[int]struct {
			fault download.Fault
			says  string
		}{
			http.StatusServiceUnavailable: {download.Passing, "does not answer as it should"},
			http.StatusUnauthorized:       {download.App, "wants credentials"},
			http.StatusNotFound:           {download.Registry, "does not have org.apache.maven:apache-maven:3.9.16"},
		} {
			s.repository.Before(func(w http.ResponseWriter, _ *http.Request) bool {
				w.WriteHeader(code)
				return true
			})
			_, err := s.build()
			if c.fault == download.Registry {
				c.fault = download.App
			}
			if download.FaultOf(err) != c.fault {
				t.Errorf("%d: fault %q: %v", code, download.FaultOf(err), err)
				continue
			}
			languagetest.Holds(t, err.Error(), c.says)
		}
		s.repository.Before(nil)
		s.repository.files["/org/apache/maven/apache-maven/3.9.16/apache-maven-3.9.16-bin.tar.gz"] = []byte("evil")
		_, err := s.build()
		if download.FaultOf(err) != download.Registry || !strings.Contains(err.Error(), "does not have the checksum that it should have") {
			t.Errorf("got %v", err)
		}
		s.write(map[string]string{systemFile: "maven.version=3.99.0\n"})
		_, err = s.build()
		if download.FaultOf(err) != download.App {
			t.Errorf("got %v", err)
		}
		languagetest.Holds(t, err.Error(), "maven.version in system.properties asks for it", "mvn wrapper:wrapper -Dmaven=3.9.16")
	})

	it("refuses what cannot be built before anything is downloaded", func() {
		for name, c := range map[string]struct {
			files map[string]string
			says  []string
		}{
			"broken pom":    {map[string]string{"pom.xml": "<project>\n<a>\n</b>\n</project>"}, []string{"pom.xml is not valid XML", "line 3", "mvn validate"}},
			"empty pom":     {map[string]string{"pom.xml": "\n"}, []string{"pom.xml is empty"}},
			"merge":         {map[string]string{"pom.xml": "<project>\n<<<<<<< HEAD\n"}, []string{"pom.xml holds an unfinished merge", "line 2", "git add pom.xml"}},
			"no version":    {map[string]string{systemFile: "java.runtime.version=newest\n"}, []string{"does not say which Java to use", "echo java.runtime.version=25 > system.properties"}},
			"too old a JDK": {map[string]string{".java-version": "17\n"}, []string{"compiles for Java 21, but builds with Java 17", `.java-version "17"`, "java.runtime.version=21"}},
			"bad wrapper":   {map[string]string{mavenWrapperFile: "distributionUrl=https://example.com/mvnd.zip\n"}, []string{mavenWrapperFile, "mvn wrapper:wrapper -Dmaven=3.9.16"}},
			"two tools":     {map[string]string{"build.gradle": "x", "gradlew": "x"}, []string{"both Maven and Gradle", "git rm build.gradle gradlew", "git rm pom.xml"}},
			"an old Java":   {map[string]string{"pom.xml": strings.ReplaceAll(simplePOM, ">21<", ">7<"), systemFile: "java.runtime.version=1.7\n"}, []string{"Java 7 is too old: slugc builds with Java 8 and later", "java.runtime.version in system.properties asks for it", "echo java.runtime.version=25 > system.properties"}},
			"a wrong name":  {map[string]string{"system.property": "java.runtime.version=21\n"}, []string{"system.property says which Java to use under a name that nobody reads", "git mv system.property system.properties"}},
			"old Maven":     {map[string]string{systemFile: "maven.version=2.2.1\n"}, []string{"Maven 2.2.1 is too old"}},
		} {
			t.Run(name, func(t *testing.T) {
				s := newSite(t)
				s.write(map[string]string{"pom.xml": simplePOM})
				s.write(c.files)
				_, err := s.build()
				if download.FaultOf(err) != download.App {
					t.Fatalf("got %v", err)
				}
				languagetest.Holds(t, err.Error(), c.says...)
				if asked := s.requests(); len(asked) > 0 {
					t.Errorf("asked for %s", asked)
				}
			})
		}
	})

	it("says which Java there is", func() {
		s.write(map[string]string{systemFile: "java.runtime.version=23\n"})
		_, err := s.build()
		if download.FaultOf(err) != download.App {
			t.Fatalf("got %v", err)
		}
		languagetest.Holds(t, err.Error(), "the nearest are 17.0.19, 21.0.13, 25.0.5", "java.runtime.version in system.properties asks for it", "echo java.runtime.version=")
	})
}

func testGradle(t *testing.T, _ spec.G, it spec.S) {
	var s *site
	it.Before(func() {
		s = newSite(t)
		s.write(map[string]string{
			"build.gradle": "plugins { id 'application' }\njava { toolchain { languageVersion = JavaLanguageVersion.of(21) } }\n",
			"gradlew":      "", wrapperFile: "distributionUrl=gradle-8.10-bin.zip\n",
			"gradle/wrapper/gradle-8.10-bin.zip": zipped(t, map[string]string{"gradle-8.10/bin/gradle*": fakeTool}),
			"fake.sh":                            "mkdir -p build && cp -r built/. build/\n",
			"built/libs/dice.jar":                zipped(t, map[string]string{"META-INF/MANIFEST.MF": "A: b\n"}),
			"built/install/dice/bin/dice":        "#!/bin/sh\n",
			"built/install/dice/bin/dice.bat":    "rem",
			"built/install/dice/lib/dice.jar":    zipped(t, map[string]string{"META-INF/MANIFEST.MF": "A: b\n"}),
			"built/install/dice/lib/gson-2.jar":  zipped(t, map[string]string{"META-INF/maven/com.google/gson/pom.properties": "groupId=com.google\nartifactId=gson\nversion=2\n"}),
		})
	})

	it("builds a program of the application plugin", func() {
		out := s.mustBuild()
		languagetest.Holds(t, out, `Java 21.0.13 (the toolchain "21" in build.gradle)`, "Gradle 8.10 (distributionUrl in gradle/wrapper/gradle-wrapper.properties)",
			"tool --no-daemon --console=plain installDist", "build/install/dice is a program of Gradle's application plugin")
		if diff := cmp.Diff("LAYERS/application/program/bin/dice", s.web()); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"program/bin/dice", "program/bin/dice.bat", "program/lib/dice.jar", "program/lib/gson-2.jar -> ../../../dependencies/jars/gson-2.jar"}, s.Files("layers/application")); diff != "" {
			t.Error(diff)
		}
		s.requests()
		languagetest.Holds(t, s.mustBuild(), "nothing changed")
		if asked := s.requests(); len(asked) > 0 {
			t.Errorf("asked for %s", asked)
		}
	})

	it("takes the distribution from a mirror, with the checksum beside it", func() {
		data := []byte(s.files["gradle/wrapper/gradle-8.10-bin.zip"])
		s.write(map[string]string{"gradle/wrapper/gradle-8.10-bin.zip": ""})
		_, err := s.build()
		if download.FaultOf(err) != download.App {
			t.Fatalf("got %v", err)
		}
		languagetest.Holds(t, err.Error(), "there is no such file", "SLUGC_GRADLE_DISTRIBUTIONS=")
		s.Env[distributionsVariable] = s.repository.URL + "/gradle"
		s.repository.files["/gradle/gradle-8.10-bin.zip"] = data
		_, err = s.build()
		languagetest.Holds(t, err.Error(), "there is no checksum of Gradle 8.10", "--gradle-distribution-sha256-sum")
		s.repository.files["/gradle/gradle-8.10-bin.zip.sha256"] = []byte(strings.Repeat("0", 64))
		_, err = s.build()
		languagetest.Holds(t, err.Error(), "does not have the checksum")
		sum := sha256Of(data)
		s.repository.files["/gradle/gradle-8.10-bin.zip.sha256"] = []byte(sum)
		languagetest.Holds(t, s.mustBuild(), "Downloaded Gradle 8.10")
		s.repository.Before(func(w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		})
		s.write(map[string]string{wrapperFile: "distributionUrl=https\\://example.com/gradle-8.11-bin.zip\ndistributionSha256Sum=" + sum + "\n"})
		_, err = s.build()
		if download.FaultOf(err) != download.Passing {
			t.Errorf("got %v", err)
		}
	})

	it("explains what goes wrong", func() {
		for prints, says := range map[string]string{
			"Could not find com.example:secret:1.0.\nSearched in":                                              "a package is in none of the repositories",
			"Could not resolve all files for configuration ':a'.\n> PKIX path building failed: unable to find": "export SSL_CERT_FILE=",
			"Task 'stage' not found in root project":                                                           "the app has no task stage",
			"Cannot find a Java installation on your machine matching this tasks requirements":                 "The build has one JDK",
			"Compilation failed; see the compiler error output for details.":                                   "./gradlew installDist",
			"Dependency verification failed for configuration ':compileClasspath'":                             "something else than its checksum says",
			"Resolved 'a:b:1' which is not part of the dependency lock state":                                  "./gradlew dependencies --write-locks",
			"Plugin [id: 'org.example.x', version: '1'] was not found in any of the following sources":         "the plugin org.example.x is in none",
		} {
			s.write(map[string]string{"fake.sh": "cat <<'EOF'\n" + prints + "\nEOF\nexit 1\n"})
			_, err := s.build()
			if err == nil {
				t.Fatal("it builds")
			}
			languagetest.Holds(t, err.Error(), says)
		}
	})

	it("refuses a build that locks versions without a lock file", func() {
		s.write(map[string]string{"build.gradle": "plugins { id 'application' }\ndependencyLocking {\n    lockAllConfigurations()\n}\ndependencies {\n    implementation 'a:b:1'\n}\n"})
		_, err := s.build()
		if download.FaultOf(err) != download.App {
			t.Fatalf("got %v", err)
		}
		languagetest.Holds(t, err.Error(), "there is no gradle.lockfile", "build.gradle locks the versions", "./gradlew dependencies --write-locks\n  git add gradle.lockfile")
		if asked := s.requests(); len(asked) > 0 {
			t.Errorf("asked for %s", asked)
		}
		s.write(map[string]string{"gradle.lockfile": "a:b:1=compileClasspath\n"})
		s.mustBuild()
	})

	it("leads Gradle to the mirrors and proxies that Maven's settings name", func() {
		file := filepath.Join(s.Dir, "settings.xml")
		settings := "<settings><servers><server><id>corp</id><username>me</username><password>it's</password></server></servers>" +
			"<mirrors><mirror><id>corp</id><url>" + s.repository.URL + "/maven2</url><mirrorOf>*</mirrorOf></mirror></mirrors>" +
			"<proxies><proxy><host>proxy.test</host><port>3128</port><nonProxyHosts>*.corp|10.1.2.3</nonProxyHosts></proxy></proxies></settings>"
		if err := os.WriteFile(file, []byte(settings), 0o600); err != nil {
			t.Fatal(err)
		}
		s.Env[maven.SettingsVariable] = file
		s.write(map[string]string{"fake.sh": "cat \"$2\" > $GRADLE_USER_HOME.seen; mkdir -p build && cp -r built/. build/\n"})
		languagetest.Holds(t, s.mustBuild(), "tool --init-script ")
		seen, err := os.ReadFile(filepath.Join(s.Dir, "layers", "packages.seen"))
		if err != nil {
			t.Fatal(err)
		}
		languagetest.Holds(t, string(seen), "def mirrorOfOthers = [url: '"+s.repository.URL+"/maven2', user: 'me', password: 'it\\'s']",
			"System.setProperty('https.proxyHost', 'proxy.test')", "System.setProperty('http.nonProxyHosts', 'localhost|127.*|*.corp|10.1.2.3')")
	})

	it("refuses an app without a wrapper", func() {
		s.write(map[string]string{wrapperFile: ""})
		_, err := s.build()
		if download.FaultOf(err) != download.App {
			t.Fatalf("got %v", err)
		}
		languagetest.Holds(t, err.Error(), "there is no gradle/wrapper/gradle-wrapper.properties", "  gradle wrapper\n", "git add -f gradlew")
		if asked := s.requests(); len(asked) > 0 {
			t.Errorf("asked for %s", asked)
		}
	})
}
