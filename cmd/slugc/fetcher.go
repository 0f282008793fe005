package main

import (
	"context"
	"path/filepath"

	"github.com/slugc/slugc/buildpacks/fetch"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/download"
	"github.com/slugc/slugc/stack/sandbox"
)

// fetchedDir is the directory of the caches that has fetched buildpacks.
const fetchedDir = "buildpacks"

// fetch brings the buildpack that a reference names; without the network it
// has to be there.
func (p *program) fetch(ctx context.Context, ref string, offline bool) (fetch.Package, error) {
	fetcher, err := p.fetcher(offline)
	if err != nil {
		return fetch.Package{}, err
	}
	return fetcher.Fetch(ctx, ref)
}

// fetcher fetches buildpacks for this machine.
func (p *program) fetcher(offline bool) (fetch.Fetcher, error) {
	root, err := p.cacheRoot()
	if err != nil {
		return fetch.Fetcher{}, err
	}
	client, err := download.Network{Proxies: download.ProxiesFrom(p.env), CAFiles: p.caFiles()}.Client()
	if err != nil {
		return fetch.Fetcher{}, err
	}
	host, err := stack.Host()
	if err != nil {
		return fetch.Fetcher{}, err
	}
	return fetch.Fetcher{
		Dir:      filepath.Join(root, fetchedDir),
		Download: download.NewFetcher(client),
		Keychain: p.keychain(),
		// Git runs on this machine, whatever the stack is.
		Runner: sandbox.Namespaces{CACert: p.authorities(host)}, Stack: host,
		Git:     fetch.Git{Env: p.gitEnv()},
		Offline: offline, Target: machine(),
		Progress: func(label string) (func(done, total int64), func()) {
			live := p.voice.Live(label)
			return live.Progress, live.Stop
		},
	}, nil
}

// gitEnv are the variables that tell git how to reach the network.
func (p *program) gitEnv() []string {
	var env []string
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"} {
		if value := p.env[name]; value != "" {
			env = append(env, name+"="+value)
		}
	}
	return env
}
