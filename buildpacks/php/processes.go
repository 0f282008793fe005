package php

import (
	"strings"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/php/launch"
)

// start is how an app starts.
type start struct {
	// command is the web process, "" where the Procfile says it or nothing does.
	command string
	// what is what it was recognised by.
	what string
	// nginx and apache tell which servers are needed.
	nginx, apache bool
}

// start says how an app starts. What a Procfile says goes before it.
func (b *build) start(a app) start {
	s := start{nginx: a.servers.nginx, apache: a.servers.apache}
	if a.servers.declared.Has("web") {
		return s
	}
	root, what := a.documentRoot()
	if root == "" && !a.exists(indexPHP) {
		if len(a.servers.declared) > 0 {
			return s
		}
		what = "no index.php was found"
	}
	server := launch.Nginx
	if !a.isLaravel() && !a.isSymfony() && a.exists(root+".htaccess") {
		// Nginx does not read it.
		server, what = launch.Apache, what+", .htaccess"
	}
	s.nginx, s.apache = s.nginx || server == launch.Nginx, s.apache || server == launch.Apache
	s.command, s.what = strings.TrimSpace(server+" "+root), what
	return s
}

// documentRoot is the directory with what everybody may ask for, with a slash at its
// end, "" for the app itself; and what it was recognised by.
func (a app) documentRoot() (root, what string) {
	extra := a.manifest.Extra
	for _, said := range []struct{ text, name string }{
		{extra.Heroku.DocumentRoot, "extra.heroku.document-root"}, {extra.PublicDir, "extra.public-dir"}, {extra.SymfonyWebDir, "extra.symfony-web-dir"},
	} {
		if text := strings.Trim(strings.TrimPrefix(said.text, "./"), "/"); text != "" {
			return text + "/", said.name + " in " + a.manifestName
		}
	}
	switch {
	case a.isLaravel():
		return "public/", "Laravel"
	case a.isSymfony():
		return "public/", "Symfony"
	case a.exists(indexPHP):
		return "", indexPHP
	}
	for _, dir := range []string{"public/", "web/", "html/", "htdocs/", "www/"} {
		if a.exists(dir + indexPHP) {
			return dir, dir + indexPHP
		}
	}
	return "", ""
}

// processes are those that the app has beside its Procfile's.
func (b *build) processes(a app, s start) []libcnb.Process {
	b.Print.Step("Looking for how the app starts")
	if s.command == "" {
		if a.servers.declared.Has("web") {
			b.Print.Detail("The Procfile says it")
		}
		return nil
	}
	if root, _ := a.documentRoot(); !a.exists(root + indexPHP) {
		b.Print.Warn("There is no index.php in the app's root or in public/, so visitors see files alone.\nSay in a Procfile where it is, for example:\n  echo 'web: %s public/' > Procfile\n  git add Procfile", launch.Nginx)
	}
	b.Print.Detail("web: %s (%s)", s.command, s.what)
	return []libcnb.Process{{Type: "web", Command: strings.Fields(s.command), Default: true}}
}
