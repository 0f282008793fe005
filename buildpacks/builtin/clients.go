package builtin

import (
	"context"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/slugc/slugc/buildpacks/cnb"
	"github.com/slugc/slugc/stack/sandbox"
)

// The package clients whose settings builtin buildpacks ask for
// (Buildpack.Clients).
const (
	// NPM is npm, with an .npmrc; see npm.Config.Connection.
	NPM = "npm"
	// Go is the go command, with the file of "go env -w"; see
	// goproxy.Connection.
	Go = "go"
	// PIP is pip, with a pip.conf; see pypi.Config.Connection.
	PIP = "pip"
	// Debian is what installs Debian's packages; see runtime.DebianSettings.
	Debian = "debian"
	// Maven is Maven, with a settings.xml; see maven.Config.Connection.
	Maven = "maven"
	// Cargo is Cargo, with a config.toml and a credentials.toml; see
	// cargo.Config.Connection.
	Cargo = "cargo"
	// Bundler is Bundler, with the file of "bundle config"; see bundler.Connection.
	Bundler = "bundler"
	// Composer is Composer, with the config of a config.json; see
	// composer.Config.Connection.
	Composer = "composer"
)

// Settings are a file by which a package client of this machine knows its
// registries and how to reach them.
type Settings struct {
	// Variable is the environment variable that names the file.
	Variable string
	// Name is how the file is called.
	Name string
	// Text is what is in it. It may have credentials.
	Text string
}

// Clients are the package clients of this machine by name, each with what finds
// out its settings. That is asked when a buildpack that uses the client is
// about to build, since something may have to be made first; offline it fetches
// nothing. What finds credentials also keeps them from being printed.
type Clients map[string]func(ctx context.Context, offline bool) ([]Settings, error)

// settingsDir is where a buildpack finds the settings that it asks for.
const settingsDir = "/cnb/settings"

// HandOver gives the builtin buildpacks of a group, which Install made, the
// settings of the clients that they use. The files lie below a directory that
// is nobody else's. A buildpack sees those that it asked for, read-only, and no
// other buildpack does.
func HandOver(ctx context.Context, dir string, installed map[string]*cnb.Buildpack, group []string, clients Clients, offline bool) error {
	known := map[string][]Settings{}
	for _, b := range All(ctx, io.Discard, nil) {
		id, err := b.id()
		if err != nil {
			return err
		}
		to := installed[id]
		if to == nil || !slices.Contains(group, id) {
			continue
		}
		for _, client := range b.Clients {
			settings, asked := known[client]
			if find := clients[client]; !asked && find != nil {
				if settings, err = find(ctx, offline); err != nil {
					return err
				}
				known[client] = settings
			}
			if err := show(dir, to, settings); err != nil {
				return fmt.Errorf("handing over the settings of %s to %s: %w", client, id, err)
			}
		}
	}
	return nil
}

// show writes settings and mounts them for a buildpack.
func show(dir string, to *cnb.Buildpack, all []Settings) error {
	for _, s := range all {
		if s.Text == "" {
			continue
		}
		file := filepath.Join(dir, s.Name)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, []byte(s.Text), 0o600); err != nil {
			return err
		}
		if err := sandbox.Give(file); err != nil {
			return err
		}
		inside := path.Join(settingsDir, s.Name)
		to.Mounts = append(to.Mounts, sandbox.Mount{Source: file, Target: inside})
		if to.Env == nil {
			to.Env = map[string]string{}
		}
		to.Env[s.Variable] = inside
	}
	return nil
}
