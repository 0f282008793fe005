package commits

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/download"
	"github.com/slugc/slugc/stack/sandbox"
)

const (
	// Where git finds its own directory, a repository of this machine, and the objects of
	// a push.
	gitHome     = "/checkout"
	gitLocal    = "/repository"
	gitIncoming = "/incoming"
	// gitTimeout ends a git that hangs.
	gitTimeout = 30 * time.Minute
	// maxOutput bounds what git may answer, and maxComplaint what it may say, in bytes.
	maxOutput    = 32 << 20
	maxComplaint = 16 << 10
)

// config is the whole configuration of git (git-config(1)). Who owns a repository of this
// machine does not count in the sandbox, which has nothing that it could do harm to.
const config = `[protocol]
	allow = never
[protocol "https"]
	allow = always
[protocol "http"]
	allow = always
[protocol "ssh"]
	allow = always
[protocol "git"]
	allow = always
[safe]
	directory = *
[core]
	hooksPath = /dev/null
[http]
	lowSpeedLimit = 1000
	lowSpeedTime = 60
	followRedirects = initial
[tar]
	umask = 0022
[gc]
	auto = 0
`

// Git runs the git of this machine.
type Git struct {
	Runner sandbox.Runner
	Stack  stack.Stack
	// Env are the variables that tell it how to reach the network.
	Env []string
}

// Incoming is where the objects of a push are while it is received; empty when they are in
// the repository.
type Incoming struct{ Objects string }

// IncomingOf reads the environment of a hook.
func IncomingOf(getenv func(string) string) Incoming {
	return Incoming{Objects: getenv("GIT_QUARANTINE_PATH")}
}

// Repository is a git repository that is read. Who is done with it closes it.
type Repository struct {
	git Git
	// Address is where it is: a path, or an address.
	address string
	// scratch is git's own directory, on this machine.
	scratch string
	mounts  []sandbox.Mount
	env     []string
	// secrets are never shown.
	secrets []string
	network bool
}

// Error says what git could not do.
type Error struct {
	// Doing is what it was to do, Says what it said.
	Doing, Says string
	// Passing is whether it may work later.
	Passing bool
	Err     error
}

func (e *Error) Error() string {
	if e.Says == "" {
		return e.Doing + ": " + e.Err.Error()
	}
	return e.Doing + ": " + e.Says
}

// Unwrap is how git ended.
func (e *Error) Unwrap() error { return e.Err }

// Temporary is whether it may work later.
func (e *Error) Temporary() bool { return e.Passing }

// attributes keep a tree as it is in git: what export-ignore leaves out of a release, a
// checkout has.
const attributes = "* -export-ignore -export-subst\n"

// open makes git's own directory and an empty repository in it, whose objects have ids of
// SHA-256 or of SHA-1.
func (g Git) open(address, settings string, sha256 bool) (*Repository, error) {
	scratch, err := os.MkdirTemp("", "slugc-git-")
	if err != nil {
		return nil, err
	}
	r := &Repository{git: g, address: address, scratch: scratch, env: []string{"GIT_DIR=" + gitHome + "/bare"}}
	home := filepath.Join(scratch, "home")
	r.mounts = []sandbox.Mount{{Source: home, Target: gitHome, Writable: true}}
	own := "[core]\n\trepositoryFormatVersion = 0\n\tbare = true\n"
	if sha256 {
		own = "[core]\n\trepositoryFormatVersion = 1\n\tbare = true\n[extensions]\n\tobjectFormat = sha256\n"
	}
	for _, name := range []string{"objects", "refs", "info"} {
		err = errors.Join(err, os.MkdirAll(filepath.Join(home, "bare", name), 0o700))
	}
	for name, text := range map[string]string{
		"config": config + settings, "bare/HEAD": "ref: refs/heads/main\n", "bare/config": own, "bare/info/attributes": attributes,
	} {
		if err == nil {
			err = os.WriteFile(filepath.Join(home, name), []byte(text), 0o600)
		}
	}
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// Close removes what was made to read it.
func (r *Repository) Close() error { return sandbox.Remove(r.scratch) }

// quoted is a value for a configuration file of git.
func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}

// run runs git and returns what it prints.
func (r *Repository) run(ctx context.Context, doing string, args ...string) (string, error) {
	out := &capped{most: maxOutput}
	if err := r.stream(ctx, out, doing, args...); err != nil {
		return "", err
	}
	if out.over {
		return "", &Error{Doing: doing, Says: "git has too much to say"}
	}
	return out.String(), nil
}

// stream runs git in the sandbox. Doing is what for, in an error.
func (r *Repository) stream(ctx context.Context, stdout io.Writer, doing string, args ...string) error {
	complaint := &capped{most: maxComplaint}
	env := append([]string{
		"PATH=" + stack.DefaultPath, "HOME=" + gitHome, "LC_ALL=C",
		"GIT_CONFIG_GLOBAL=" + gitHome + "/config", "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0", "GIT_OPTIONAL_LOCKS=0",
		"GIT_ATTR_NOSYSTEM=1", "GIT_NO_REPLACE_OBJECTS=1", "GIT_SSH_COMMAND=ssh -o BatchMode=yes",
	}, r.env...)
	err := r.git.Runner.Run(ctx, sandbox.Command{
		Stack: r.git.Stack, Mounts: r.mounts,
		Args: append([]string{"git"}, args...), Dir: gitHome,
		Env: append(env, r.git.Env...), Network: r.network,
		Stdout: stdout, Stderr: complaint, Timeout: gitTimeout,
	})
	if err == nil || ctx.Err() != nil {
		return errors.Join(err, ctx.Err())
	}
	says := strings.TrimSpace(complaint.String())
	for _, secret := range r.secrets {
		if secret != "" {
			says = strings.ReplaceAll(says, secret, "[redacted]")
		}
	}
	failed := &Error{Doing: doing, Says: says, Err: err}
	_, late := errors.AsType[*sandbox.TimeoutError](err)
	failed.Passing = late || download.FaultOf(err) == download.Passing || passing(says)
	if exit, is := errors.AsType[*sandbox.ExitError](err); is && exit.Code == 127 {
		failed.Says = "there is no git on this machine; install it"
	}
	return failed
}

// passing is whether git says that the network is at fault.
func passing(says string) bool {
	for _, word := range []string{
		"Could not resolve host", "Connection refused", "Connection reset", "timed out", "Failed to connect", "Operation too slow",
		"unexpected disconnect", "early EOF", "RPC failed", "Network is unreachable", "No route to host", "unable to connect to",
		"Temporary failure in name resolution", "kex_exchange_identification", "returned error: 429", "returned error: 5",
	} {
		if strings.Contains(says, word) {
			return true
		}
	}
	return false
}

// capped is a buffer that takes no more than so many bytes.
type capped struct {
	bytes.Buffer
	most int
	over bool
}

func (c *capped) Write(p []byte) (int, error) {
	room := c.most - c.Len()
	c.over = c.over || len(p) > room
	c.Buffer.Write(p[:min(len(p), room)])
	return len(p), nil
}
