package pep508

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
)

// Requirement is what one package wants of another (PEP 508).
type Requirement struct {
	// Name is in its normal form.
	Name   string
	Extras []string
	// Wanted are the versions. URL is where it comes from instead.
	Wanted Specifiers
	URL    string
	Marker Marker
}

var nameForm = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[([^\]]*)\])?\s*`)
})

var separators = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`[-_.]+`) })

// Normal is the normal form of a name (PEP 503).
func Normal(name string) string {
	return strings.ToLower(separators().ReplaceAllString(strings.TrimSpace(name), "-"))
}

// ParseRequirement reads a requirement.
func ParseRequirement(text string) (Requirement, error) {
	text = strings.TrimSpace(text)
	match := nameForm().FindStringSubmatch(text)
	if match == nil {
		return Requirement{}, fmt.Errorf("%q is no requirement: expected a name, such as flask>=3", text)
	}
	r := Requirement{Name: Normal(match[1])}
	for extra := range strings.SplitSeq(match[2], ",") {
		if extra = strings.TrimSpace(extra); extra != "" {
			r.Extras = append(r.Extras, Normal(extra))
		}
	}
	rest := text[len(match[0]):]
	var condition string
	if address, isURL := strings.CutPrefix(rest, "@"); isURL {
		// A semicolon may be part of an address.
		if at := strings.Index(address, " ;"); at >= 0 {
			address, condition = address[:at], address[at+2:]
		}
		r.URL = strings.TrimSpace(address)
		if r.URL == "" {
			return Requirement{}, fmt.Errorf("%q is no requirement: no address behind @", text)
		}
	} else {
		var err error
		rest, condition, _ = strings.Cut(rest, ";")
		if r.Wanted, err = ParseSpecifiers(rest); err != nil {
			return Requirement{}, fmt.Errorf("%q is no requirement: %w", text, err)
		}
	}
	var err error
	r.Marker, err = ParseMarker(condition)
	return r, err
}
