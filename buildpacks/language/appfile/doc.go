// Package appfile reads the files by which an app says what it needs, in the
// formats that the communities use, and words what is wrong with them for the
// one who wrote them: the file, the line, what was expected, what to type.
//
// Decisions:
//
//   - What is wrong in such a file is the app's fault, and a *download.Error that
//     says so: slugc ends with the status of a failed build.
//   - A file with the marks of an unfinished merge is refused before anything is
//     read from it, whatever its format: parsers say something else of it.
//   - Files are bounded in size, and a byte order mark is no part of them.
//
// Third-party: BurntSushi/toml and go.yaml.in/yaml read their formats.
package appfile
