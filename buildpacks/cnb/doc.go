// Package cnb is the Cloud Native Buildpacks dialect: a directory with
// buildpack.toml, bin/detect and bin/build becomes a buildpack that can be
// asked and can build.
//
// It implements, of the Buildpack API 0.7 to 0.12, the inputs and outputs of
// bin/detect and bin/build: build plans, layers and their TOML files,
// launch.toml, build.toml and store.toml. Orders of other buildpacks are
// refused; targets, SBOM files and image extensions are not looked at. What a
// version allows is decided once, when
// buildpack.toml is read, and kept as an API value; nothing else compares
// versions.
//
// Every script runs in the sandbox. The app directory is read-only while
// buildpacks are asked: bin/detect must not change what the next one sees,
// and they run at the same time.
//
// BurntSushi/toml saves a parser for the one format of this dialect.
package cnb
