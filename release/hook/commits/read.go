package commits

import (
	"context"
	"errors"
	"strings"

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

// Tip is the commit at which a branch of a local repository ends; empty where there is none.
func (r *Repository) Tip(ctx context.Context, branch string) (string, error) {
	text, err := r.run(ctx, "looking at the branch", "--git-dir="+gitLocal, "for-each-ref", "--format=%(objectname)", "refs/heads/"+branch)
	first, _, _ := strings.Cut(text, "\n")
	return first, err
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
