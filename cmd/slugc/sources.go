package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/slugc/slugc/release/hook"
	"github.com/slugc/slugc/release/hook/commits"
	"github.com/slugc/slugc/release/queue"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/sandbox"
)

// gits runs the git of this machine.
func (p *program) gits() (commits.Git, error) {
	host, err := stack.Host()
	return commits.Git{Runner: sandbox.Namespaces{CACert: p.authorities(host)}, Stack: host, Env: p.gitEnv()}, err
}

// sources checks out commits of git repositories for builds. Incoming are the objects of a push that
// is received, and rules know which token opens a repository elsewhere; they may be nil.
func (p *program) sources(incoming commits.Incoming, rules hook.Rules) checkout {
	return func(ctx context.Context, s queue.Source, dir string, out io.Writer) (err error) {
		if s.Kind != queue.Repository {
			return fmt.Errorf("a source of the kind %q is no repository", s.Kind)
		}
		g, err := p.gits()
		if err != nil {
			return err
		}
		var r *commits.Repository
		if filepath.IsAbs(s.Location) {
			r, err = g.Local(s.Location, incoming)
		} else {
			r, err = g.Remote(ctx, s.Location, s.Commit, tokenFor(ctx, rules, s.Location))
		}
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, r.Close()) }()
		tree, err := r.Export(ctx, s.Commit, dir)
		if err != nil {
			return err
		}
		for _, path := range tree.Submodules {
			fmt.Fprintf(out, "       Fetched the submodule %s\n", hook.Plain(path, 200))
		}
		if len(tree.Pointers) > 0 {
			fmt.Fprintf(out, " !     %s\n", pointerWords(tree.Pointers))
		}
		if err := isAppDirectory(dir, s.Directory); err != nil {
			return err
		}
		return noteCommit(dir, s.Commit)
	}
}

// noteCommit has a directory say which commit it is of.
func noteCommit(dir, commit string) error {
	git := filepath.Join(dir, ".git")
	if err := sandbox.Remove(git); err != nil {
		return err
	}
	if err := os.Mkdir(git, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(git, "HEAD"), []byte(commit+"\n"), 0o644)
}

// tokenFor is the token of the webhook whose repository that is; empty where there is none.
func tokenFor(ctx context.Context, rules hook.Rules, repository string) string {
	if rules == nil {
		return ""
	}
	all, err := rules.Rules(ctx)
	if err != nil {
		return ""
	}
	for _, r := range all {
		if r.Repository != repository {
			continue
		}
		if r, err = rules.Rule(ctx, r.App); err == nil && r.Token != "" {
			return r.Token
		}
	}
	return ""
}

// pointerWords say that Git LFS has files elsewhere.
func pointerWords(paths []string) string {
	first := hook.Plain(paths[0], 200)
	more := ""
	if len(paths) > 1 {
		more = fmt.Sprintf(" and %d more", len(paths)-1)
	}
	return fmt.Sprintf("Git LFS has %s%s elsewhere: the build gets the pointers. Have the files themselves in git: git lfs migrate export --include=%q --everything", first, more, first)
}

// isAppDirectory makes sure that the directory of the app is one of the commit.
func isAppDirectory(dir, inside string) error {
	if inside == "" {
		return nil
	}
	at := dir
	for part := range strings.SplitSeq(filepath.FromSlash(inside), string(filepath.Separator)) {
		at = filepath.Join(at, part)
		info, err := os.Lstat(at)
		if err != nil || !info.IsDir() {
			return fmt.Errorf("the commit has no directory %s, in which the app is to be", inside)
		}
	}
	return nil
}
