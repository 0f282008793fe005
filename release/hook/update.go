package hook

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Update is one line that git hands to a pre-receive or post-receive hook: old, new, ref
// (githooks(5)).
type Update struct {
	// Before and After are full ids; an empty one is a ref that was not there, or is
	// deleted.
	Before, After string
	Ref           string
}

// Branch is the branch that is updated, empty for another ref.
func (u Update) Branch() string {
	branch, _ := strings.CutPrefix(u.Ref, "refs/heads/")
	if branch == u.Ref {
		return ""
	}
	return branch
}

// Tag is the tag that is updated, empty for another ref.
func (u Update) Tag() string {
	tag, _ := strings.CutPrefix(u.Ref, "refs/tags/")
	if tag == u.Ref {
		return ""
	}
	return tag
}

const (
	// maxUpdates is how many refs a push may update, and maxLine how many bytes a line of
	// git has at most: two ids and a path of a file.
	maxUpdates = 10_000
	maxLine    = 8 << 10
)

// ParseUpdates reads what git writes to a hook. Git has looked at the names of refs, in which more
// may be than CheckBranch allows.
func ParseUpdates(r io.Reader) ([]Update, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	var all []Update
	for lines.Scan() {
		if len(all) == maxUpdates {
			return nil, fmt.Errorf("the push updates more than %d refs; push fewer at a time", maxUpdates)
		}
		u, err := parseUpdate(lines.Text())
		if err != nil {
			return nil, fmt.Errorf("reading line %d of git: %w", len(all)+1, err)
		}
		all = append(all, u)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("reading the lines of git: %w", err)
	}
	return all, nil
}

func parseUpdate(line string) (u Update, err error) {
	before, rest, found := strings.Cut(line, " ")
	after, ref, complete := strings.Cut(rest, " ")
	if !found || !complete {
		return u, fmt.Errorf("%q; expected two ids and a ref", Plain(line, longestShown))
	}
	if u.Before, err = objectID(before); err != nil {
		return u, err
	}
	if u.After, err = objectID(after); err != nil {
		return u, err
	}
	if u.Before == "" && u.After == "" {
		return u, errors.New("both ids are those of nothing")
	}
	u.Ref = ref
	if !strings.HasPrefix(ref, "refs/") {
		return u, fmt.Errorf("%q is no ref", Plain(ref, longestShown))
	}
	return u, nil
}
