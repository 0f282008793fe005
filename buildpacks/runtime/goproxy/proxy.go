package goproxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/module"

	"github.com/slugc/slugc/stack/download"
)

const (
	// maxDocument bounds a list of versions and an answer of the checksum
	// database.
	maxDocument = 16 << 20
	// maxZip bounds the files of a module, packed. The go command accepts no
	// more than 500 MB (golang.org/x/mod/zip, MaxZipFile).
	maxZip = 500 << 20
)

// Proxy asks the module proxies of a configuration.
type Proxy struct {
	Config  Config
	Fetcher *download.Fetcher
	// Cache is a directory for the checksum database's tree and records, which
	// need not be asked for twice. Empty is none.
	Cache string
}

// MissingError says that no proxy has a version of a module.
type MissingError struct {
	Module module.Version
	// Proxies names them, with where their addresses stand.
	Proxies string
	Err     error
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("%s does not hand out %s: %v", e.Proxies, e.Module, e.Err)
}

// Unwrap returns the last proxy's answer.
func (e *MissingError) Unwrap() error { return e.Err }

// Versions are the versions of a module that the proxies list. A proxy that
// refuses to list is as good as one that lists none: proxies may know more
// versions than they list. When no proxy can be reached, what was listed last
// is better than nothing; stale says so.
func (p *Proxy) Versions(ctx context.Context, modulePath string) (versions []string, stale, err error) {
	escaped, err := module.EscapePath(modulePath)
	if err != nil {
		return nil, nil, err
	}
	if err := p.Config.usable(modulePath); err != nil {
		return nil, nil, err
	}
	var data []byte
	err = p.try(func(from proxy) error {
		data, err = p.Fetcher.Document(ctx, p.request(from, maxDocument, nil, escaped, "@v", "list"))
		return err
	})
	kept := filepath.Join(p.Cache, "list", filepath.FromSlash(escaped)+".txt")
	switch {
	case refused(err):
		return nil, nil, nil
	case err == nil && p.Cache != "":
		if err := writeBeside(kept, data); err != nil {
			return nil, nil, fmt.Errorf("keeping the list of versions of %s: %w", modulePath, err)
		}
	case err != nil && p.Cache != "" && download.FaultOf(err) == download.Passing:
		stale = p.explain(err)
		if data, err = os.ReadFile(kept); err != nil {
			return nil, nil, stale
		}
	case err != nil:
		return nil, nil, p.explain(err)
	}
	for line := range strings.Lines(string(data)) {
		if fields := strings.Fields(line); len(fields) > 0 {
			versions = append(versions, fields[0])
		}
	}
	slices.Sort(versions)
	return slices.Compact(versions), stale, nil
}

// Has is a *MissingError when no proxy has a version of a module.
func (p *Proxy) Has(ctx context.Context, m module.Version) error {
	escaped, err := escape(m)
	if err != nil {
		return err
	}
	if err := p.Config.usable(m.Path); err != nil {
		return err
	}
	err = p.try(func(from proxy) error {
		_, err := p.Fetcher.Document(ctx, p.request(from, maxDocument, nil, escaped.Path, "@v", escaped.Version+".info"))
		return err
	})
	return p.missing(m, err)
}

// Save downloads the zip of a version, as it is: nothing is verified, and what
// was written when it fails is of no use.
func (p *Proxy) Save(ctx context.Context, m module.Version, to *os.File, progress func(done, total int64)) error {
	escaped, err := escape(m)
	if err != nil {
		return err
	}
	if err := p.Config.usable(m.Path); err != nil {
		return err
	}
	err = p.try(func(from proxy) (err error) {
		if _, err := to.Seek(0, io.SeekStart); err != nil {
			return err
		}
		if err := to.Truncate(0); err != nil {
			return err
		}
		body, err := p.Fetcher.Open(ctx, p.request(from, maxZip, progress, escaped.Path, "@v", escaped.Version+".zip"))
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, body.Close()) }()
		_, err = io.Copy(to, body)
		return err
	})
	return p.missing(m, err)
}

// try asks one proxy after the other, as the go command does: the next one
// after the answer that there is no such thing, or after every error where a
// bar stands between them (Go Modules Reference, "GOPROXY").
func (p *Proxy) try(ask func(proxy) error) (err error) {
	for _, from := range p.Config.proxies {
		if err = ask(from); err == nil || !from.anyError && !download.NotFound(err) {
			return err
		}
	}
	return err
}

func (p *Proxy) request(from proxy, limit int64, progress func(done, total int64), parts ...string) download.Request {
	address := *from.address
	header := http.Header{}
	if user := address.User; user != nil {
		password, _ := user.Password()
		r := http.Request{Header: header}
		r.SetBasicAuth(user.Username(), password)
		address.User = nil
	}
	// The escapes of module paths are plain characters.
	address.Path = path.Join(append([]string{"/" + address.Path}, parts...)...)
	address.RawPath = ""
	return download.Request{URL: address.String(), Header: header, Limit: limit, Progress: progress}
}

func escape(m module.Version) (module.Version, error) {
	escapedPath, err := module.EscapePath(m.Path)
	if err != nil {
		return module.Version{}, err
	}
	version, err := module.EscapeVersion(m.Version)
	if err != nil {
		return module.Version{}, err
	}
	return module.Version{Path: escapedPath, Version: version}, nil
}

// refused tells whether a server answered that it does not have a thing, or
// does not hand it out: mirrors that filter answer 403.
func refused(err error) bool {
	var status *download.StatusError
	return download.NotFound(err) || errors.As(err, &status) && status.Code == http.StatusForbidden
}

func (p *Proxy) missing(m module.Version, err error) error {
	if refused(err) {
		return &download.Error{Fault: download.Registry, Err: &MissingError{Module: m, Proxies: p.Config.String(), Err: err}}
	}
	if err != nil {
		return p.explain(err)
	}
	return nil
}

// explain says what to do when the proxies cannot be asked.
func (p *Proxy) explain(err error) error {
	var status *download.StatusError
	if errors.As(err, &status) && status.Code == http.StatusUnauthorized {
		return &download.Error{Fault: download.App, Err: fmt.Errorf("%s wants a login: %w\n"+
			"give it one:\n  export GOPROXY=https://USER:PASSWORD@HOST/PATH", p.Config, err)}
	}
	if download.FaultOf(err) == download.Passing {
		return &download.Error{Fault: download.Passing, Err: fmt.Errorf("%s does not answer as it should: %w\n"+
			"try again later, or name another one:\n  export GOPROXY=https://HOST/PATH", p.Config, err)}
	}
	return fmt.Errorf("asking %s: %w", p.Config, err)
}
