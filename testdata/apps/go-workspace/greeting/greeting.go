// Package greeting is a module of its own in the workspace.
package greeting

import "github.com/google/uuid"

// Of greets a person, with an id that is always the same for one name.
func Of(name string) string {
	return "hello " + name + ", " + uuid.NewSHA1(uuid.NameSpaceDNS, []byte(name)).String()
}
