// Package python is the buildpack slugc/python: it installs Python and the
// packages of an app, and says how the app starts (CNB Buildpack API 0.10,
// written on libcnb).
//
// The build in one line: readApp checks what the author wrote and refuses it
// before anything is downloaded; a Python comes through runtime; install brings
// the packages into a layer; the hooks and Django's collectstatic run; processes
// says how the app starts.
//
// The layers:
//
//	python      the interpreter and the launch environment (build, cache, launch)
//	python-dev  its headers, when something may be compiled (cache)
//	venv        the packages, as a virtual environment (build, cache, launch)
//	uv          the installer (cache)
//	uv-cache    packages as they came, and what was compiled of them (cache)
//	static      what collectstatic made of which app (cache)
//	catalog     which versions the registries gave for which wishes (cache)
//
// Decisions:
//
//   - One installer serves all five package managers: uv, a single program that
//     comes as a checked wheel. The lock files of Pipenv, Poetry, uv and PDM are
//     read by slugc itself (python/lock) and become a list of versions with
//     checksums, which uv installs with --require-hashes --no-deps. That is
//     several times faster than to install each tool first, which takes dozens of
//     packages, and asks the index that this machine uses instead of addresses in
//     a lock file. It also keeps the checks in one place, before any download.
//   - pip has no lock file. requirements.txt counts as pip reads it, with all it
//     includes; with one checksum in it all packages need one. What it leaves open
//     is told in a warning, with the command that pins it. uv chooses among several
//     indexes as pip does (unsafe-best-match).
//   - An app that is a directory of its source may be a member of a workspace of uv:
//     then the lock file at the top of that is the law, and of it what the app needs
//     is installed, other members from the source. Poetry, PDM and pip know no
//     workspaces, but directories beside the app. The files of what is installed so
//     are in the key of the packages, and those of other members are not. What leads
//     out of the source is refused.
//   - The layer venv is made where it lies, because programs of packages name the
//     interpreter by its path. The path is the same at build and at launch.
//   - Files of bytecode are made with the checksum of their source (PEP 552,
//     unchecked): those with a time would differ from build to build, and without
//     any each start of a process would compile everything again.
//   - Wheels are taken where there are any. Only when a package has none does its
//     source need the headers of Python, so they are not brought before that.
//   - Packages as files in wheelhouse or vendor take the place of every index. While
//     no index answers, what an earlier build fetched serves, if it is all.
//   - What is new of collectstatic's files is kept with a checksum over the app, so
//     an app that did not change is not started for them. Hooks always run.
//   - What the app's author has to mend is an error with the commands that mend
//     it. A registry that cannot be reached is an error that says it may pass.
//   - Left out: the corpora of NLTK (nltk.txt) are on no package registry, and
//     conda has package registries of its own.
//
// Third-party: libcnb holds the vocabulary of a buildpack, BurntSushi/toml reads
// buildpack.toml, x/sync/errgroup brings Python and uv at once.
package python
