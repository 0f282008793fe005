package fetch

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/download"
	"github.com/slugc/slugc/stack/sandbox"
	"github.com/slugc/slugc/stack/workbench"
)

const (
	// Where git finds its directory, and a repository of this machine.
	gitHome  = "/fetch"
	gitLocal = "/repository"
	// gitTimeout ends a git that hangs.
	gitTimeout = 30 * time.Minute
	// maxComplaint bounds what git may say, in bytes.
	maxComplaint = 16 << 10
)

// gitConfig is the whole configuration of git (git-config(1)). Who owns a
// repository of this machine does not count in the sandbox, which has nothing
// that it could do harm to.
const gitConfig = `[protocol]
	allow = never
[protocol "https"]
	allow = always
[protocol "ssh"]
	allow = always
[protocol "git"]
	allow = always
[protocol "file"]
	allow = always
[safe]
	directory = *
[core]
	hooksPath = /dev/null
[http]
	lowSpeedLimit = 1000
	lowSpeedTime = 60
[tar]
	umask = 0022
[gc]
	auto = 0
`

// gitAttributes keep a tree as it is in git: what export-ignore leaves out of a
// release, a checkout has.
const gitAttributes = "* -export-ignore -export-subst\n"

var commitForm = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`) })

// clone is a repository that is being fetched.
type clone struct {
	fetcher Fetcher
	// dir is git's own directory on this machine.
	dir string
	// address is the repository as git is told it.
	address string
	// local is the repository on this machine, empty for one that is elsewhere.
	local string
	// shown is the repository for people.
	shown string
}

// repository fetches the tree of one commit.
func (f Fetcher) repository(ctx context.Context, r reference) (k kept, err error) {
	if commitForm().MatchString(r.fragment) {
		if k, found, err := f.find("git:" + r.fragment); found || err != nil {
			return k, err
		}
	}
	local, isLocal := strings.CutPrefix(r.at, "file://")
	known := "git " + r.at + "#" + r.fragment
	if f.Offline && !isLocal {
		if k, found, err := f.noted(known); found || err != nil {
			return k, err
		}
		return kept{}, notKept(redacted(r.at))
	}
	if f.Runner == nil {
		return kept{}, errors.New("there is nothing to run git with; fetch the repository yourself and name its directory")
	}
	b, err := workbench.Open(f.Dir)
	if err != nil {
		return kept{}, err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	c := clone{fetcher: f, address: r.at, shown: redacted(r.at)}
	if isLocal {
		if c.local, c.address = gitDir(local), "file://"+gitLocal; c.local == "" {
			return kept{}, errors.New("there is no git repository in that directory")
		}
	}
	if k, err = c.fetch(ctx, b, r.fragment); err != nil {
		return kept{}, err
	}
	return k, f.remember(known, k)
}

// fetch fetches a revision of the repository and keeps its tree.
func (c *clone) fetch(ctx context.Context, b *workbench.Bench, revision string) (kept, error) {
	_, end := c.fetcher.progress("Fetching " + c.shown)
	defer end()
	if err := c.init(b); err != nil {
		return kept{}, err
	}
	commit, err := c.commit(ctx, revision)
	if err != nil {
		return kept{}, err
	}
	digest := "git:" + commit
	if k, found, err := c.fetcher.find(digest); found || err != nil {
		return k, err
	}
	dir, err := b.Folder("package")
	if err != nil {
		return kept{}, err
	}
	tree, err := b.Folder("package/" + treeName)
	if err != nil {
		return kept{}, err
	}
	if err := c.export(ctx, commit, tree); err != nil {
		return kept{}, err
	}
	if err := noPointers(tree); err != nil {
		return kept{}, err
	}
	return c.fetcher.finish(b, dir, digest, []string{"."})
}

// init makes an empty repository and the configuration of git, which has the
// address: the arguments of git can be read by every process.
func (c *clone) init(b *workbench.Bench) error {
	var err error
	for _, name := range []string{"git", "git/bare", "git/bare/objects", "git/bare/refs", "git/bare/info"} {
		if _, err = b.Folder(name); err != nil {
			return err
		}
	}
	c.dir = filepath.Join(b.Dir, "git")
	for name, text := range map[string]string{
		"config":               gitConfig + "[remote \"origin\"]\n\turl = " + quoted(c.address) + "\n",
		"bare/HEAD":            "ref: refs/heads/main\n",
		"bare/config":          "[core]\n\trepositoryFormatVersion = 0\n\tbare = true\n",
		"bare/info/attributes": gitAttributes,
	} {
		if err := os.WriteFile(filepath.Join(c.dir, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return sandbox.GiveTree(c.dir)
}

// quoted is a value for a configuration file of git.
func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}

// commit has git fetch a revision, and returns the commit that it is. What the
// store has is not fetched.
func (c *clone) commit(ctx context.Context, revision string) (string, error) {
	if commitForm().MatchString(revision) {
		if err := c.shallow(ctx, revision); err == nil {
			return c.resolve(ctx, "FETCH_HEAD")
		} else if download.FaultOf(err) == download.Passing {
			return "", err
		}
		// Not every server gives out a commit that no branch ends with.
		return c.search(ctx, revision)
	}
	patterns := []string{"HEAD"}
	if revision != "" && revision != "HEAD" {
		patterns = []string{"refs/heads/" + revision, "refs/tags/" + revision, "refs/tags/" + revision + "^{}"}
		if strings.HasPrefix(revision, "refs/") {
			patterns = []string{revision, revision + "^{}"}
		}
	}
	listing, err := c.git(ctx, append([]string{"ls-remote", "--quiet", "origin"}, patterns...)...)
	if err != nil {
		return "", err
	}
	commits := map[string]string{}
	for line := range strings.Lines(listing) {
		if hash, name, found := strings.Cut(strings.TrimSpace(line), "\t"); found && commitForm().MatchString(hash) {
			commits[name] = hash
		}
	}
	for _, name := range patterns {
		hash, found := commits[name]
		if !found {
			continue
		}
		hash = cmp.Or(commits[name+"^{}"], hash)
		if _, found, err := c.fetcher.find("git:" + hash); found || err != nil {
			return hash, err
		}
		if err := c.shallow(ctx, name); err != nil {
			return "", err
		}
		return c.resolve(ctx, "FETCH_HEAD")
	}
	if revision == "" {
		return "", errors.New("the repository is empty: it has no HEAD")
	}
	if abbreviated().MatchString(revision) {
		return c.search(ctx, revision)
	}
	return "", fmt.Errorf("the repository has no branch and no tag %q", revision)
}

// shallow has git fetch a name without the history of it. A server that only
// serves files knows no such thing, and gives all of it.
func (c *clone) shallow(ctx context.Context, name string) error {
	_, err := c.git(ctx, "fetch", "--quiet", "--depth=1", "--no-tags", "origin", name)
	if err != nil && strings.Contains(err.Error(), "does not support shallow") {
		_, err = c.git(ctx, "fetch", "--quiet", "--no-tags", "origin", name)
	}
	return err
}

// abbreviated is a commit as git shows it.
var abbreviated = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9a-f]{7,64}$`) })

// search fetches the history of all branches and tags, and looks for a commit.
func (c *clone) search(ctx context.Context, revision string) (string, error) {
	if _, err := c.git(ctx, "fetch", "--quiet", "--no-tags", "origin", "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"); err != nil {
		return "", err
	}
	commit, err := c.resolve(ctx, revision)
	if err != nil {
		return "", fmt.Errorf("the repository has no branch, no tag and no commit %s", revision)
	}
	return commit, nil
}

// resolve returns the commit of a name.
func (c *clone) resolve(ctx context.Context, name string) (string, error) {
	out, err := c.git(ctx, "rev-parse", "--verify", "--quiet", "--end-of-options", name+"^{commit}")
	if err != nil {
		return "", err
	}
	if out = strings.TrimSpace(out); !commitForm().MatchString(out) {
		return "", fmt.Errorf("%s is no commit", name)
	}
	return out, nil
}

// export writes the tree of a commit to an empty directory.
func (c *clone) export(ctx context.Context, commit, dir string) error {
	group, ctx := errgroup.WithContext(ctx)
	reader, writer := io.Pipe()
	group.Go(func() error {
		err := c.fetcher.untar(ctx, reader, dir)
		return errors.Join(err, reader.CloseWithError(err))
	})
	group.Go(func() error {
		err := c.run(ctx, writer, "archive", "--format=tar", commit)
		return errors.Join(ignoreClosed(err), writer.CloseWithError(err))
	})
	return group.Wait()
}

// git runs git and returns what it prints.
func (c *clone) git(ctx context.Context, args ...string) (string, error) {
	out := &capped{most: maxJSON}
	if err := c.run(ctx, out, args...); err != nil {
		return "", err
	}
	return out.String(), nil
}

// run runs git in the repository, in the sandbox.
func (c *clone) run(ctx context.Context, stdout io.Writer, args ...string) error {
	f := c.fetcher
	mounts := []sandbox.Mount{{Source: c.dir, Target: gitHome, Writable: true}}
	if c.local != "" {
		mounts = append(mounts, sandbox.Mount{Source: c.local, Target: gitLocal})
	}
	complaint := &capped{most: maxComplaint}
	err := f.Runner.Run(ctx, sandbox.Command{
		Stack:  f.Stack,
		Mounts: append(mounts, f.Git.Mounts...),
		Args:   append([]string{"git"}, args...),
		Dir:    gitHome + "/bare",
		Env: append([]string{
			"PATH=" + stack.DefaultPath, "HOME=" + gitHome, "LC_ALL=C",
			"GIT_CONFIG_GLOBAL=" + gitHome + "/config", "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0",
			"GIT_ALLOW_PROTOCOL=https:ssh:git:file", "GIT_SSH_COMMAND=ssh -o BatchMode=yes",
		}, f.Git.Env...),
		Network: c.local == "",
		Stdout:  stdout, Stderr: complaint,
		Timeout: gitTimeout,
	})
	if _, late := errors.AsType[*sandbox.TimeoutError](err); late {
		return &download.Error{Fault: download.Passing, Err: fmt.Errorf("git: %w", err)}
	}
	exit, ok := errors.AsType[*sandbox.ExitError](err)
	if !ok {
		return err
	}
	return explainGit(exit, redactedIn(complaint.String(), c.address))
}

// capped is a buffer that takes no more than so many bytes.
type capped struct {
	bytes.Buffer
	most int
}

func (c *capped) Write(p []byte) (int, error) {
	c.Buffer.Write(p[:min(len(p), c.most-c.Len())])
	return len(p), nil
}

// redactedIn is a text without the credentials of an address in it.
func redactedIn(text, address string) string {
	return strings.ReplaceAll(text, address, redacted(address))
}
