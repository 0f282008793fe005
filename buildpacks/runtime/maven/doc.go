// Package maven knows the settings of Maven about where artifacts come from
// (Maven, "Settings Reference"), and downloads files of a Maven repository by
// their checksums.
//
// It brings Maven itself, which is an artifact of the repository that everybody
// mirrors. What an app depends on is brought by Maven, to whom Connection hands
// what a machine knows of repositories.
//
// Decisions:
//
//   - The address of the repository called central is, in this order, that of
//     MVNW_REPOURL, which Maven's wrapper reads; that of the first mirror in the
//     settings that stands for central; the default of the package-URL type table.
//   - A file is taken only with a checksum: the repository's own, sha512 before
//     sha256 before sha1 (Maven Resolver, "Checksums"), and another one that a
//     wrapper may state besides.
//
// Third-party: git-pkgs/purl knows the default repository.
package maven
