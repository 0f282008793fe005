// Package classic is the dialect of Heroku's classic buildpacks: a directory with
// bin/detect and bin/compile becomes a buildpack that can be asked and can build.
//
// It implements the Buildpack API of Heroku's Dev Center: bin/detect,
// bin/compile, bin/release, bin/report, bin/test-compile and bin/test with their
// arguments, exit statuses and environment, and the export of one buildpack for
// those behind it. Of the platform around it, who builds is chosen in
// release/deploy, project files are read in buildpacks/project, a Procfile in
// buildpacks/procfile, and .profile.d is sourced in stack/launch and
// release/formation.
//
// What it decided:
//
//   - BUILD_DIR is /app, where the app also runs, CACHE_DIR is /cache, and HOME is
//     /tmp, so that what a script leaves in its home is no part of the app. All
//     three are directories of one file system, and none is a mount point:
//     scripts remove BUILD_DIR, rename from one to the other and make hard links
//     (place). Layers that CNBs made lie in the app, and are out of reach while
//     a classic buildpack clears it.
//   - Of an app in a directory of its source BUILD_DIR is that one, the first
//     argument and the working directory of each script; SLUGC_SOURCE_DIR is the
//     source. When processes run it is HOME.
//   - ENV_DIR has the person's variables as files. Of those only proxies are also
//     in the environment of a script, and STACK is what it is told of the stack,
//     where the operator says that one is as good as another.
//   - A script writes into a copy of its buildpack, for one build. Everybody may
//     run what is in bin, as on Heroku, whatever the modes are.
//   - Any status of bin/detect but 0 says no. A script that was ended by a signal,
//     or that cannot start, broke, which is not a no.
//   - The classic buildpacks of an app share one CACHE_DIR. It is a layer, of the
//     owner CacheOwner, so that it is restored, checked and shared as those of
//     CNBs are: what a build was killed over is not found again. What one put
//     there that failed by itself is.
//   - An export is evaluated by bash, once, and what it changed goes on as
//     variables, to classic buildpacks and CNBs alike. It is asked for when there
//     is a buildpack behind it.
//   - bin/release has to succeed and to print a YAML map, or nothing. Its process
//     types are lines for a shell. config_vars become a layer with defaults, so
//     that slug and image have them; of two buildpacks that suggest one the last
//     counts.
//   - A bin/compile is ended after 15 minutes, unless Site.BuildTimeout says
//     otherwise; all that it started ends with it.
//   - A classic buildpack does not say who it is: Identify makes an id of the
//     address, and the version is the beginning of the digest of what was fetched.
//
// # Which test shows what
//
// classic is TestBuildpack of this package; scripts are those of cmd/slugc.
//
//	detect: status, name, words            classic/it is asked; script choose
//	ENV_DIR, several lines, byte for byte  classic/reads variables as files
//	what is not exported                   classic/has the environment of the contract
//	SOURCE_VERSION, STACK, REQUEST_ID      the same; is told another stack; script classic
//	CACHE_DIR, modes and links kept        classic/keeps its cache; script classic, secret
//	export for those behind it             classic/it exports; script classic, mix
//	bin/release, its spellings             classic/it releases; FuzzParseRelease
//	the last one's process types           script classic
//	.profile.d in order, then .profile     script classic, mix; stack/launch TestLauncher
//	.slugignore before detection           script classic; buildpacks/project TestIgnore
//	slug below ./app, of root, equal bytes script classic
//	too large a slug                       script classic
//	time that is up, with all processes    classic/is ended after the time that it has
//	cancelled                              classic/ends when the build does
//	nobody, and several, can build         script choose
//	.buildpacks, app.json, BUILDPACK_URL   script choose; buildpacks/project
//	Procfile, its mistakes                 buildpacks/procfile TestParse
//	bin/report, also of a failure          classic/it reports; script classic
//	SIGTERM, then SIGKILL                  script run; stack/sandbox
//	secrets in log, slug, image and cache  script secret
//	a vendored Go app without a network    cmd/slugc TestClassicVendoredGo
//	a credential in ENV_DIR                script secret
//	the same again, the same bytes         script classic; TestClassicBesideNodejs
//	beside CNBs, in any order              script mix; cmd/slugc TestClassicBesideNodejs
//	test-compile and test                  classic/tests are built; script test
//	a failed build that is kept            script keep
//	a CNB that is made of one              buildpacks/classic/bridge; script bridge
//
// # Public buildpacks that were run as they are
//
// With slugc build and slugc run, on the host stack; each needs nothing but what
// is in its repository.
//
//	repository                             version                what it showed
//	lstoll/heroku-buildpack-monorepo       82e175c (2021-03-01)   clears BUILD_DIR with dotglob and moves a
//	                                                              directory into it; slugc/nodejs behind it in
//	                                                              one group finds the app then
//	timanovsky/subdir-heroku-buildpack     6d1c902 (2021-04-01)   copies by way of CACHE_DIR; ENV_DIR
//	heroku/heroku-buildpack-multi          308249e (2021-02-26)   clones buildpacks with git, sources their
//	                                                              export, prints the last release
//	heroku/heroku-buildpack-multi-procfile cd15c68 (2026-07-14)   writes the Procfile that counts
//	heroku/heroku-buildpack-inline         b8ebae8 (2026-07-14)   the scripts are the app's
//	weibeld/heroku-buildpack-run           1.0.0 (2020-09-21)     ENV_DIR as variables of a script of the app
//	niteoweb/heroku-buildpack-shell        631b7ae (2018-06-18)   sources a script of the app, has no release
//	heroku/heroku-buildpack-python         v351 (2026-08-18)      detects, reads versions, fails to download
//	                                                              where there is no network to its site; its
//	                                                              bin/report says so
//
// # Dependencies
//
// go.yaml.in/yaml/v3 reads what bin/release and bin/report print. BurntSushi/toml,
// through launch.DecodeTOML, reads a buildpack.toml.
package classic
