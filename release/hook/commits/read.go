package commits

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/slugc/slugc/release/hook"
	"github.com/slugc/slugc/stack/sandbox"
)

// Describe reads the message of a commit and who wrote it, as they are in git.
func (r *Repository) Describe(ctx context.Context, id string) (message, author string, err error) {
	text, err := r.run(ctx, "reading the commit", "cat-file", "commit", id)
	if err != nil {
		return "", "", err
	}
	head, message, _ := strings.Cut(text, "\n\n")
	for line := range strings.Lines(head) {
		if who, is := strings.CutPrefix(line, "author "); is {
			author, _, _ = strings.Cut(who, " <")
		}
	}
	return message, author, nil
}

// Contains is whether a commit is another one, or one before it.
func (r *Repository) Contains(ctx context.Context, later, earlier string) (bool, error) {
	_, err := r.run(ctx, "looking at the history", "merge-base", "--is-ancestor", earlier, later)
	if exit, is := errors.AsType[*sandbox.ExitError](err); is && exit.Code == 1 {
		return false, nil
	}
	return err == nil, err
}

// Changed are the paths in which two commits differ.
func (r *Repository) Changed(ctx context.Context, before, after string) ([]string, error) {
	text, err := r.run(ctx, "looking at what changed", "diff-tree", "-r", "-z", "--name-only", "--no-renames", before, after)
	if err != nil || text == "" {
		return nil, err
	}
	return strings.Split(strings.TrimSuffix(text, "\x00"), "\x00"), nil
}

// Tip is the commit at which a branch of a local repository ends now; empty where there is none
// (gitrepository-layout(5)).
func (r *Repository) Tip(branch string) (string, error) {
	if err := hook.CheckBranch(branch); err != nil {
		return "", err
	}
	name := "refs/heads/" + branch
	text, err := os.ReadFile(filepath.Join(r.address, filepath.FromSlash(name)))
	if err == nil {
		return strings.TrimSpace(string(text)), nil
	}
	if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
		return "", err
	}
	packed, err := os.ReadFile(filepath.Join(r.address, "packed-refs"))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	for line := range strings.Lines(string(packed)) {
		if id, ref, found := strings.Cut(strings.TrimSpace(line), " "); found && ref == name {
			return id, nil
		}
	}
	return "", err
}

// Settings are those of a local repository itself, by their names as git prints them: section and
// variable in lower case.
func (r *Repository) Settings(ctx context.Context) (map[string][]string, error) {
	text, err := r.run(ctx, "reading the settings of the repository", "--git-dir="+gitLocal, "config", "--local", "--includes", "--null", "--list")
	if err != nil {
		return nil, err
	}
	all := map[string][]string{}
	for entry := range strings.SplitSeq(strings.TrimSuffix(text, "\x00"), "\x00") {
		// A variable without "=" is true.
		name, value, given := strings.Cut(entry, "\n")
		if !given {
			value = "true"
		}
		all[name] = append(all[name], value)
	}
	return all, nil
}

// Resolve is the commit that a name has in a local repository: a branch, a tag, an id or the
// beginning of one (gitrevisions(7)), or what is checked out, where it is empty.
func (r *Repository) Resolve(ctx context.Context, name string) (string, error) {
	doing := "looking for " + hook.Plain(orHead(name), 200) + " in " + hook.Plain(r.address, 200)
	id, err := r.run(ctx, doing, "--git-dir="+gitLocal, "rev-parse", "--verify", "--end-of-options", orHead(name)+"^{commit}")
	return strings.TrimSpace(id), err
}
