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
