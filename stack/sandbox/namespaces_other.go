//go:build !linux

package sandbox

import (
	"context"
	"errors"
	"os"
)

// Run fails: namespaces are a feature of Linux.
func (n Namespaces) Run(context.Context, Command) error {
	return &SetupError{
		Op:   "creating namespaces",
		Err:  errors.ErrUnsupported,
		Hint: "run slugc on Linux, for example in a virtual machine or a container",
	}
}

// Owner returns the ids of the caller.
func Owner() (uid, gid int) { return os.Geteuid(), os.Getegid() }
