package project

import (
	"net/url"
	"regexp"
	"strings"
	"sync"
)

// Reference is how an app names a buildpack in app.json, .buildpacks or
// BUILDPACK_URL. One of Name and URI is empty.
type Reference struct {
	// Text is what is written there, and Line where; 0 where nobody knows.
	Text string
	Line int
	// Name is a name of Heroku's registry, such as heroku/nodejs. A directory
	// may look the same; one is meant if it begins with "./".
	Name string
	// URI is what slugc takes for -b. A relative path is relative to the app.
	URI string
}

var (
	// registryName is namespace/name (Heroku Dev Center, "Buildpack Registry"),
	// also with the ref that herokuish lets follow it.
	registryName = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]*/[A-Za-z0-9][A-Za-z0-9_.-]*(#\S*)?$`)
	})
	// archive is what the path of an address of a file ends with.
	archive = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?i)\.(tgz|tar\.gz|tar\.xz|tar\.zst|tar\.bz2|tar|zip|cnb)$`)
	})
)

// ParseReference reads a buildpack as people write it for Heroku (Heroku Dev
// Center, "Buildpacks" and "app.json Schema"): an https address that is not one
// of an archive is a git repository, whose branch, tag or commit follows a #.
// Everything else is an address or a path already, or a name of the registry;
// whether it is a good one is found out by who fetches it.
func ParseReference(text string) Reference {
	text = strings.TrimSpace(text)
	r := Reference{Text: text, URI: text}
	name, named := strings.CutPrefix(text, "urn:buildpack:")
	if named && name != "" || registryName().MatchString(text) && !archive().MatchString(text) {
		r.Name, r.URI = name, ""
		return r
	}
	scheme, rest, _ := strings.Cut(text, "://")
	if strings.ToLower(scheme) != "https" {
		return r
	}
	at, fragment, _ := strings.Cut(rest, "#")
	u, err := url.Parse("https://" + at)
	if err != nil || strings.Trim(u.Path, "/") == "" || archive().MatchString(u.Path) || strings.HasPrefix(fragment, "sha256=") {
		return r
	}
	r.URI = "git+https://" + at
	if fragment != "" {
		r.URI += "#" + fragment
	}
	return r
}
