// Package cargo knows how a person's Cargo reaches registries: it reads their
// configuration and credentials as Cargo does (The Cargo Book, "Configuration"),
// and makes of them what a build on this machine needs.
//
// Decisions:
//
//   - Only what says where packages come from and how to reach them is handed on:
//     registries, sources, the network. Flags, targets and aliases of a machine
//     are no part of an app.
//   - Tokens are in a file of their own, as Cargo keeps them.
//   - Without settings nothing is handed on: Cargo knows its default registry, and
//     no address is written here.
//   - Directories of this machine are left out, since a build cannot read them.
//
// Third-party: BurntSushi/toml reads and writes Cargo's files.
package cargo
