// Package launch starts one process of a finished build: it picks the process
// type, computes the environment that the layers ask for, and hands over. It
// implements "Launch" of the CNB Platform API (0.7 to 0.15) and "Layer Paths",
// "Provided by the Buildpacks" and "exec.d" of the CNB Buildpack API (0.7 to
// 0.12).
//
// The same rules make two more things: the environment of later buildpacks
// (ApplyBuild), and a profile script that gives a slug the environment of its
// layers where there is only bash and no launcher (ProfileScript).
//
// What it decided:
//
//   - The effects on the operating system are fields of Launcher, which makes
//     a process start a unit test. Everything before the last step is computed
//     without them.
//   - What a person types reaches bash as an argument, never as part of a
//     script. Paths that become part of a script are quoted.
//   - A classic buildpack is one without an API version. Its processes are
//     lines for the shell, and a user's arguments are added to the line. Where
//     one took part, every process gets what Heroku promises: the app is HOME,
//     and .profile.d/*.sh of the app are sourced, also before a direct process,
//     which bash then becomes.
//   - In a slug, every word that lies in the layers directory is rewritten to
//     lie under $HOME, so that a slug works wherever it is unpacked.
//   - In an image whose app is a directory of the source, CNB_APP_DIR is that. In a
//     slug the same is made by EnterScript: HOME becomes the directory, and
//     .profile.d of it is sourced.
//   - Where the specification and the reference lifecycle order things
//     differently, images have seen the order of the reference: exec.d and
//     profile.d of a process type follow the others of the same layer, PATH
//     has the last layer of a buildpack first, and a delimiter holds for its
//     own directory.
//   - Documents nest no deeper than a hundred levels, because the library that
//     reads them recurses.
//
// # Which test shows what
//
// TestOracle (acceptance) has the launcher and the reference launcher of
// lifecycle v0.21.0 play the same scenes, with fixed and with random layers,
// and compares what is printed, the exit code and all that the process is
// given. Each row below is among its scenes, unless the row says so. Names
// after a slash are parts of names of subtests; tests without a package are of
// this one, and launcher is cmd/launcher.
//
//	process by argv[0], path or dots       TestLauncher/choosing a process
//	"--", a line or words for the shell    TestLauncher/choosing a process
//	user arguments by both APIs            TestLauncher/arguments; TestOracle/platform API, buildpack API
//	default process                        its link is the entry point: launcher TestNoShell
//	unknown type: message, 82              TestLauncher/fails for an unknown type
//	exec-env eligibility                   TestLauncher/environment; TestOracle/environments
//	API versions, 11 and 12                TestLauncher/fails for a platform, a buildpack API
//	deprecation modes                      TestLauncher/says nothing of deprecation
//	CNB_PROCESS_TYPE warns                 TestLauncher/warns of a variable
//	CNB_* and /cnb in PATH dropped         TestLauncher/makes the environment in build order
//	suffixes and delimiters                TestApply/suffixes, delimiters
//	env, env.launch, env.launch/<type>     TestApply/order and process type; TestOracle/levels
//	contents verbatim, any bytes           TestApply/contents; TestLauncher/takes as many layers
//	bin and lib                            TestApply/directories, TestApplyDirectoriesBeforeFiles
//	order of layers and buildpacks         TestLauncher/makes the environment in build order
//	exec.d: order, types, FD 3, stdin      TestLauncher/runs exec.d programs; TestProfileScriptTOML
//	exec.d: failure, limits, leftovers     TestLauncher/fails for an exec.d program, does not wait
//	profile.d, profile.d/<type>, .profile  TestLauncher/sources profile scripts; TestOracle/profiles
//	working directory                      TestLauncher/working directory
//	a command as a script                  TestLauncher/a script
//	every token evaluated                  TestLauncher/words; TestOracle/words
//	look-up with the new PATH              TestLauncher/finds programs; TestOracle (the probe itself)
//	no shell in the image                  launcher TestNoShell (acceptance, root)
//	exec: same id, signals, exit codes     launcher TestSignals, TestIgnoredSignal, TestLauncher
//	metadata missing or malformed          TestLauncher/fails for metadata; TestParseMetadataErrors
//	127 layers, big environments           TestLauncher/takes as many layers, names the variable
//	a slug has the same environment        TestProfileScript, TestProfileScriptRandom
//	any bytes as metadata or exec.d        FuzzParseMetadata, FuzzLaunch, FuzzParseExecD, TestNestsDeep
//	4 MiB, 5 ms                            launcher TestSize, TestStart
//
// # Where it differs from the reference lifecycle
//
// The rows are shown by TestOracle/but, the last three by launcher TestLauncher
// and by TestLauncher/fails for an exec.d program, does not wait.
//
//	                                    reference           here
//	metadata missing or malformed       exit 1              82, as the specification says
//	a buildpack without an API          exit 12             a classic buildpack
//	arguments, process of no buildpack  exit 82             added to its line
//	an empty command                    panics              82
//	"--" and nothing more               a shell's error     82
//	/cnb/process/UNKNOWN with words     runs the words      82: the link promised a process
//	no working directory, in a shell    runs in the app     82
//	./program and a working directory   sought in the app   in the working directory
//	relative entries of PATH            an error            passed over
//	words -n and -e, runs of blanks     lost to echo        kept
//	a list for a shell, Platform < 0.10 joined to a line    words, as since 0.10
//	bin or lib that is a file           goes into the path  does not
//	a name with "=" in env              sets another name   passed over
//	a name with "=" from exec.d         sets another name   82
//	exec.d/<type> that is a file        exit 82             one of the programs
//	env.launch/<type> that is a file    exit 82             a variable
//	odd names in profile.d              are expanded        are names
//	.profile in a directory of PATH     goes first          is not the app's
//
//	its own errors and warnings         standard output     standard error
//	descriptor 3 left open by exec.d    waits for ever      waits a second
//	output of exec.d                    unlimited           8 MiB
//
// It is the only package of slugc that cmd/launcher links.
//
// Dependencies: BurntSushi/toml reads metadata.toml and what exec.d prints; it
// saves a parser of a format that buildpacks write in all its forms.
package launch
