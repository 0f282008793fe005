// Package project reads the files in which an app says how it wants to be
// built. Nothing here acts on what they say.
//
//   - project.toml: with which buildpacks, which of its files, and which
//     variables (CNB Project Descriptor, schema 0.1, and its extension for Cloud
//     Native Buildpacks, schemas 0.2 and 0.3).
//   - app.json: with which buildpacks, and what is different in a test (Heroku
//     Dev Center, "app.json Schema" and "Heroku CI").
//   - .buildpacks: with which buildpacks, one a line (heroku-buildpack-multi).
//   - .slugignore: what is removed before the build (Heroku Dev Center, "Slug
//     Compiler"), and .launchignore, in the same grammar: what is removed after
//     it.
//
// What it decided:
//
//   - A project.toml without schema-version is of schema 0.1, as for other
//     platforms. Keys that its schema does not have are warnings and not errors:
//     the file may be shared with a tool that knows more. For the same reason
//     nothing is said of what app.json has for others.
//   - A mistake is an error that names the line. That of an entry of
//     project.toml is the line of its header, which the TOML reader does not
//     keep; it is looked for in the text, and left out where an entry has no
//     header of its own. app.json is read token by token, because the JSON
//     reader keeps no lines either.
//   - include and exclude are gitignore(5) patterns and mean what git would do
//     with them, also that nothing comes back below a directory that is
//     excluded. The lines of a .slugignore are patterns of Ruby's Dir.glob, as
//     in Heroku's compiler, and not of git: there is no negation, any slash ties
//     a pattern to the top, "*" and "**/" pass over names with a dot at the
//     start. Where Ruby would remove the app itself (".", ".*" of old), follow a
//     link, or climb out of the app and back, nothing is removed. A comment also
//     begins behind white space, and names may have spaces in them, for which
//     the published compiler is too simple.
//   - Patterns are compiled to tokens that are matched at once, in time that is
//     the product of the lengths of pattern and path; the braces of Ruby are
//     written out before, up to a limit.
//   - Buildpacks in app.json and .buildpacks are written as for Heroku, where an
//     https address is a git repository unless it ends like an archive. A name
//     such as heroku/nodejs stays a name: the registry that knows it is one site
//     that no mirror has.
//   - Of app.json, .buildpacks and the two lists of patterns no link is followed
//     and no pipe waited for: they are read from foreign apps.
//   - An inline script becomes a buildpack like any other, on disk.
//
// BurntSushi/toml saves a parser.
package project
