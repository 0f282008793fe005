// Package lock reads the lock files of Python's package managers: Pipfile.lock,
// poetry.lock, uv.lock and pdm.lock. Each becomes the same thing, a list of
// packages with one version and its checksums, for one interpreter.
//
// So slugc needs none of the four tools: one installer gets the list, and the
// checksums are what the app's author committed. What a tool would refuse is
// refused here, before anything is downloaded: a lock file that is not made
// from the manifest beside it. The checksums by which Pipenv, Poetry and PDM see
// that are computed as they compute them (plette, poetry.packages.locker,
// pdm.project.project_file); uv compares requirements, and so does this.
//
// Of a lock file with markers and groups for each package only those that hold
// are taken. Older ones say only what a package needs; those are walked from
// the manifest's own dependencies. Groups and extras that are not installed by
// default stay out.
//
// An index that a lock file names counts, unless it is the public one: that is
// the word for the one that this machine uses, as in lock files of npm.
//
// Third-party: git-pkgs/purl knows the public index.
package lock
