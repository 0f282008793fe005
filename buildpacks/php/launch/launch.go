package launch

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"github.com/slugc/slugc/buildpacks/language/layer"
	"github.com/slugc/slugc/buildpacks/language/limits"
)

// The commands of a Procfile that serve PHP, as Heroku's buildpack calls them.
const (
	Nginx  = "heroku-php-nginx"
	Apache = "heroku-php-apache2"
)

//go:embed start.sh
var start string

// lib is what the commands fill in.
//
//go:embed apache2.conf fastcgi_params mime.types nginx.conf php-fpm.conf
var lib embed.FS

// file is a file of the layer.
type file struct {
	name       string
	text       []byte
	executable bool
}

// files are those of the layer, sorted by name.
func files() ([]file, error) {
	script := limits.Script(start)
	all := []file{{"bin/" + Apache, script, true}, {"bin/" + Nginx, script, true}}
	entries, err := fs.ReadDir(lib, ".")
	if err != nil {
		return nil, fmt.Errorf("reading what PHP is served with: %w", err)
	}
	for _, entry := range entries {
		text, err := fs.ReadFile(lib, entry.Name())
		if err != nil {
			return nil, fmt.Errorf("reading what PHP is served with: %w", err)
		}
		all = append(all, file{path.Join("lib", entry.Name()), text, false})
	}
	return all, nil
}

// Write writes the commands into a directory that is to be a layer for launch.
func Write(dir string) error {
	all, err := files()
	if err != nil {
		return err
	}
	for _, f := range all {
		mode := fs.FileMode(0o644)
		if f.executable {
			mode = 0o755
		}
		if err := layer.WriteBeside(filepath.Join(dir, filepath.FromSlash(f.name)), f.text, mode); err != nil {
			return fmt.Errorf("writing what serves PHP: %w", err)
		}
	}
	return nil
}

// Sum is a checksum of what Write writes.
func Sum() string {
	// The files are part of the program, so they can be read.
	all, _ := files()
	sum := sha256.New()
	for _, f := range all {
		fmt.Fprintf(sum, "%s %d %t\n%s", f.name, len(f.text), f.executable, f.text)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// VendorBin is the program vendor/bin/NAME of an app, for the name of a command:
// where Heroku has it, Procfiles say so.
func VendorBin(name string) []byte {
	return []byte(strings.Join([]string{"#!/bin/sh", `exec ` + name + ` "$@"`, ""}, "\n"))
}
