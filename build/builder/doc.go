// Package builder makes the other things that are made of layers: buildpackages
// (CNB Distribution API 0.3, "Buildpackage"), builder images (CNB Platform API,
// "Build Image") and images of a lifecycle. It also writes the first files of a
// new buildpack, and describes what is in a package and in a builder.
//
// # Packages
//
// A Packager packs a buildpack and, of a composite, what its package.toml
// names: one layer per buildpack, labels that say what is in them, one image
// per target. What comes out are images for the destinations of build/oci, and
// what goes in is anything that buildpacks/fetch reads.
//
// What it decided:
//
//   - A layer is the one that the reference platform (pack) makes of the same
//     files, byte by byte: /cnb/buildpacks/<id>/<version>, with / in the id as
//     _, owned by root, from 1980-01-01T00:00:01Z, 0755 for directories and for
//     what anybody may execute, 0644 for the rest. So registries that have a
//     layer of one have that of the other. The labels are equal too.
//   - Layers are in the order of their buildpacks' ids and versions, the one of
//     the package last; equal input gives an image of equal bytes.
//   - A package is complete: what an order names is in it, and what no order
//     names is not. So every member has a version.
//   - Targets come from the command line, else from package.toml, else from the
//     buildpack.toml of a component; without any the image is for linux, and
//     for all machines. Distributions do not split a package: no reader of an
//     index could choose among them. With dependencies from indexes each target
//     gets its own.
//   - A component may keep the files for a target in a folder of it: linux,
//     linux/arm64 or linux/arm64/v8 beside buildpack.toml. The deepest that
//     there is becomes the layer, together with that buildpack.toml.
//   - What a person does not mean to hand out stays out: .git, and what the
//     package is written to.
//   - package.toml may have no unknown key, as a dependency that is misspelled
//     would be missed by those who get the package.
//
// # Builders
//
// A Creator puts on a build image what a builder.toml names, in the format of
// pack: directories, a lifecycle, buildpacks and extensions, the order, and the
// names of run images. What it decided:
//
//   - Layers and labels are those that pack makes of the same file, in the same
//     order and with the same diffIDs, but for createdBy. What pack leaves to
//     chance, the order of variables in a layer, is sorted.
//   - createdBy has the version of the form of builders, so that another slugc
//     makes the same bytes.
//   - Of several targets each gets its own base, lifecycle and buildpacks. A
//     lifecycle for another machine is an error, where pack would notice nothing.
//   - pack takes a file that contradicts itself (build.image and
//     stack.build-image, run.images and stack.run-image) and picks one; here that
//     is an error, and so is an empty group. A run image that cannot be reached is
//     a warning, as with pack.
//   - Without [lifecycle] it is slugc's own. A version alone is one of slugc's: the
//     addresses of others are no constants of this source, and a uri names them.
//   - uri is what slugc build -b takes, a builtin id too; a composite directory
//     brings what its package.toml names. Extensions are taken from directories.
//   - Relative paths start at the builder.toml, those behind oci: too.
//   - On a base that is a builder, its buildpacks stay; another one with the same
//     id and version replaces the old files, by a whiteout below it.
//
// # Dependencies
//
//   - go-containerregistry has the type of an image's config.
//   - BurntSushi/toml writes order.toml and the like with the bytes that pack gives
//     them, and klauspost/compress has gzip.
package builder
