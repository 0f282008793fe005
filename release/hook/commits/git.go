package commits

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/slugc/slugc/release/hook"
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

// Local opens a bare repository of this machine.
func (g Git) Local(dir string, in Incoming) (r *Repository, err error) {
	dir, err = filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return nil, err
	}
	own, err := sandbox.ReadFile(filepath.Join(dir, "config"), maxComplaint)
	if err != nil {
		return nil, fmt.Errorf("%s is no bare repository: %w", dir, err)
	}
	if r, err = g.open(dir, "", sha256Config().Match(own)); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.Close())
		}
	}()
	shown := dir
	if uid, _ := sandbox.Owner(); uid != os.Getuid() && isPrivate(dir) {
		if shown, err = r.copied(dir); err != nil {
			return nil, err
		}
	}
	objects := []string{gitLocal + "/objects"}
	r.mounts = append(r.mounts, sandbox.Mount{Source: shown, Target: gitLocal})
	for _, more := range alternates(dir) {
		r.mounts = append(r.mounts, sandbox.Mount{Source: more, Target: more})
	}
	if in.Objects != "" {
		incoming, err := r.incoming(in.Objects)
		if err != nil {
			return nil, err
		}
		r.mounts = append(r.mounts, sandbox.Mount{Source: incoming, Target: gitIncoming})
		objects = append(objects, gitIncoming)
	}
	r.env = append(r.env, "GIT_ALTERNATE_OBJECT_DIRECTORIES="+strings.Join(objects, ":"))
	return r, sandbox.GiveTree(r.scratch)
}

// sha256Config finds the setting of a repository whose ids are of SHA-256.
var sha256Config = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?im)^\s*objectformat\s*=\s*sha256`) })

// isPrivate is whether not everybody can read a repository.
func isPrivate(dir string) bool {
	for _, name := range []string{"config", "HEAD", "packed-refs", "refs", "objects"} {
		err := filepath.WalkDir(filepath.Join(dir, name), func(_ string, d fs.DirEntry, err error) error {
			if err != nil || strings.HasPrefix(d.Name(), "tmp_objdir") {
				return skip(d)
			}
			info, err := d.Info()
			if err == nil && (info.Mode()&0o4 == 0 || d.IsDir() && info.Mode()&0o1 == 0) {
				return fs.ErrPermission
			}
			return nil
		})
		if errors.Is(err, fs.ErrPermission) {
			return true
		}
	}
	return false
}

// skip leaves out what is not there, and what lies in it.
func skip(d fs.DirEntry) error {
	if d != nil && d.IsDir() {
		return fs.SkipDir
	}
	return nil
}

// copied is a copy of a repository that git in the sandbox can read; what is not needed is left out.
func (r *Repository) copied(dir string) (string, error) {
	place := filepath.Join(r.scratch, "repository")
	for _, name := range []string{"config", "HEAD", "packed-refs", "refs", "objects"} {
		err := filepath.WalkDir(filepath.Join(dir, name), func(path string, d fs.DirEntry, err error) error {
			if err != nil || strings.HasPrefix(d.Name(), "tmp_objdir") {
				return skip(d)
			}
			at, err := filepath.Rel(dir, path)
			if err != nil {
				return err
			}
			switch to := filepath.Join(place, at); {
			case d.IsDir():
				return os.MkdirAll(to, 0o700)
			case d.Type().IsRegular():
				return copyFile(path, to)
			}
			return nil
		})
		if err != nil {
			return "", fmt.Errorf("copying the repository: %w", err)
		}
	}
	return place, nil
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// alternates are the other places of a repository's objects (gitrepository-layout(5)).
func alternates(dir string) (others []string) {
	const most = 64 << 10
	text, err := sandbox.ReadFile(filepath.Join(dir, "objects", "info", "alternates"), most)
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); filepath.IsAbs(line) {
			others = append(others, filepath.Clean(line))
		}
	}
	return others
}

// incoming are the objects of a push for git in the sandbox. Only who receives the push may
// enter their directory, so where git runs as somebody else it gets a copy.
func (r *Repository) incoming(objects string) (string, error) {
	if uid, _ := sandbox.Owner(); uid == os.Getuid() {
		return objects, nil
	}
	place := filepath.Join(r.scratch, "incoming")
	if err := os.CopyFS(place, os.DirFS(objects)); err != nil {
		return "", fmt.Errorf("copying the objects of the push: %w", err)
	}
	return place, nil
}

// Remote fetches one commit of a repository elsewhere. A token, which may be empty, opens it.
func (g Git) Remote(ctx context.Context, address, commit, token string) (r *Repository, err error) {
	settings := "[remote \"origin\"]\n\turl = " + quoted(address) + "\n"
	if token != "" && (strings.HasPrefix(address, "https://") || strings.HasPrefix(address, "http://")) {
		// Forges take any name with a token.
		basic := base64.StdEncoding.EncodeToString([]byte("x-access-token:" + token))
		settings += "[http " + quoted(address) + "]\n\textraHeader = " + quoted("Authorization: Basic "+basic) + "\n"
	}
	if r, err = g.open(address, settings, len(commit) == 64); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.Close())
		}
	}()
	r.network = true
	r.secrets = []string{token}
	if err := sandbox.GiveTree(r.scratch); err != nil {
		return nil, err
	}
	doing := "fetching " + hook.Plain(commit, 12) + " of " + hook.Plain(address, 200)
	_, err = r.run(ctx, doing, "fetch", "--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules", "origin", commit)
	if failed, is := errors.AsType[*Error](err); is && !failed.Passing && strings.Contains(failed.Says, "shallow") {
		// A server that only serves files.
		_, err = r.run(ctx, doing, "fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "origin", "+refs/heads/*:refs/heads/*")
	} else if is && !failed.Passing && strings.Contains(failed.Says, "not our ref") {
		failed.Says += "\nThe commit is no more part of the repository: its history was rewritten since."
	}
	r.network = false
	return r, err
}

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
