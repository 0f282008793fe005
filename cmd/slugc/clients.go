package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/slugc/slugc/buildpacks/builtin"
	"github.com/slugc/slugc/buildpacks/runtime/goproxy"
	"github.com/slugc/slugc/buildpacks/runtime/npm"
	"github.com/slugc/slugc/stack"
)

// clientVariables are the variables with which a machine tells the clients of
// package registries how to reach them.
var clientVariables = []string{
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
	"CGI_HTTP_PROXY", "NPM_CONFIG_REGISTRY", "npm_config_registry", "MVNW_REPOURL", "SLUGC_GRADLE_DISTRIBUTIONS",
}

// clientEnv hands the machine's own registry settings to the buildpacks, where
// -e does not say otherwise.
func (p *program) clientEnv(env map[string]string) map[string]string {
	for _, name := range clientVariables {
		if value := p.env[name]; value != "" && env[name] == "" {
			env[name] = value
		}
	}
	for _, name := range goproxy.Variables() {
		// Every buildpack sees the environment: addresses with a password in
		// them go to those that ask (see goSettings).
		if value := p.env[name]; value != "" && env[name] == "" && !strings.Contains(value, "@") {
			env[name] = value
		}
	}
	return env
}

// clients are the package clients of this machine, for builds on a stack. What
// is secret in their settings is never printed once it was read.
func (p *program) clients(on stack.Stack) builtin.Clients {
	return builtin.Clients{
		builtin.NPM:      func(context.Context, bool) ([]builtin.Settings, error) { return p.npmSettings() },
		builtin.Go:       func(context.Context, bool) ([]builtin.Settings, error) { return p.goSettings() },
		builtin.Maven:    func(context.Context, bool) ([]builtin.Settings, error) { return p.mavenSettings() },
		builtin.Cargo:    func(context.Context, bool) ([]builtin.Settings, error) { return p.cargoSettings() },
		builtin.PIP:      func(context.Context, bool) ([]builtin.Settings, error) { return p.pipSettings() },
		builtin.Bundler:  func(context.Context, bool) ([]builtin.Settings, error) { return p.bundlerSettings() },
		builtin.Composer: func(context.Context, bool) ([]builtin.Settings, error) { return p.composerSettings() },
		builtin.Debian: func(ctx context.Context, offline bool) ([]builtin.Settings, error) {
			return p.debianSettings(ctx, on, offline)
		},
	}
}

// npmSettings are those of this person's npm.
func (p *program) npmSettings() ([]builtin.Settings, error) {
	env := map[string]string{}
	for name, value := range p.env {
		// Variables that are settings stand above the app's own .npmrc, files of
		// the person below it: see clientVariables.
		if lower := strings.ToLower(name); !strings.HasPrefix(lower, "npm_config_") || strings.HasSuffix(lower, "config_userconfig") || strings.HasSuffix(lower, "config_globalconfig") {
			env[name] = value
		}
	}
	// The first file is the app's, which npm reads itself.
	files := npm.Files(env, "")[1:]
	config, err := npm.Load(env, files...)
	if err != nil {
		return nil, err
	}
	npmrc, secrets := config.Connection()
	p.voice.Redact(secrets...)
	settings := []builtin.Settings{{Variable: "npm_config_userconfig", Name: "npmrc", Text: npmrc}}
	bundle, err := p.nodeAuthorities(config.Network().CAFiles)
	if err != nil {
		return nil, err
	}
	return append(settings, builtin.Settings{Variable: "NODE_EXTRA_CA_CERTS", Name: "npm-ca.pem", Text: bundle}), nil
}

// nodeAuthorities are the certificates in the files that this person's Node.js
// and npm trust, with those that every build trusts, since Node.js reads one file.
// It is empty where there are no others than those. A build cannot read the files
// of this machine.
func (p *program) nodeAuthorities(files []string) (string, error) {
	common := append([]string{p.env["SSL_CERT_FILE"]}, systemBundles...)
	var bundle strings.Builder
	read := func(file string) error {
		text, err := os.ReadFile(file)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("reading the certificates that npm trusts: %w", err)
		}
		if len(text) > 0 {
			bundle.Write(append(text, '\n'))
		}
		return nil
	}
	for _, file := range files {
		if slices.Contains(common, file) {
			continue
		}
		if err := read(file); err != nil {
			return "", err
		}
	}
	if bundle.Len() == 0 {
		return "", nil
	}
	for _, file := range common {
		if file == "" {
			continue
		}
		before := bundle.Len()
		if err := read(file); err != nil {
			return "", err
		}
		if bundle.Len() > before {
			break
		}
	}
	return bundle.String(), nil
}

// goProxy and goSumDB are what the go command that built slugc has as GOPROXY,
// and the checksum database that it knows, with its key; stamped by make.
var goProxy, goSumDB string

// goSettings are those of this person's go command.
func (p *program) goSettings() ([]builtin.Settings, error) {
	text, secrets, err := goproxy.Connection(p.env, goproxy.Defaults{Proxy: goProxy, SumDB: goSumDB}, goproxy.Files(p.env)...)
	if err != nil {
		return nil, err
	}
	p.voice.Redact(secrets...)
	return []builtin.Settings{{Variable: "GOENV", Name: "go.env", Text: text}}, nil
}
