// Package files holds the TOML files by which a platform and the phases of the
// lifecycle hand values on, a type for each form (CNB Platform API, "Data
// Format").
//
// What ends in a layer, metadata.toml, has the bytes of the reference lifecycle
// (v0.21.0), or layers would have other diffIDs. The others have its keys in its
// order. Unknown keys are no mistake. A file gets its name when it is whole, where
// its directory lets that happen.
//
// Third-party: BurntSushi/toml, the encoder of the reference; what is read goes
// through launch.DecodeTOML. go-containerregistry reads names of images as every
// other client does.
package files
