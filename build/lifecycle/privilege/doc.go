// Package privilege is how phases that a platform starts as root become the user
// that builds (CNB Platform API, "User" of each phase), with nothing left that
// buildpacks of the same user could take: no groups of root, and no environment
// that they could read in /proc.
//
// x/sys/unix makes the process one that nobody may look into (prctl(2)).
package privilege
