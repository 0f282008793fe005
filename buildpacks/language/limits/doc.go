// Package limits is the beginning of the exec.d scripts of buildpacks that tell
// an app how much of a machine is its own (CNB Buildpack API, "exec.d"). It
// reads the limits of both versions of Linux's control groups.
package limits
