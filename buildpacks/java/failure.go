package java

import (
	"path"
	"regexp"

	"github.com/slugc/slugc/buildpacks/language/failure"
	"github.com/slugc/slugc/buildpacks/runtime/tool"
	"github.com/slugc/slugc/stack/download"
)

// moduleMissing is why jlink refuses modules that somebody named.
var moduleMissing = failure.Cause{
	Pattern: regexp.MustCompile(`Error: Module (\S+) not found`), Fault: download.App,
	Why: "there is no module $1 in this JDK; BP_JVM_JLINK_ARGS names it",
}

// javaCauses are the known reasons for which a build of any tool fails, the
// surest first.
func javaCauses() []failure.Cause {
	return []failure.Cause{
		{
			Pattern: regexp.MustCompile(`(?:error: )?(?:invalid|invalid source|invalid target) release: ?([0-9.]+)|release version ([0-9.]+) not supported`), Fault: download.App,
			Why: "the app compiles for a Java that its JDK does not know: $1. Build with that release or a newer one:\n" +
				"  echo java.runtime.version=RELEASE > system.properties\n  git add system.properties",
		},
		{
			Pattern: regexp.MustCompile(`Unsupported class file major version (\d+)|has been compiled by a more recent version of the Java Runtime \(class file version (\d+)`), Fault: download.App,
			Why: "something in the build is older than the JDK and cannot read its classes. The file version is the release of Java plus 44.\n" +
				"Take a newer version of the plugin or of Gradle, or an older JDK:\n" +
				"  echo java.runtime.version=RELEASE > system.properties\n  git add system.properties",
		},
		{
			Pattern: regexp.MustCompile(`Source option (\d+) is no longer supported|Target option (\d+) is no longer supported`), Fault: download.App,
			Why: "the JDK does not compile for a Java as old as $1 any more. Compile for a newer one, or build with an older JDK:\n" +
				"  echo java.runtime.version=RELEASE > system.properties\n  git add system.properties",
		},
		{
			Pattern: regexp.MustCompile(`java\.lang\.OutOfMemoryError|GC overhead limit exceeded|insufficient memory for the Java Runtime Environment`), Fault: download.App,
			Why: "the build needs more memory than Java gave it. Give it more:\n" +
				"  slugc build -e MAVEN_OPTS=-Xmx2g    # with Maven\n" +
				"  echo org.gradle.jvmargs=-Xmx2g >> gradle.properties    # with Gradle",
		},
	}
}

// packageCauses are the known reasons for which packages cannot be had. Settings
// say where they are from, and where that is written.
func packageCauses(credentials, elsewhere string) []failure.Cause {
	return []failure.Cause{
		{
			Pattern: regexp.MustCompile(`(?i)\b401\b[^\n]*Unauthorized|Unauthorized[^\n]*\b401\b|status(?: code)?:? 40[13]\b|\b403\b[^\n]*Forbidden|not authorized|authentication failed for`), Fault: download.App,
			Why: "a repository wants credentials, or refuses those that it got. " + credentials,
		},
		{
			Pattern: regexp.MustCompile(`(?i)checksum validation failed, no checksums available`), Fault: download.App,
			Why: "a repository has no checksum of a package, so nobody can say whether it arrived as it should. Without that question:\n" +
				"  slugc build -e MAVEN_CUSTOM_OPTS='-DskipTests " + "--lax-checksums'",
		},
		{
			Pattern: regexp.MustCompile(`(?i)checksum validation failed|checksum failure|invalid checksum|Dependency verification failed`), Fault: download.Registry,
			Why: "a repository serves something else than its checksum says, or than the app's own list of checksums. Look at what changed;\n" +
				"when it is right, the repository's operator should clear its cache of the package",
		},
		{
			// Before what is missing: whoever cannot be reached also has nothing.
			Pattern: regexp.MustCompile(`(?i)transfer failed|connect(?:ion)? timed out|connection refused|connection reset|read timed out|premature end of|unexpected end of|unknown host|no route to host|status(?: code)?:? 5\d\d|\b50[0234] (?:Bad Gateway|Service)|Network is unreachable|Temporary failure in name resolution|UnknownHostException`), Fault: download.Passing,
			Why: "a repository could not be reached, or did not answer as it should. Try again later",
		},
		{
			Pattern: regexp.MustCompile(`Could not find artifact (\S+)|Could not find (\S+:\S+:\S+)\.|Could not resolve all|Could not resolve dependencies|Non-resolvable (?:parent POM|import POM)|Plugin \S+ or one of its dependencies could not be resolved`), Fault: download.App,
			Why: "a package is in none of the repositories, or not in the version that is wanted: $1\n" + elsewhere,
		},
	}
}

func (m *mavenTool) explain(err error, output *tool.Tail) error {
	causes := javaCauses()
	causes = append(causes, failure.Cause{
		Pattern: regexp.MustCompile(`Non-parseable POM|Malformed POM|The project \S+ \(\S+\) has \d+ error`), Fault: download.App,
		Why: "Maven does not accept a pom of the app. See what it says:\n  mvn validate",
	})
	causes = append(causes, failure.Cause{
		Pattern: regexp.MustCompile(`COMPILATION ERROR|Compilation failure`), Fault: download.App,
		Why: "the app does not compile. See it fail on your machine:\n  mvn " + m.retry(),
	})
	causes = append(causes, failure.Cause{
		Pattern: regexp.MustCompile(`Non-resolvable parent POM[^\n]*Could not find artifact (\S+)`), Fault: download.App,
		Why: "the parent that a pom names is where neither <relativePath> says nor in a repository: $1\n" +
			"if it is a directory above the app, build that, and name the app in it:\n  slugc build DIRECTORY --app APP\n" +
			"if it is beside the app, say where, in the <parent> of the pom:\n  <relativePath>../pom.xml</relativePath>\n" +
			"if it is a private package, name its repository in pom.xml or settings.xml",
	})
	causes = append(causes, packageCauses(
		"Name them in a settings.xml, in a <server> with the id of the repository or mirror, and give it to the build:\n"+
			"  slugc build -e MAVEN_SETTINGS_PATH=settings.xml --secret ...",
		"If it is a private one, name its repository in pom.xml or settings.xml. See what is missing:\n  mvn dependency:tree")...)
	causes = append(causes, failure.Cause{
		Pattern: regexp.MustCompile(`Unknown lifecycle phase "(\S+)"|No plugin found for prefix '(\S+)'`), Fault: download.App,
		Why: "Maven knows no goal of that name. MAVEN_CUSTOM_GOALS or BP_MAVEN_BUILD_ARGUMENTS names it",
	}, failure.Cause{
		Pattern: regexp.MustCompile(`There are test failures|There was a timeout or other error in the fork`), Fault: download.App,
		Why: "tests of the app failed. A build runs them only when it is told to, by MAVEN_CUSTOM_OPTS or BP_MAVEN_BUILD_ARGUMENTS",
	})
	return failure.Explain(failure.Failure{
		What: "mvn failed", Err: err, Output: output, Unknown: "see it fail on your machine:\n  mvn " + m.retry(),
	}, append(causes, failure.Common()...))
}

// retry is what to type to see the same failure.
func (m *mavenTool) retry() string {
	args, err := m.arguments()
	if err != nil {
		return "package"
	}
	if file := m.b.app.fromApp(path.Join(m.b.app.root, pomFile)); file != pomFile {
		return "-f " + file + " " + shown(args)
	}
	return shown(args)
}
