package runtime

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/slugc/slugc/buildpacks/runtime/goproxy"
	"github.com/slugc/slugc/buildpacks/runtime/npm"
	"github.com/slugc/slugc/stack/download"
)

// systemCertificates is where Debian and its descendants keep the certificates
// that a machine trusts, and where a sandbox shows those of its caller.
const systemCertificates = "/etc/ssl/certs/ca-certificates.crt"

// Environment is what bin/build of a buildpack has of the world.
type Environment struct {
	// Env are its variables. They have the settings of registries, or name the
	// files that do: NPM_CONFIG_*, GOPROXY and its like, GOENV, and
	// DebianVariable.
	Env map[string]string
	// App is the directory of the app, whose .npmrc counts. Empty is none.
	App string
	// Cache is a directory that survives until the next build: a layer of the
	// buildpack that has no other type than cache. See the package's
	// documentation for what goes there.
	Cache string
	// Now is the clock.
	Now func() time.Time
	// Fetcher downloads. Nil makes one for each registry, with the proxies and
	// certificates that its own client would use.
	Fetcher *download.Fetcher
}

// FromEnvironment is the resolver for a buildpack. A registry whose settings
// are not in order is left out, and Resolver.Without says why: it matters only
// to an app that wants something from there.
func FromEnvironment(e Environment) (Resolver, error) {
	if e.Cache == "" {
		return Resolver{}, errors.New("setting up the registries of runtimes: expected a directory for the cache")
	}
	catalogue, err := Builtin()
	if err != nil {
		return Resolver{}, err
	}
	bundle, err := os.ReadFile(cmp.Or(e.Env["SSL_CERT_FILE"], systemCertificates))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Resolver{}, fmt.Errorf("reading certificates: %w", err)
	}
	r := Resolver{
		Catalogue:    catalogue,
		Certificates: bundle,
		Answers:      npm.OpenAnswers(filepath.Join(e.Cache, "answers.json"), e.Now),
		Without:      map[string]error{},
	}
	if r.NPM, err = e.npm(); err != nil {
		r.Without[kindNPM] = err
	}
	if r.Modules, err = e.modules(); err != nil {
		r.Without[kindModule] = err
	}
	if r.Debian, err = e.debian(); err != nil {
		r.Without[kindDebian] = err
	}
	return r, nil
}

// fetcher downloads over a network.
func (e Environment) fetcher(n download.Network) (*download.Fetcher, error) {
	if e.Fetcher != nil {
		return e.Fetcher, nil
	}
	client, err := n.Client()
	if err != nil {
		return nil, err
	}
	return download.NewFetcher(client), nil
}

func (e Environment) npm() (*npm.Registry, error) {
	files := npm.Files(e.Env, e.App)
	if e.App == "" {
		files = files[1:]
	}
	config, err := npm.Load(e.Env, files...)
	if err != nil {
		return nil, err
	}
	fetcher, err := e.fetcher(config.Network())
	if err != nil {
		return nil, err
	}
	return &npm.Registry{Config: config, Fetcher: fetcher}, nil
}

func (e Environment) modules() (*goproxy.Proxy, error) {
	config, err := goproxy.Load(e.Env, goproxy.Defaults{}, goproxy.Files(e.Env)...)
	if err != nil {
		return nil, err
	}
	fetcher, err := e.fetcher(config.Network())
	if err != nil {
		return nil, err
	}
	return &goproxy.Proxy{Config: config, Fetcher: fetcher, Cache: filepath.Join(e.Cache, "modules")}, nil
}

func (e Environment) debian() (*Debian, error) {
	file := e.Env[DebianVariable]
	if file == "" {
		return nil, appError(errors.New("packages of Debian have to go with those of a stack of slugc, and nobody told this build about one\n" +
			"build with slugc build --stack ID; slugc stack list says which there are"))
	}
	settings, err := readDebianSettings(file)
	if err != nil {
		return nil, err
	}
	network := download.Network{Proxies: download.ProxiesFrom(e.Env)}
	if file := e.Env["SSL_CERT_FILE"]; file != "" {
		network.CAFiles = []string{file}
	}
	fetcher, err := e.fetcher(network)
	if err != nil {
		return nil, err
	}
	return fromSettings(settings, fetcher, e.Cache)
}
