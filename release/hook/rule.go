package hook

import (
	"context"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/slugc/slugc/release"
	"github.com/slugc/slugc/release/queue"
)

// Rule says which pushes are builds of an app.
type Rule struct {
	App   string `json:"app"`
	Forge Forge  `json:"forge"`
	// Repository is what is cloned, an address without credentials; of Git a path.
	Repository string `json:"repository"`
	// Branches are those that are built.
	Branches []string `json:"branches"`
	// Paths are directories and files of the repository; a push that changes nothing in
	// them is not built. None stand for all.
	Paths []string `json:"paths,omitempty"`
	// Directory is the directory that is the app, empty for all of the repository.
	Directory string `json:"directory,omitempty"`
	// Flags are further arguments of slugc build.
	Flags []string `json:"flags,omitempty"`
	// API is where the forge's REST API is, where it is not where its kind has it
	// (StatusURL).
	API string `json:"api,omitempty"`
	// Secret is what deliveries are signed with, and Token what opens the API; empty where
	// the forge is told nothing.
	Secret string `json:"-"`
	Token  string `json:"-"`
}

// Rules are the rules of apps whose pushes a forge tells of, one for each app. The ledger keeps them.
type Rules interface {
	// Rule is that of an app, with its secrets. The error is a *NoRuleError where it has
	// none.
	Rule(ctx context.Context, app string) (Rule, error)
	// Rules are all of them, by the names of the apps, without their secrets.
	Rules(ctx context.Context) ([]Rule, error)
}

// NoRuleError says that an app has no rule. It is an fs.ErrNotExist.
type NoRuleError struct{ App string }

func (e *NoRuleError) Error() string {
	return fmt.Sprintf("%s has no webhook; slugc hooks add %s --repository ADDRESS makes one", e.App, e.App)
}

// Is says that it is an fs.ErrNotExist.
func (e *NoRuleError) Is(target error) bool { return target == fs.ErrNotExist }

// Path is where deliveries of the rule are sent to, on a server.
func (r Rule) Path() string { return "/hooks/" + r.App }

// Check says what is wrong with a rule.
func (r Rule) Check() error {
	if err := release.CheckApp(r.App); err != nil {
		return err
	}
	if len(r.Branches) == 0 {
		return fmt.Errorf("%s has no branch that is built", r.App)
	}
	for _, branch := range r.Branches {
		if err := CheckBranch(branch); err != nil {
			return err
		}
	}
	for _, inside := range append(slices.Clone(r.Paths), r.Directory) {
		if _, err := clean(inside); err != nil {
			return err
		}
	}
	if r.Forge == Git {
		return nil
	}
	if _, err := ParseForge(string(r.Forge)); err != nil {
		return err
	}
	if err := CheckRepository(r.Repository); err != nil {
		return err
	}
	if r.API != "" {
		if u, err := url.Parse(r.API); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil {
			return fmt.Errorf("%q is not the address of an API; expected one like https://git.example.com/api/v3", Plain(r.API, longestShown))
		}
	}
	return nil
}

// scp is the short form of an address of SSH (git-clone(1), "GIT URLS").
var scp = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:[A-Za-z0-9._-]+@)?([A-Za-z0-9._-]+):([^:].*)$`)
})

// CheckRepository says why an address is none to clone from.
func CheckRepository(address string) error {
	_, _, err := place(address)
	return err
}

// place is the host and the path of a repository's address, by which two addresses of one
// repository are the same, however they are reached and spelled.
func place(address string) (host, name string, err error) {
	host, name, err = spelled(address)
	host, _, _ = strings.Cut(host, ":")
	return strings.ToLower(host), strings.ToLower(name), err
}

// spelled is the host and the path as they are written, with the port of the web server where
// the address has one.
func spelled(address string) (host, name string, err error) {
	wrong := func(why string) (string, string, error) {
		return "", "", fmt.Errorf("%q is not the address of a repository: %s; expected one like https://git.example.com/shop.git or git@git.example.com:shop.git", Plain(withoutUser(address), longestShown), why)
	}
	if strings.ContainsFunc(address, func(r rune) bool { return r <= ' ' || r == 0x7f }) || strings.HasPrefix(address, "-") {
		return wrong("it has characters that none has")
	}
	if strings.Contains(address, "://") {
		u, err := url.Parse(address)
		if err != nil {
			return wrong("it cannot be read")
		}
		_, password := u.User.Password()
		switch {
		case u.Scheme != "https" && u.Scheme != "http" && u.Scheme != "ssh" && u.Scheme != "git":
			return wrong("nobody clones by " + u.Scheme)
		case u.Hostname() == "" || strings.Trim(u.Path, "/") == "":
			return wrong("it lacks a host or a path")
		case password || u.User != nil && u.Scheme != "ssh":
			return wrong("it has credentials; git has them from its credential helper or from SSH")
		case u.RawQuery != "" || u.Fragment != "":
			return wrong("it has more than a path")
		}
		if host, name = u.Hostname(), u.Path; u.Scheme == "https" || u.Scheme == "http" {
			host = u.Host
		}
	} else if parts := scp().FindStringSubmatch(address); parts != nil {
		host, name = parts[1], parts[2]
	} else {
		return wrong("it has no host")
	}
	name = strings.TrimSuffix(strings.Trim(path.Clean("/"+name), "/"), ".git")
	if name == "" {
		return wrong("it lacks a path")
	}
	return host, name, nil
}

// withoutUser is an address without who opens it.
func withoutUser(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.User == nil {
		return address
	}
	u.User = nil
	return u.String()
}

// clean is a path in a repository.
func clean(inside string) (string, error) {
	if inside == "" {
		return "", nil
	}
	cleaned := path.Clean(strings.TrimPrefix(inside, "./"))
	switch {
	case strings.ContainsRune(inside, 0), path.IsAbs(inside), cleaned == "..", strings.HasPrefix(cleaned, "../"):
		return "", fmt.Errorf("%q is no path in a repository; expected one like packages/web", Plain(inside, longestShown))
	case cleaned == ".":
		return "", nil
	}
	return cleaned, nil
}

// Decision is what becomes of a push.
type Decision struct {
	// Build is whether it is built.
	Build bool
	// Reason is why not, or what a person should know of it, as it may be shown; it may be empty for one that is built.
	Reason string
}

// skipWord asks for no build in a commit's message.
var skipWord = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?i)\[(skip deploy|deploy skip)\]`) })

// Decide says what becomes of a push.
func (r Rule) Decide(p Push) Decision {
	no := func(format string, args ...any) Decision { return Decision{Reason: fmt.Sprintf(format, args...)} }
	switch {
	case r.Forge != Git && !r.from(p):
		return no("it was pushed to another repository than that of %s", r.App)
	case p.Tag != "":
		return no("tags are not built")
	case p.Branch == "":
		return no("only branches are built")
	case !slices.Contains(r.Branches, p.Branch):
		return no("%s is built from %s, not from %s", r.App, strings.Join(r.Branches, " and "), Plain(p.Branch, longestShown))
	case p.Deleted():
		return no("the branch %s was deleted; %s runs on", Plain(p.Branch, longestShown), r.App)
	}
	if word := skipWord().FindString(p.Message); word != "" {
		return no("the message of the commit says %s", word)
	}
	if !p.Partial && !r.concerns(p.Paths) {
		return no("nothing in %s changed", strings.Join(r.Paths, " and "))
	}
	d := Decision{Build: true}
	if p.Forced {
		d.Reason = fmt.Sprintf("the history of %s was rewritten", Plain(p.Branch, longestShown))
	}
	return d
}

// from is whether a push was made to the rule's repository.
func (r Rule) from(p Push) bool {
	host, name, err := place(r.Repository)
	if err != nil || p.Forge != r.Forge {
		return false
	}
	for _, address := range append([]string{p.Repository}, p.addresses...) {
		if h, n, err := place(address); err == nil && h == host && n == name {
			return true
		}
	}
	return false
}

// concerns is whether a change of paths is one of the rule's.
func (r Rule) concerns(changed []string) bool {
	if len(r.Paths) == 0 {
		return true
	}
	for _, want := range r.Paths {
		want, err := clean(want)
		if err != nil {
			continue
		}
		if want == "" || slices.ContainsFunc(changed, func(p string) bool { return p == want || strings.HasPrefix(p, want+"/") }) {
			return true
		}
	}
	return false
}

// Order asks for the build of a push. Trigger, by and key are those of queue.Order.
func (r Rule) Order(p Push, trigger, by, key string) queue.Order {
	directory, err := clean(r.Directory)
	if err != nil {
		directory = ""
	}
	return queue.Order{
		App: r.App, Trigger: trigger, By: Plain(by, longestShown), Key: key, Flags: r.Flags,
		Source: queue.Source{
			Kind: queue.Repository, Location: r.Repository, Branch: p.Branch, Commit: p.After,
			Message: Subject(p.Message), Author: Plain(p.Author, longestShown), Directory: directory,
		},
	}
}
