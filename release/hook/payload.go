package hook

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
)

const (
	// maxDepth is how deep a payload may be nested: those of forges are below ten.
	maxDepth = 64
	// maxPaths is how many changed files are looked at, and maxMessage how many bytes of a
	// commit's message.
	maxPaths   = 20_000
	maxMessage = 64 << 10
)

// payload is what is read of a push event; the forges differ in few names.
type payload struct {
	Ref     string `json:"ref"`
	Before  string `json:"before"`
	After   string `json:"after"`
	Forced  bool   `json:"forced"`
	Commits []struct {
		ID       string   `json:"id"`
		Added    []string `json:"added"`
		Modified []string `json:"modified"`
		Removed  []string `json:"removed"`
		words
	} `json:"commits"`
	// TotalGitea and TotalGitLab are how many commits there are; Commits may have less.
	TotalGitea  *int `json:"total_commits"`
	TotalGitLab *int `json:"total_commits_count"`
	HeadCommit  *struct {
		ID string `json:"id"`
		words
	} `json:"head_commit"`
	Repository reached   `json:"repository"`
	Project    *reached  `json:"project"`
	Sender     *identity `json:"sender"`
	Pusher     *identity `json:"pusher"`
	// UserUsername is who pushed, at GitLab.
	UserUsername string `json:"user_username"`
}

// words are a commit's message and its author.
type words struct {
	Message string   `json:"message"`
	Author  identity `json:"author"`
}

// reached is how a repository is reached.
type reached struct {
	CloneURL string `json:"clone_url"`
	SSHURL   string `json:"ssh_url"`
	// HTTPURL and GitSSHURL are GitLab's words.
	HTTPURL   string `json:"git_http_url"`
	GitSSHURL string `json:"git_ssh_url"`
}

// identity is somebody.
type identity struct {
	Name  string `json:"name"`
	Login string `json:"login"`
}

// githubCommits is the most commits that a payload of GitHub has: one with that many may
// have more.
const githubCommits = 2048

// readPush reads a push event.
func readPush(forge Forge, body []byte) (Push, error) {
	if err := shallow(body); err != nil {
		return Push{}, &PayloadError{Problem: "it is no push event", Err: err}
	}
	var in payload
	if err := json.Unmarshal(body, &in); err != nil {
		return Push{}, &PayloadError{Problem: "it is no push event", Err: err}
	}
	p := Push{Forge: forge, Forced: in.Forced, Author: "", Pusher: in.UserUsername}
	if err := p.ref(in.Ref); err != nil {
		return Push{}, &PayloadError{Problem: "ref", Err: err}
	}
	var err error
	if p.Before, err = objectID(in.Before); err != nil {
		return Push{}, &PayloadError{Problem: "before", Err: err}
	}
	if p.After, err = objectID(in.After); err != nil {
		return Push{}, &PayloadError{Problem: "after", Err: err}
	}
	from := in.Repository
	if in.Project != nil && forge == GitLab {
		from = *in.Project
	}
	for _, address := range []string{from.CloneURL, from.HTTPURL, from.SSHURL, from.GitSSHURL} {
		if CheckRepository(address) == nil {
			p.addresses = append(p.addresses, address)
		}
	}
	if len(p.addresses) == 0 {
		return Push{}, &PayloadError{Problem: "it does not say which repository it is about"}
	}
	p.Repository = p.addresses[0]
	for _, who := range []*identity{in.Pusher, in.Sender} {
		if who != nil && p.Pusher == "" {
			p.Pusher = cut(who.Login, who.Name)
		}
	}
	p.head(in)
	p.changes(in)
	return p, nil
}

func cut(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text[:min(len(text), maxMessage)]
		}
	}
	return ""
}

// ref reads the name of a ref.
func (p *Push) ref(name string) error {
	if branch, is := strings.CutPrefix(name, "refs/heads/"); is {
		p.Branch = branch
		return CheckBranch(branch)
	}
	if tag, is := strings.CutPrefix(name, "refs/tags/"); is {
		p.Tag = tag
		return CheckBranch(tag)
	}
	if !strings.HasPrefix(name, "refs/") {
		return errors.New("it names none")
	}
	return nil
}

// head finds the message of the newest commit.
func (p *Push) head(in payload) {
	if in.HeadCommit != nil && in.HeadCommit.ID == p.After {
		p.Message, p.Author = cut(in.HeadCommit.Message), cut(in.HeadCommit.Author.Name)
		return
	}
	for _, c := range in.Commits {
		if c.ID == p.After {
			p.Message, p.Author = cut(c.Message), cut(c.Author.Name)
			return
		}
	}
}

// changes collects the paths. They are not all of them where the branch is new or has lost
// commits, or where the forge says that there are more commits than it names. GitLab and
// Gitea do not say that a branch has lost commits unless it has no new ones.
func (p *Push) changes(in payload) {
	p.Partial = p.Before == "" || p.Forced || len(in.Commits) == 0
	for _, total := range []*int{in.TotalGitea, in.TotalGitLab} {
		p.Partial = p.Partial || total != nil && *total > len(in.Commits)
	}
	p.Partial = p.Partial || len(in.Commits) >= githubCommits
	seen := map[string]bool{}
	for _, c := range in.Commits {
		for _, list := range [][]string{c.Added, c.Modified, c.Removed} {
			for _, name := range list {
				switch {
				case seen[name]:
				case len(p.Paths) == maxPaths:
					p.Partial = true
					return
				default:
					seen[name] = true
					p.Paths = append(p.Paths, name)
				}
			}
		}
	}
}

// shallow refuses a document that is nested deeper than a forge's.
func shallow(body []byte) error {
	depth, quoted := 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return errors.New("it is nested too deep")
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	if !json.Valid(bytes.TrimSpace(body)) {
		return errors.New("it is no JSON")
	}
	return nil
}
