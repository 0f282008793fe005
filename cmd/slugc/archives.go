package main

import (
	"cmp"
	"errors"
	"net/url"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/slugc/slugc/cmd/internal/cli"
	"github.com/slugc/slugc/stack/debian"
	"github.com/slugc/slugc/stack/debian/repository"
	"github.com/slugc/slugc/stack/download"
)

// debianMirror and securityMirror are where the apt of the machine that built
// slugc had Debian's archives from; stamped by make.
var debianMirror, securityMirror string

// Variables that say where Debian's archives are.
const (
	mirrorVariable   = "SLUGC_DEBIAN_MIRROR"
	securityVariable = "SLUGC_DEBIAN_SECURITY_MIRROR"
)

// debianCache is the directory of the caches that has Debian's packages.
const debianCache = "debian"

// archiveFlags are how Debian's archives are reached.
type archiveFlags struct {
	mirror, security, snapshot string
	offline                    bool
}

func (f *archiveFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.mirror, "mirror", "", "address of Debian's archive, a `URL` ("+mirrorVariable+")")
	c.Flags().StringVar(&f.security, "security-mirror", "", "address of the archive of security updates, a `URL` ("+securityVariable+")")
	c.Flags().StringVar(&f.snapshot, "snapshot", "", "take the packages of this `TIME`, as in 20260701T000000Z, from mirrors with @SNAPSHOTID@ in their address")
	c.Flags().BoolVar(&f.offline, "offline", false, "use only packages that were fetched before")
}

// maker makes root filesystems of Debian's packages.
func (p *program) maker(f archiveFlags) (debian.Maker, error) {
	sources, err := p.debianSources(f)
	if err != nil {
		return debian.Maker{}, err
	}
	cache, err := p.cacheRoot()
	if err != nil {
		return debian.Maker{}, err
	}
	client, err := download.Network{
		Proxies: download.ProxiesFrom(p.env), CAFiles: p.caFiles(),
	}.Client()
	if err != nil {
		return debian.Maker{}, err
	}
	return debian.Maker{
		Repository: repository.Repository{
			Sources: sources, Fetcher: download.NewFetcher(client), Cache: filepath.Join(cache, debianCache), Offline: f.offline,
		},
		Progress: p.longStep,
	}, nil
}

// checkArchives looks for mistakes in the addresses that are known, and in the
// time of a snapshot.
func (p *program) checkArchives(f archiveFlags) error {
	sources, err := p.debianSources(f)
	if err != nil {
		return err
	}
	for _, archive := range []string{repository.Debian, repository.Security} {
		_, err := sources.Base(archive)
		if _, unknown := errors.AsType[*repository.NoMirrorError](err); err != nil && !unknown {
			return &cli.UsageError{Command: stackCreate, Err: err}
		}
	}
	return nil
}

// caFiles are the certificates that this machine's programs trust.
func (p *program) caFiles() []string {
	if file := p.env.Get("SSL_CERT_FILE"); file != "" {
		return []string{file}
	}
	return nil
}

// debianSources are where Debian's archives are: flags, variables, apt's
// sources, those of the machine that built slugc. Their passwords are never
// printed from here on.
func (p *program) debianSources(f archiveFlags) (repository.Sources, error) {
	apt, err := repository.AptSources(os.DirFS("/"))
	if err != nil {
		return repository.Sources{}, err
	}
	sources := repository.Sources{
		Debian:   cmp.Or(f.mirror, p.env.Get(mirrorVariable), apt.Debian, debianMirror),
		Security: cmp.Or(f.security, p.env.Get(securityVariable), apt.Security, securityMirror),
		Snapshot: f.snapshot,
	}
	for _, address := range []string{sources.Debian, sources.Security} {
		if u, err := url.Parse(address); err == nil && u.User != nil {
			if password, set := u.User.Password(); set {
				p.voice.Redact(password)
			}
		}
	}
	return sources, nil
}
