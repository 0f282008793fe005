package static

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/slugc/slugc/buildpacks/language/appfile"
)

// readStaticfile reads Cloud Foundry's Staticfile: YAML, in which most values
// are "enabled" or not. An empty one is a site too.
func (s *site) readStaticfile(dir string) error {
	data, err := appfile.Read(dir, staticFile)
	if err != nil {
		return err
	}
	return s.parseStaticfile(data)
}

func (s *site) parseStaticfile(data []byte) error {
	s.by = staticFile
	var settings map[string]any
	if err := appfile.YAML(staticFile, data, &settings); err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		if err := s.setStaticfile(key, settings[key]); err != nil {
			return err
		}
	}
	return nil
}

// hstsYear is a Strict-Transport-Security of a year.
const hstsYear = "max-age=31536000"

// setStaticfile takes one setting.
func (s *site) setStaticfile(key string, value any) error {
	text := strings.TrimSpace(fmt.Sprint(value))
	if value == nil {
		text = ""
	}
	switch key {
	case "root":
		if text == "" {
			return nil
		}
		return s.setRoot(text)
	case "host_dot_files":
		s.dotFiles = enabled(text)
	case "location_include":
		s.include = strings.TrimPrefix(text, "/")
	case "directory":
		s.listing = text != "" && text != "false"
	case "index_fallback":
		s.fallback = enabled(text)
	case "ssi":
		s.ssi = enabled(text)
	case "pushstate":
		s.fallback = enabled(text)
	case "force_https":
		s.httpsOnly = enabled(text)
	case "http_strict_transport_security":
		if enabled(text) && s.hsts == "" {
			s.hsts = hstsYear
		}
	case "http_strict_transport_security_include_subdomains":
		if enabled(text) && !strings.Contains(s.hsts, "preload") {
			s.hsts = hstsYear + "; includeSubDomains"
		}
	case "http_strict_transport_security_preload":
		if enabled(text) {
			s.hsts = hstsYear + "; includeSubDomains; preload"
		}
	case "status_codes":
		return s.setErrorPages(value)
	case "enable_http2":
		s.warnings = append(s.warnings, staticFile+": enable_http2 does nothing: HTTP/2 is for the router in front of the site")
	default:
		s.warnings = append(s.warnings, fmt.Sprintf("%s has a key %q that nobody knows; known are root, pushstate, directory, force_https, host_dot_files, "+
			"http_strict_transport_security, location_include, ssi, status_codes", staticFile, key))
	}
	return nil
}

// setErrorPages takes the pages of status_codes.
func (s *site) setErrorPages(value any) error {
	pages, is := value.(map[string]any)
	if byNumber, isToo := value.(map[any]any); isToo {
		pages, is = map[string]any{}, true
		for status, page := range byNumber {
			pages[fmt.Sprint(status)] = page
		}
	}
	if !is {
		text := ""
		if value != nil {
			text = strings.TrimSpace(fmt.Sprint(value))
		}
		return appfile.Error("%s: status_codes is %q\nexpected pages by status:\n  status_codes:\n    404: /404.html", staticFile, text)
	}
	for status, page := range pages {
		if err := s.addErrorPage(status, fmt.Sprint(page)); err != nil {
			return err
		}
	}
	return nil
}

// addErrorPage takes a page for a status.
func (s *site) addErrorPage(status, page string) error {
	number, is := statusOf(strings.TrimSpace(status))
	if !is || strings.TrimSpace(page) == "" {
		return appfile.Error("%s: %q is no status with a page, or has none: %q\nexpected one such as 404 and a file of the site such as /404.html", s.by, status, page)
	}
	s.errorPages[number] = rootedPath(page)
	return nil
}
