// Package sandbox is the one door through which slugc starts processes that
// are not its own: buildpacks, apps, git, tar of someone else's.
package sandbox
