// Package launch starts one process of a finished build: it picks the process
// type, computes the environment that the layers ask for, and hands over. It
// implements "Launch" of the CNB Platform API (0.7 to 0.15) and "Layer Paths",
// "Provided by the Buildpacks" and "exec.d" of the CNB Buildpack API (0.7 to
// 0.12).
//
// The same rules make two more things: the environment of later buildpacks
// (ApplyBuild), and a profile script that gives a slug the environment of its
// layers where there is only bash and no launcher (ProfileScript).
//
// What it decided:
//
//   - The effects on the operating system are fields of Launcher, which makes
//     a process start a unit test. Everything before the last step is computed
//     without them.
//   - What a person types reaches bash as an argument, never as part of a
//     script. Paths that become part of a script are quoted.
//   - A classic buildpack is one without an API version. Its processes are
//     lines for the shell, and a user's arguments are added to the line. Where
//     one took part, a shell gets what Heroku promises: the app is HOME, and
//     .profile.d/*.sh of the app are sourced.
//   - In a slug, every word that lies in the layers directory is rewritten to
//     lie under $HOME, so that a slug works wherever it is unpacked.
//
// It is the only package of slugc that cmd/launcher links.
//
// Dependencies: BurntSushi/toml reads metadata.toml and what exec.d prints; it
// saves a parser of a format that buildpacks write in all its forms.
package launch
