package php

import (
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/buildpacks/php/launch"
)

// servers is which servers an app needs, and what its Procfile says.
type servers struct {
	// declared is what the Procfile names.
	declared language.Declared
	// nginx and apache tell whether a line starts them.
	nginx, apache bool
	// vendorBin are the servers that it starts from vendor/bin.
	vendorBin []string
}

var (
	startLine = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?:^|[\s"'(;&|=])((?:\S*/)?)(heroku-php-nginx|heroku-php-apache2)\b`)
	})
	// The app is /app, which is HOME, and where processes start.
	homePrefix = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(?:\./|/app/|\$HOME/|\$\{HOME\}/)`) })
)

// readServers reads what a Procfile starts.
func readServers(dir string) (servers, error) {
	declared, err := language.ReadProcfile(dir)
	if err != nil {
		return servers{}, err
	}
	s := servers{declared: declared}
	for _, process := range declared {
		for _, start := range startLine().FindAllStringSubmatch(process.Command, -1) {
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
