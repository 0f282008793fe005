package commits

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"

	"github.com/slugc/slugc/release/hook"
	"github.com/slugc/slugc/stack/sandbox"
)

// Remote fetches one commit of a repository elsewhere. A token, which may be empty, opens it.
func (g Git) Remote(ctx context.Context, address, commit, token string) (r *Repository, err error) {
	basic := ""
	settings := "[remote \"origin\"]\n\turl = " + quoted(address) + "\n"
	if token != "" && (strings.HasPrefix(address, "https://") || strings.HasPrefix(address, "http://")) {
		// Forges take any name with a token.
		basic = base64.StdEncoding.EncodeToString([]byte("x-access-token:" + token))
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
	r.secrets = []string{token, basic}
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

// ResolveRemote is the commit that a name has in a repository elsewhere: a branch, a tag, a full
// id, or what is checked out there by default, where it is empty.
func (g Git) ResolveRemote(ctx context.Context, address, name string) (commit string, err error) {
	if isID(name) {
		return name, nil
	}
	r, err := g.open(address, "", false)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	r.network = true
	if err := sandbox.GiveTree(r.scratch); err != nil {
		return "", err
	}
	doing := "looking for " + hook.Plain(orHead(name), 200) + " in " + hook.Plain(address, 200)
	list, err := r.run(ctx, doing, "ls-remote", "--", address)
	if err != nil {
		return "", err
	}
	ids := map[string]string{}
	for line := range strings.Lines(list) {
		if id, ref, found := strings.Cut(strings.TrimSpace(line), "\t"); found {
			ids[ref] = id
		}
	}
	// A tag that has a message is an object of its own, which leads to the commit. The order is
	// git's (gitrevisions(7)).
	name = orHead(name)
	for _, ref := range []string{name, "refs/" + name, "refs/tags/" + name, "refs/heads/" + name} {
		for _, full := range []string{ref + "^{}", ref} {
			if id := ids[full]; isID(id) {
				return id, nil
			}
		}
	}
	return "", &Error{Doing: doing, Says: "it has no branch and no tag of that name; a commit needs its full id", Err: errNoRef}
}

// errNoRef is for a name that a repository does not have.
var errNoRef = errors.New("no such branch or tag")

// orHead is a name, or that of what is checked out by default.
func orHead(name string) string {
	if name == "" {
		return "HEAD"
	}
	return name
}

// isID is whether a name is the full id of an object, of SHA-1 or of SHA-256.
func isID(name string) bool {
	return (len(name) == 40 || len(name) == 64) && strings.Trim(name, "0123456789abcdef") == ""
}
