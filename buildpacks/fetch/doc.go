// Package fetch turns what a person writes after -b into buildpacks on disk:
//
//   - a directory with a component or a composite buildpack; the members of a
//     composite come with it when its package.toml names them,
//   - an archive of such a directory, with or without a folder around it: tar,
//     plain or compressed with gzip, zstd, xz or bzip2, or zip,
//   - a buildpackage (CNB Distribution API 0.3, "Buildpackage"): a .cnb file, an
//     OCI layout (oci:DIR[:TAG], oci-archive:FILE[:TAG]) or an image of a
//     registry (docker://IMAGE),
//   - an https URL of an archive or a .cnb, with #sha256=HEX where its content
//     is known before,
//   - a git repository (URL#ref): the tree of one commit.
//
// The content decides what a file is, not its name, and which dialect a buildpack
// is of: one with bin/compile and no api in its buildpack.toml is a classic one,
// which gets its id and version from the reference. Ids of builtin buildpacks are
// the caller's business.
//
// What it decided:
//
//   - What was fetched is kept by its digest below Fetcher.Dir, and is there
//     whole or not at all: it is made on a bench (stack/workbench), checked
//     and renamed. An archive has the sha256 of the file, an image that of its
//     manifest, a repository its commit. What a name stood for is noted, so
//     that a build without network finds what an earlier one fetched.
//   - Foreign archives are written through stack/untar: no ".." and no devices,
//     a slash at the start stands for the directory that is written to (pack
//     writes such names), links are data and nothing is written through one.
//     buildpack.toml and package.toml may not be links that lead out, so that
//     slugc itself reads nothing else of this machine.
//   - Whatever the owner of a file may read or execute, everybody may: the
//     scripts run as a user of their own. Otherwise modes stay. A zip file made
//     where there are no modes has them all executable.
//   - A layer of a buildpackage must have the diffID that the labels and the
//     config say, and the buildpack in it must be the one that the label says.
//     Of a layer only those directories are written that the label names.
//   - An image of an index is chosen by Fetcher.Target; where there is but one
//     image it is taken, and the buildpacks' own targets decide.
//   - An address of a file is https, or http of this machine alone, and a
//     redirect from https to http is not followed.
//   - git is that of the stack and runs in the sandbox, with an empty home and
//     a configuration of slugc's own. The tree comes out of git as a tar stream
//     (git archive) and is written as any other: no hook, no filter and no
//     submodule of the repository gets a say. A pointer of Git LFS is an error,
//     because the file that it stands for is not in the repository.
//   - An address is printed without user, password and query.
//
// # Dependencies
//
//   - go-containerregistry has the registry protocol with its authentication
//     and the types of manifests and layouts; the blobs themselves come through
//     stack/download, which goes on where a connection broke.
//   - klauspost/compress has zstd and pgzip a gzip that reads ahead;
//     therootcompany/xz has xz.
//   - x/sync/errgroup runs a few downloads at a time.
package fetch
