package main

// version is the release of the reference whose phases these match, and what it is
// of ours: platforms choose by it what they ask of a lifecycle. It is in images, so
// it changes with what phases do and not with every build; lifecycle.toml repeats
// it.
const version = "0.21.0+slugc.1"
