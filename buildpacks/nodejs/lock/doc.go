// Package lock reads the lock files of the package managers of Node.js:
// package-lock.json and npm-shrinkwrap.json, yarn.lock of Yarn 1 and of Yarn 2 and
// later, pnpm-lock.yaml, bun.lock and, by its name alone, bun.lockb. What a build asks
// of any of them is File; NPM, Classic and Berry have what their own package managers
// need besides.
//
// It reads and compares. Which lock file counts, what is said of one that is out of
// step, and what is installed by it is for slugc/nodejs to say.
//
// Decisions:
//
//   - No package is chosen here: the package manager itself installs. So of a lock
//     file only that is read which a build has to know before that, or instead of it.
//   - Whether a lock file meets a package.json is asked as its package manager asks:
//     npm whether the locked version will do, pnpm and Bun whether the texts are the
//     same, Yarn either, by its version. What only the package manager can tell, such as
//     tags, addresses and overrides, is left to it: it says so when it installs.
//   - A yarn.lock of either form is read by one reader of lines: they differ in colons.
//   - Of a pnpm-lock.yaml, which may have megabytes, the packages are not read as YAML.
//     Their checksums and what is said against them stand on lines of a known form.
//   - A lock file that cannot be used is its author's to mend (language/appfile), with
//     the commands that make it again.
//
// Third-party: go.yaml.in/yaml reads pnpm-lock.yaml.
package lock
