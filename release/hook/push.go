package hook

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Forge is where a push was made.
type Forge string

// The forges. Forgejo speaks as Gitea does. Git is a bare repository and its hooks.
const (
	GitHub Forge = "github"
	GitLab Forge = "gitlab"
	Gitea  Forge = "gitea"
	Git    Forge = "git"
)

// Forges are those that send webhooks.
func Forges() []Forge { return []Forge{GitHub, GitLab, Gitea} }

// ParseForge reads the name of a forge that sends webhooks.
func ParseForge(name string) (Forge, error) {
	f := Forge(strings.ToLower(name))
	if f == "forgejo" {
		f = Gitea
	}
	if slices.Contains(Forges(), f) {
		return f, nil
	}
	return "", fmt.Errorf("%q is no forge; expected github, gitlab, gitea or forgejo", Plain(name, longestShown))
}

// Push is one ref that was pushed.
type Push struct {
	Forge Forge
	// Repository is the address to clone from, without credentials; of Git its path.
	Repository string
	// Branch or Tag is what was pushed; both are empty for any other ref.
	Branch, Tag string
	// Before and After are the full ids of the commits; an empty one is a ref that was not
	// there, or is deleted.
	Before, After string
	// Forced is whether commits that were there are no more part of the branch.
	Forced bool
	// Message is the whole message of the newest commit, and Author who wrote it, as they
	// are in git: Plain makes them fit to be shown.
	Message, Author string
	// Pusher is who pushed, as the forge calls them.
	Pusher string
	// Paths are the files that differ, by their paths in the repository. They
	// may be more than these when Partial is set.
	Paths   []string
	Partial bool
	// ID is what the forge calls the delivery.
	ID string
	// addresses are those by which the forge says the repository is reached, all of them.
	addresses []string
}

// Deleted is whether the ref is gone.
func (p Push) Deleted() bool { return p.After == "" }

// longestShown is how many characters of a foreign name a message has.
const longestShown = 100

// Plain is foreign text as a person may be shown it, in one line of at most so many
// characters: without control characters, and without those that turn the direction of text.
func Plain(text string, most int) string {
	var b strings.Builder
	count, space := 0, false
	for _, r := range text {
		switch {
		case unicode.IsSpace(r):
			space = count > 0
			continue
		case r == utf8.RuneError || !unicode.IsPrint(r):
			continue
		}
		gap := ""
		if space {
			gap = " "
		}
		space = false
		if count += len(gap) + 1; count > most {
			b.WriteString("...")
			break
		}
		b.WriteString(gap)
		b.WriteRune(r)
	}
	return b.String()
}

// Subject is the first line of a commit's message, as it may be shown.
func Subject(message string) string {
	first, _, _ := strings.Cut(strings.TrimSpace(message), "\n")
	return Plain(first, longestSubject)
}

const longestSubject = 200

// longestBranch is how many bytes a branch may have; a ref is a file.
const longestBranch = 255

// CheckBranch says why a name is none of a branch (git-check-ref-format(1)); it has to be
// text, too.
func CheckBranch(name string) error {
	bad := func(why string) error {
		return fmt.Errorf("%q is no name of a branch: %s", Plain(name, longestShown), why)
	}
	switch {
	case name == "":
		return errors.New("expected the name of a branch, such as main")
	case len(name) > longestBranch:
		return bad("it is too long")
	case !utf8.ValidString(name):
		return bad("it is not UTF-8")
	case strings.HasPrefix(name, "-") || name == "@" || name == "HEAD":
		return bad("git takes it for something else")
	case strings.ContainsAny(name, " ~^:?*[\\\x7f") || strings.ContainsFunc(name, unicode.IsControl):
		return bad("no branch has such a character")
	case strings.Contains(name, "..") || strings.Contains(name, "@{") || strings.HasSuffix(name, "."):
		return bad("no branch has such dots or braces")
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".lock") {
			return bad("no branch has such a part between slashes")
		}
	}
	return nil
}

// objectID is an id of git, SHA-1 or SHA-256; empty for the one that is all zeros, which
// stands for no object.
func objectID(text string) (string, error) {
	if len(text) != 40 && len(text) != 64 || strings.Trim(text, "0123456789abcdef") != "" {
		return "", fmt.Errorf("%q is no id of a commit", Plain(text, longestShown))
	}
	if strings.Trim(text, "0") == "" {
		return "", nil
	}
	return text, nil
}
