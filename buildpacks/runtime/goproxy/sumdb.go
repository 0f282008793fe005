package goproxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb"

	"github.com/slugc/slugc/stack/download"
)

// Sum is the checksum "h1:..." of a module's zip: what the checksum database
// says, with its proofs checked. It is "" when the settings say that the
// database is not to be asked about the module.
func (p *Proxy) Sum(ctx context.Context, m module.Version) (string, error) {
	if !p.Config.Checks(m.Path) {
		return "", nil
	}
	ops := &databaseOps{ctx: ctx, proxy: p, memory: map[string][]byte{}}
	lines, err := sumdb.NewClient(ops).Lookup(m.Path, m.Version)
	switch {
	case err == nil:
	case refused(ops.remote):
		return "", &download.Error{Fault: download.Registry, Err: &MissingError{Module: m, Proxies: "the checksum database " + p.Config.database.name, Err: ops.remote}}
	case ops.remote != nil:
		return "", fmt.Errorf("looking up the checksum of %s: %w", m, p.explain(ops.remote))
	default:
		// The answers came, but they contradict each other, or are not signed.
		return "", &download.Error{Fault: download.Registry, Err: fmt.Errorf("what is said in the name of the checksum database %s cannot be trusted: %w\n%s"+
			"expected a record with a proof, signed with the key in GOSUMDB", p.Config.database.name, err, ops.security)}
	}
	want := m.Path + " " + m.Version + " "
	for _, line := range lines {
		if sum, found := strings.CutPrefix(line, want); found && strings.HasPrefix(sum, "h1:") {
			return strings.TrimSpace(sum), nil
		}
	}
	return "", &download.Error{Fault: download.Registry, Err: fmt.Errorf("the checksum database %s knows %s, but no checksum of it", p.Config.database.name, m)}
}

// databaseOps are what the client of the checksum database works with
// (sumdb.ClientOps), for one question: its methods have no room for a context.
type databaseOps struct {
	ctx   context.Context
	proxy *Proxy
	// base is where the database is reached, connected why it is not.
	base      proxy
	connected error
	once      sync.Once

	mu sync.Mutex
	// security are the lines that the client says about answers that contradict
	// those of earlier times, remote the last failure to get one.
	security string
	remote   error
	// memory takes the place of the cache where there is none.
	memory map[string][]byte
}

var _ sumdb.ClientOps = (*databaseOps)(nil)

// connect finds the proxy that hands on the database (Go Modules Reference,
// "Checksum database"), else the database's own address.
func (o *databaseOps) connect() error {
	d := o.proxy.Config.database
	var err error
	for _, from := range o.proxy.Config.proxies {
		base := from
		base.address = from.address.JoinPath("sumdb", d.name)
		if _, err = o.proxy.Fetcher.Document(o.ctx, o.proxy.request(base, maxDocument, nil, "supported")); err == nil {
			o.base = base
			return nil
		}
		if !from.anyError && !refused(err) {
			return err
		}
	}
	o.base.address = d.address
	if o.base.address == nil {
		if o.base.address, err = url.Parse("https://" + d.name); err != nil {
			return fmt.Errorf("reading GOSUMDB: %w", err)
		}
	}
	return nil
}

// ReadRemote implements sumdb.ClientOps.
func (o *databaseOps) ReadRemote(path string) ([]byte, error) {
	// What the cache has needs no connection.
	o.once.Do(func() { o.connected = o.connect() })
	data, err := []byte(nil), o.connected
	if err == nil {
		data, err = o.proxy.Fetcher.Document(o.ctx, o.proxy.request(o.base, maxDocument, nil, path))
	}
	if err != nil {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.remote = err
	}
	return data, err
}

// ReadConfig implements sumdb.ClientOps.
func (o *databaseOps) ReadConfig(file string) ([]byte, error) {
	if file == "key" {
		return []byte(o.proxy.Config.database.key), nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.latest(file)
}

// latest is the tree that was seen last, nothing when there was none.
func (o *databaseOps) latest(file string) ([]byte, error) {
	if o.proxy.Cache == "" {
		return o.memory[file], nil
	}
	data, err := os.ReadFile(filepath.Join(o.proxy.Cache, filepath.FromSlash(file)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

// WriteConfig implements sumdb.ClientOps.
func (o *databaseOps) WriteConfig(file string, old, latest []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	stored, err := o.latest(file)
	if err != nil {
		return err
	}
	if !bytes.Equal(stored, old) {
		return sumdb.ErrWriteConflict
	}
	if o.proxy.Cache == "" {
		o.memory[file] = latest
		return nil
	}
	return writeBeside(filepath.Join(o.proxy.Cache, filepath.FromSlash(file)), latest)
}

// ReadCache implements sumdb.ClientOps.
func (o *databaseOps) ReadCache(file string) ([]byte, error) {
	if o.proxy.Cache == "" || !filepath.IsLocal(file) {
		return nil, fs.ErrNotExist
	}
	return os.ReadFile(filepath.Join(o.proxy.Cache, filepath.FromSlash(file)))
}

// WriteCache implements sumdb.ClientOps. What cannot be kept is asked for
// again.
func (o *databaseOps) WriteCache(file string, data []byte) {
	if o.proxy.Cache == "" || !filepath.IsLocal(file) {
		return
	}
	if err := writeBeside(filepath.Join(o.proxy.Cache, filepath.FromSlash(file)), data); err != nil {
		return
	}
}

// Log implements sumdb.ClientOps. It is told of what is tried again.
func (o *databaseOps) Log(string) {}

// SecurityError implements sumdb.ClientOps.
func (o *databaseOps) SecurityError(msg string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.security = strings.TrimRight(msg, "\n") + "\n"
}

// writeBeside writes a file that appears whole or not at all, beside others
// that do the same.
func writeBeside(file string, data []byte) (err error) {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	beside, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+"-*")
	if err != nil {
		return err
	}
	defer func() {
		if removeErr := os.Remove(beside.Name()); removeErr != nil && !errors.Is(removeErr, fs.ErrNotExist) {
			err = errors.Join(err, removeErr)
		}
	}()
	_, err = beside.Write(data)
	if err = errors.Join(err, beside.Close()); err != nil {
		return err
	}
	return os.Rename(beside.Name(), file)
}
