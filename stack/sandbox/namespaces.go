package sandbox

import "fmt"

// Who a process is inside, on every machine and whoever runs slugc. Where its
// home is, is up to Command.Env.
const (
	UID      = 1000
	GID      = 1000
	UserName = "slugc"
)

// Namespaces runs commands in Linux namespaces of their own. The zero value is
// ready to use, by any number of goroutines at once.
type Namespaces struct {
	// Exe is the absolute path of the program that the sandbox's own processes
	// are, in which this package is linked. By default it is the running program.
	Exe string
	// CACert is a file of this machine with the certificates of authorities
	// to trust, in PEM. It is shown in place of the stack's own bundle at
	// /etc/ssl/certs/ca-certificates.crt.
	CACert string
	// remount makes mounts read-only in the way of kernels before 5.12.
	remount bool
}

var _ Runner = Namespaces{}

// SetupError says that the kernel, or the environment that slugc runs in, does
// not allow the sandbox.
type SetupError struct {
	// Op is what was being done.
	Op string
	// Path is what it was being done to, as seen inside; it may be empty.
	Path string
	Err  error
	// Hint is what to change, empty where nobody knows.
	Hint string
}

func (e *SetupError) Error() string {
	text := "setting up the sandbox: " + e.Op
	if e.Path != "" {
		text += " " + e.Path
	}
	return fmt.Sprintf("%s: %s", text, e.Err)
}

// Unwrap is what the system said.
func (e *SetupError) Unwrap() error { return e.Err }
