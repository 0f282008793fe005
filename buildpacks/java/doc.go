// Package java is the buildpack slugc/java: it builds apps with Maven or Gradle
// and installs a small Java runtime for their processes (CNB Buildpack API 0.10,
// written on libcnb).
//
// The build in one line: readApp checks what the author wrote, finds the build that
// the app is a part of, and refuses what cannot be built before anything is
// downloaded; installJDK and a buildTool bring the JDK and Maven or Gradle; the tool
// builds the app, while jlink makes the runtime; a collector takes what was built
// apart into two layers; finish leaves in the app what processes need there.
//
// The layers:
//
//	jdk           the JDK of the stack's Debian packages (build, cache)
//	build-tool    Maven or Gradle (cache)
//	packages      Maven's local repository, or Gradle's user home (cache)
//	jre           what jlink made, and the exec.d programs (cache, launch)
//	dependencies  the jars that others wrote (cache, launch)
//	application   the app's own jar, and what its Procfile names (cache, launch)
//	catalog       what the registries of runtimes said (cache)
//
// What stands for a lock file. Maven has none: its law is that a version names
// one thing for ever, and that a repository has a checksum beside each file,
// which Maven checks. What is no one version (a range, a snapshot, LATEST) is
// told. Once the packages are there, and the poms are the same, Maven runs
// offline, so that an edit cannot move them. Gradle has gradle.lockfile and
// verification-metadata.xml, and heeds them itself; what it says of them is
// explained. The tools themselves are pinned by their wrappers or by this
// buildpack, and checked by the checksum of the repository and by that of the
// wrapper.
//
// Decisions:
//
//   - An app that is a directory of its source may be a module of Maven or a project
//     of Gradle (whole): the tool runs at the top of that build, with its wrapper,
//     and builds the app and what it needs. A reactor is the highest one that lists
//     the app. Modules that no file names, for the app or for what it needs, do not
//     count in the key of the layers but for their build files, and neither do apps
//     in other languages that no file names; all else beside the app does, since a
//     build may read it. Where a file names modules in a way that only the tool can
//     read, all count.
//   - An app that did not change runs no tool, starts no Java and asks nobody: the
//     key of the layers is over all files of the app, the JDK, the tool, its
//     settings and the environment of the build.
//   - An executable jar is taken apart by who changes it: the app's own classes
//     in one jar, which names the others in its Class-Path, in their order. An
//     edit changes a file of some kilobytes, and Java starts without a loader of
//     its own. Spring Boot's jars are taken apart by its layers.idx, Quarkus' as
//     they lie, a jar that was put together of others by the names in the
//     directories of the app's classes. One that is signed stays whole.
//   - Jars that the build made are written anew with one time for all entries, in
//     one order; a repository's stay as they are. Maven is told a fixed
//     project.build.outputTimestamp where the pom states none.
//   - The slug has neither sources nor the tool's directories. Files of them that
//     the Procfile names are links into the layer of the app, so that a command
//     written for another platform runs: java -jar target/app.jar.
//   - The runtime is made of a fixed set of modules, and not of those that jdeps
//     finds. Frameworks load classes by their names, which jdeps does not see;
//     jdeps takes longer than jlink; and a fixed set is made once, beside the
//     build, and stays when the app changes.
//   - Its archive of classes is that of the JDK alone, the same for every app. One
//     of the app's classes would have to be made anew with every edit, by
//     starting the app.
//   - The version of Java that an app compiles for may be a newer one: the oldest
//     with long-term support that the archive has. One that a file asks for by
//     name is that one; of its security fixes the archive has the latest.
//   - Gradle's distributions are in no registry that people mirror by a protocol.
//     The address is the wrapper's; SLUGC_GRADLE_DISTRIBUTIONS names a mirror.
//     The wrapper's own program is not run: what it would download is checked
//     here, also where the wrapper states no checksum.
//   - Gradle knows no settings for mirrors and proxies but programs. An init script
//     leads it to those of Maven's settings.xml, with their logins. It compares
//     what it downloads with no checksum of the repository; it does where the app has
//     a gradle/verification-metadata.xml.
//   - JDBC_DATABASE_URL has no sslmode that DATABASE_URL does not have: drivers
//     prefer encryption by themselves.
//
// Third-party: libcnb holds the vocabulary of a buildpack, BurntSushi/toml reads
// buildpack.toml, x/sync/errgroup saves the bookkeeping of what runs side by
// side, git-pkgs/purl knows Maven's own repository.
package java
