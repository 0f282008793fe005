// Package npm asks npm registries: which versions of a package there are, what
// a range of versions means, and for the files of one version.
//
// It follows the npm command line, so that slugc and the npm that it starts
// reach the same servers with the same credentials: the settings are those of
// npm's environment variables and .npmrc files (npm-config, npmrc(5)), the
// documents those of its registry API (package metadata, "abbreviated"), the
// ranges those of node-semver.
//
// Decisions:
//
//   - The address of the registry is a setting or, without one, the default that
//     the package-URL type table has for npm. No address is written here.
//   - A tarball's address is taken from the registry's document. Like npm, only
//     the host of the public default registry is replaced by the configured
//     one ("replace-registry-host"), because a mirror often hands on the public
//     document as it is, and a company registry may well keep its files elsewhere.
//   - The answer of a registry for a range is good for a day (Answers), so that an
//     unchanged build asks nobody, and older ones serve while nobody answers.
//   - Ranges leave prereleases out, unless a range is one exact version.
//
// Third-party: git-pkgs/purl holds the table of default registries;
// Masterminds/semver saves the parsing and ordering of versions and most of the
// grammar of ranges.
package npm
