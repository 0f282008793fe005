// Package project reads project.toml, the file in which an app says how it
// wants to be built: with which buildpacks, which of its files, and which
// variables. It implements the Project Descriptor of the CNB specification,
// schema 0.1, and the extension for Cloud Native Buildpacks in the schemas 0.2
// and 0.3.
//
// What it decided:
//
//   - A file without schema-version is of schema 0.1, as for other platforms.
//     Keys that its schema does not have are warnings and not errors: the file
//     may be shared with a tool that knows more.
//   - A mistake is an error that names the line. That of an entry is the line
//     of its header, which the TOML reader does not keep; it is looked for in
//     the text, and left out where an entry has no header of its own.
//   - include and exclude are gitignore(5) patterns and mean what git would do
//     with them, also that nothing comes back below a directory that is
//     excluded. Patterns are compiled to tokens that are matched at once, in
//     time that is the product of the lengths of pattern and path.
//   - An inline script becomes a buildpack like any other, on disk.
//
// BurntSushi/toml saves a parser.
package project
