package php

import (
	"errors"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/php/launch"
)

// servers is which servers an app needs, and what its Procfile says.
type servers struct {
	// types are the process types of the Procfile.
	types []string
	// nginx and apache tell whether a line starts them.
	nginx, apache bool
	// vendorBin are the servers that it starts from vendor/bin.
	vendorBin []string
}

var (
	procfileLine = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?m)^\s*([A-Za-z0-9_-]+):?\s+(\S.*)$`) })
	startLine    = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?:^|[\s"'(;&|=])((?:\S*/)?)(heroku-php-nginx|heroku-php-apache2)\b`)
	})
	// The app is /app, which is HOME, and where processes start.
	homePrefix = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(?:\./|/app/|\$HOME/|\$\{HOME\}/)`) })
)

// readServers reads what a Procfile starts.
func readServers(dir string) (servers, error) {
	var s servers
	data, err := appfile.Read(dir, "Procfile")
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, err
	}
	for _, match := range procfileLine().FindAllStringSubmatch(string(data), -1) {
		s.types = append(s.types, strings.ToLower(match[1]))
		for _, start := range startLine().FindAllStringSubmatch(match[2], -1) {
			place, name := homePrefix().ReplaceAllString(start[1], ""), start[2]
			s.nginx = s.nginx || name == launch.Nginx
			s.apache = s.apache || name == launch.Apache
			if place != "" && filepath.IsLocal(place) && !strings.Contains(place, "$") {
				s.vendorBin = append(s.vendorBin, filepath.Join(place, name))
			}
		}
	}
	s.vendorBin = unique(s.vendorBin)
	return s, nil
}
