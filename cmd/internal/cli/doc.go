// Package cli is the voice of all slugc binaries: how steps, warnings and
// errors read, how progress is shown, which exit code an error has and what to
// type next.
//
// The words look as Heroku prints them: "-----> step", seven spaces before a
// detail, " !     " before warnings and errors. Printer has three modes and is
// the only thing that writes to the person: on a terminal there is a live line
// for long steps; in CI, and where the output is no terminal, there are plain
// lines; with --json there is one JSON object per event.
//
// What was decided, and why:
//
//   - Warnings and errors go to Settings.Err, all else to Settings.Out, so that
//     a redirected build log still leaves the error on the terminal. With
//     --json everything is an event on Out: a reader has one stream to follow.
//   - A write that fails does not end a build. The first such error is kept and
//     Printer.Close returns it.
//   - What buildpacks print passes through unchanged but for control sequences:
//     colours stay on a terminal that shows colours, everything else is taken
//     out, because foreign output must not move the cursor or rename the window.
//   - Redaction works on whole lines, after control sequences are gone, so that
//     it does not matter into how many writes a value was split.
//   - Sizes are binary with IEC units ("8.3 MiB") and durations have a space
//     before the unit ("1.2 s"), everywhere. JSON has bytes and seconds.
//   - The table of faults maps errors to a Class, whose value is the exit code.
//     A binary with other codes uses a Table of its own.
//
// Third-party: golang.org/x/term saves the terminal ioctls of each operating
// system. Tests use creack/pty, a pseudo-terminal, to see what a person sees,
// and go-cmp for differences.
package cli
