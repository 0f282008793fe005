// Package bridge makes a Cloud Native Buildpack of a classic one: Package lays
// it out (CNB Buildpack API 0.10, "Buildpack Interface"), and Run is its
// bin/detect and bin/build, the program of cmd/bridge. It works in any builder,
// with slugc and with every other platform; the classic buildpack in it is as
// its author wrote it.
//
// The package:
//
//	buildpack.toml
//	bin/build     the program
//	bin/detect    a link to it
//	classic/      the classic buildpack
//
// The layers:
//
//	cache     CACHE_DIR (cache)
//	export    the copy of the classic buildpack that this build may write, and
//	          what its file "export" changes in the environment (build)
//	profile   config_vars as defaults, and the exec.d program that gives
//	          processes what .profile.d exports (launch)
//
// What it decided:
//
//   - The scripts run in the container that the platform started, each in a
//     process group that ends with it, after 15 minutes at the latest
//     (sandbox.Direct).
//     There is no sandbox in the sandbox: BUILD_DIR is the app's directory where
//     the platform has it, and cannot be removed where that is a mount point.
//     A script that writes /app into its results, in place of $HOME, has to be
//     built by slugc or by a platform whose app directory that is.
//   - buildpack.toml says clear-env: the person's variables are in ENV_DIR, the
//     env directory of the platform, and nowhere else, as on Heroku. What the
//     buildpacks before it made of the environment reaches the scripts. HOME is
//     private to the script.
//   - STACK is the person's variable STACK, else an id of Heroku's in
//     CNB_STACK_ID, else Heroku's stack on the same release of Ubuntu (heroku-24
//     for 24.04), else CNB_STACK_ID, else the name and version of the
//     distribution. SOURCE_VERSION is the person's variable: a buildpack is not
//     told which commit is built.
//   - The copy of the buildpack lies in a layer, not in /tmp, because an export
//     may lead into it. A variable that an export prolongs, such as PATH, is
//     prepended or appended to, any other is set; one that it removes is empty,
//     for no buildpack can take a variable away.
//   - Each buildpack has a CACHE_DIR of its own, as it cannot see the layers of
//     others.
//   - The process types of the app's Procfile count, over those of bin/release:
//     it may be the classic buildpack that wrote the file, and a builder need
//     not have another buildpack that reads it. That is procfile.Build, the whole
//     of slugc/procfile, so the grammars and the warnings are the same.
//   - Heroku promises .profile.d to every process, also to those of other
//     buildpacks, whose processes no shell starts. exec.d is what reaches all of
//     them, and HOME is the app there too. The program is bash, because that is
//     what the scripts are written for. One is enough for an app: the first
//     bridge of a group tells the others by a build variable. In a slug of slugc
//     bash sources .profile.d itself, and the program has nothing to do.
//   - bin/report is for programs that watch builds, and a lifecycle has no place
//     for it.
//   - The version is the git tag that was asked for, if it is one of numbers,
//     else 0.0.N with N a digest of the files: the same files are the same
//     version, wherever they came from.
//
// # Dependencies
//
//   - libcnb saves the reading of a buildpack's inputs and the writing of its
//     outputs.
//   - BurntSushi/toml writes buildpack.toml, with whatever a name holds.
package bridge
