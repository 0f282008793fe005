package main

import (
	"strings"

	"github.com/slugc/slugc/buildpacks/builtin"
	"github.com/slugc/slugc/buildpacks/runtime/npm"
)

// clientVariables are the variables with which a machine tells the clients of
// package registries how to reach them.
var clientVariables = []string{
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
	"NPM_CONFIG_REGISTRY", "npm_config_registry",
}

// clientEnv hands the machine's own registry settings to the buildpacks, where
// -e does not say otherwise.
func (p *program) clientEnv(env map[string]string) map[string]string {
	for _, name := range clientVariables {
		if value := p.env[name]; value != "" && env[name] == "" {
			env[name] = value
		}
	}
	return env
}

// clients reads what the person's own clients know of registries. Its secrets
// are never printed from here on.
func (p *program) clients() (builtin.Clients, error) {
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
		return builtin.Clients{}, err
	}
	npmrc, secrets := config.Connection()
	p.voice.Redact(secrets...)
	return builtin.Clients{Npmrc: npmrc}, nil
}
