// Package lifecycle is the phases of the Cloud Native Buildpacks lifecycle: analyze,
// detect, restore, build, export, and create, which is all of them (CNB Platform
// API, "Operations"). A phase is a struct with its own inputs and a Run method. What
// a version of the Platform API means is in a platform.API.
//
// Phases run inside the container that a platform made, which is the sandbox:
// buildpacks work where everything is.
package lifecycle
