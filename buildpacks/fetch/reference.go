package fetch

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path"
	"regexp"
	"strings"
	"sync"
)

// medium is where a reference leads to.
type medium int

const (
	localPath medium = iota
	imageLayout
	imageArchive
	registryImage
	webFile
	gitRepository
)

// ofThisMachine is whether a medium reads files that the reference names.
func (m medium) ofThisMachine() bool {
	return m == imageLayout || m == imageArchive || m == gitRepository
}

// reference is a reference that was understood.
type reference struct {
	medium medium
	// at is the path, the name of the image or the address, without what
	// stands after "#", which is the fragment.
	at, fragment string
}

// scp is an address as ssh writes it: user@host:path.
var scp = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_.-]+@[A-Za-z0-9_.-]+:[^\s]+$`) })

const gitHint = "a git repository is git+https://HOST/PATH#REF, ssh://USER@HOST/PATH#REF or file:///PATH#REF"

// parse tells what kind of reference it is. What is on disk is not looked at.
func parse(ref string) (reference, error) {
	scheme, rest, addressed := strings.Cut(ref, ":")
	switch {
	case ref == "":
		return reference{}, errors.New("it is empty; expected a directory, a file, an address or an image")
	case strings.HasPrefix(ref, "docker://"):
		return reference{medium: registryImage, at: strings.TrimPrefix(ref, "docker://")}, nil
	case strings.HasPrefix(ref, "urn:cnb:registry"):
		return reference{}, errors.New("the buildpack registry is not asked, because it is one site that no mirror has; name the image that it lists: docker://IMAGE")
	case strings.HasPrefix(ref, "urn:"), strings.HasPrefix(ref, "from=builder"):
		return reference{}, errors.New("there is no builder to take a buildpack from; name a directory, a file, an address or docker://IMAGE")
	case addressed && scheme == "oci":
		return reference{medium: imageLayout, at: rest}, nil
	case addressed && scheme == "oci-archive":
		return reference{medium: imageArchive, at: rest}, nil
	case scp().MatchString(ref) && !strings.Contains(ref, "://"):
		return gitReference(ref)
	case strings.HasPrefix(rest, "//"):
		return parseAddress(scheme, ref)
	}
	return reference{medium: localPath, at: ref}, nil
}

// parseAddress is parse for what has a scheme.
func parseAddress(scheme, ref string) (reference, error) {
	switch strings.ToLower(scheme) {
	case "git+https", "git+ssh", "git+file":
		return gitReference(strings.TrimPrefix(ref, "git+"))
	case "ssh", "git":
		return gitReference(ref)
	case "file":
		return reference{medium: localPath, at: strings.TrimPrefix(ref, "file://")}, nil
	case "git+http":
		return reference{}, errors.New("anyone on the way could change what http brings; expected git+https://")
	case "https", "http":
	default:
		return reference{}, fmt.Errorf("%s:// is not known; expected https://, docker://, ssh:// or file://; %s", scheme, gitHint)
	}
	at, fragment, named := strings.Cut(ref, "#")
	u, err := url.Parse(at)
	if err != nil || u.Host == "" {
		return reference{}, errors.New("it is no valid address; expected https://HOST/PATH")
	}
	repository := path.Ext(strings.TrimSuffix(u.Path, "/")) == ".git" || named && !strings.Contains(fragment, "=")
	switch {
	case u.Scheme == "http" && (repository || !loopback(u.Hostname())):
		return reference{}, errors.New("anyone on the way could change what http brings; expected https://")
	case repository:
		return gitReference(ref)
	}
	return reference{medium: webFile, at: at, fragment: fragment}, nil
}

// loopback is whether a host is this machine.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// revision is what git may be asked for: the name of a branch or a tag, or a
// commit (git-check-ref-format(1)).
var revision = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[^-\s~^:?*\[\\\x00-\x1f\x7f][^\s~^:?*\[\\\x00-\x1f\x7f]*$`)
})

// gitReference is a repository with what is wanted of it.
func gitReference(ref string) (reference, error) {
	at, fragment, named := strings.Cut(ref, "#")
	if named && (!revision().MatchString(fragment) || strings.Contains(fragment, "..") || strings.Contains(fragment, "@{")) {
		return reference{}, fmt.Errorf("%q is no branch, tag or commit; expected one after the #", fragment)
	}
	if strings.HasPrefix(at, "-") {
		return reference{}, errors.New("it is no valid address of a git repository; " + gitHint)
	}
	return reference{medium: gitRepository, at: at, fragment: fragment}, nil
}

// secrets are what stands between "//" and "@", and after "?".
var secrets = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`//[^/\s]*@|\?[^#\s]*`) })

// redacted is a reference without the credentials that an address may have. The
// user of ssh is no secret, and part of the address.
func redacted(ref string) string {
	scheme, _, addressed := strings.Cut(ref, "://")
	if !addressed || scheme == "docker" || scheme == "file" {
		return ref
	}
	return secrets().ReplaceAllStringFunc(ref, func(found string) string {
		user, isUser := strings.CutPrefix(found, "//")
		if isUser && strings.Contains(scheme, "ssh") && !strings.Contains(user, ":") {
			return found
		}
		if isUser {
			return "//"
		}
		return ""
	})
}
