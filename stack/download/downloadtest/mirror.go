package downloadtest

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Origin is a registry that mirrors stand before. It is asked for each document
// once, however many mirrors there are.
type Origin struct {
	base   *url.URL
	client *http.Client
	mu     sync.Mutex
	known  map[string]*asked
}

// asked is a document that is asked for once.
type asked struct {
	once sync.Once
	document
}

// document is an answer of an origin.
type document struct {
	status int
	kind   string
	body   []byte
	err    error
}

// NewOrigin is the registry at an address, which a client reaches.
func NewOrigin(t *testing.T, address string, client *http.Client) *Origin {
	t.Helper()
	base, err := url.Parse(strings.TrimSuffix(address, "/"))
	if err != nil || base.Host == "" {
		t.Fatalf("%s is no address (%v)", address, err)
	}
	return &Origin{base: base, client: client, known: map[string]*asked{}}
}

// get is what the registry, or another host that it refers to, answers.
func (o *Origin) get(address, accept string) document {
	o.mu.Lock()
	d := o.known[address+" "+accept]
	if d == nil {
		d = &asked{}
		o.known[address+" "+accept] = d
	}
	o.mu.Unlock()
	d.once.Do(func() {
		for range 3 {
			if d.err = o.ask(&d.document, address, accept); d.err == nil && d.status < http.StatusInternalServerError {
				return
			}
		}
	})
	return d.document
}

func (o *Origin) ask(d *document, address, accept string) error {
	request, err := http.NewRequest(http.MethodGet, address, http.NoBody)
	if err != nil {
		return err
	}
	if accept != "" {
		request.Header.Set("Accept", accept)
	}
	answer, err := o.client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	d.status, d.kind = answer.StatusCode, answer.Header.Get("Content-Type")
	d.body, err = io.ReadAll(answer.Body)
	return err
}

// Mirror serves what an Origin has, from an address on this machine, and
// misbehaves when it is told to. All addresses in its documents are its own.
type Mirror struct {
	// URL is its address, without a slash at its end.
	URL    string
	t      *testing.T
	origin *Origin
	server *httptest.Server
	host   string

	mu     sync.Mutex
	faults []Fault
	added  map[string]document
	served []string
	beside *Mirror
	// logins are the values of Authorization that it got.
	logins []string
}

// Fault is what a mirror does in the place of an answer.
type Fault struct {
	// At says for which paths; nil means all.
	At *regexp.Regexp
	// Do answers. Whole is the right answer, for those who give a part of it.
	Do func(w http.ResponseWriter, r *http.Request, whole func() []byte)
	// Times is how often it happens; 0 means always.
	Times int
}

// elsewhere begins the paths of other hosts: those to which documents refer.
const elsewhere = "/elsewhere/"

// Mirror is a mirror, started by a function: (*httptest.Server).Start, or one
// that makes it speak TLS.
func (o *Origin) Mirror(t *testing.T, start func(*httptest.Server)) *Mirror {
	t.Helper()
	m := &Mirror{t: t, origin: o, added: map[string]document{}}
	m.server = httptest.NewUnstartedServer(m)
	start(m.server)
	m.host = m.server.URL
	m.URL = m.host + o.base.Path
	t.Cleanup(func() { m.stop() })
	return m
}

// Host is the address without a path.
func (m *Mirror) Host() string { return m.host }

// Beside is the address of another host that has the same, for Redirect. What
// it is told that it should not be is in Elsewhere.
func (m *Mirror) Beside() string {
	m.t.Helper()
	m.beside = m.origin.Mirror(m.t, (*httptest.Server).Start)
	return strings.Replace(m.beside.host, "127.0.0.1", "localhost", 1)
}

// Elsewhere are the values of Authorization that the host beside was sent.
func (m *Mirror) Elsewhere() []string {
	if m.beside == nil {
		return nil
	}
	return m.beside.Logins()
}

// Call gives the mirror another address than its own, from which a proxy leads
// to it: scheme and host. It returns the host and port where it listens.
func (m *Mirror) Call(host string) (listens string) {
	listens = m.server.Listener.Addr().String()
	m.host = host
	m.URL = host + m.origin.base.Path
	return listens
}

func (m *Mirror) stop() {
	m.server.CloseClientConnections()
	m.server.Close()
}

// Down ends the mirror until Up: connections are refused.
func (m *Mirror) Down() { m.stop() }

// Up starts a mirror that is down, at the same address.
func (m *Mirror) Up() {
	m.t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(m.t.Context(), "tcp", strings.TrimPrefix(m.host, "http://"))
	if err != nil {
		m.t.Fatal(err)
	}
	m.server = httptest.NewUnstartedServer(m)
	if err := m.server.Listener.Close(); err != nil {
		m.t.Fatal(err)
	}
	m.server.Listener = listener
	m.server.Start()
}

// Break makes a mirror misbehave until it is mended.
func (m *Mirror) Break(faults ...Fault) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.faults = faults
}

// Mend ends all faults, and forgets what was served.
func (m *Mirror) Mend() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.faults, m.served = nil, nil
}

// Add puts a document of its own into the mirror.
func (m *Mirror) Add(path, kind string, body []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.added[path] = document{status: http.StatusOK, kind: kind, body: body}
}

// Served are the paths of what was sent whole, as it should be.
func (m *Mirror) Served() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.served)
}

// Logins are the values of the header Authorization that it was sent.
func (m *Mirror) Logins() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.logins)
}

// fault is the fault for a path, if there is one.
func (m *Mirror) fault(path string) *Fault {
	for i, f := range m.faults {
		if f.At != nil && !f.At.MatchString(path) {
			continue
		}
		if f.Times == 1 {
			m.faults = slices.Delete(slices.Clone(m.faults), i, i+1)
		} else if f.Times > 1 {
			m.faults[i].Times--
		}
		return &f
	}
	return nil
}

// ServeHTTP implements http.Handler.
func (m *Mirror) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	fault := m.fault(r.URL.Path)
	if login := r.Header.Get("Authorization"); login != "" && !slices.Contains(m.logins, login) {
		m.logins = append(m.logins, login)
	}
	m.mu.Unlock()
	if fault != nil {
		fault.Do(w, r, func() []byte { return m.document(r).body })
		return
	}
	d := m.document(r)
	if d.err != nil {
		m.t.Errorf("the registry itself: %v", d.err)
		http.Error(w, "the registry itself failed", http.StatusBadGateway)
		return
	}
	if d.kind != "" {
		w.Header().Set("Content-Type", d.kind)
	}
	if d.status != http.StatusOK {
		w.WriteHeader(d.status)
		// Whoever asked may be gone.
		_, _ = w.Write(d.body)
		return
	}
	sum := sha256.Sum256(d.body)
	w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:8])+`"`)
	counted := &counter{ResponseWriter: w}
	http.ServeContent(counted, r, "", time.Time{}, bytes.NewReader(d.body))
	if counted.bytes < len(d.body) || r.Header.Get("Range") != "" {
		return
	}
	m.mu.Lock()
	m.served = append(m.served, r.URL.Path)
	m.mu.Unlock()
}

// counter counts what is sent.
type counter struct {
	http.ResponseWriter
	bytes int
}

// Write implements io.Writer.
func (c *counter) Write(data []byte) (int, error) {
	n, err := c.ResponseWriter.Write(data)
	c.bytes += n
	return n, err
}

// document is the right answer to a request.
func (m *Mirror) document(r *http.Request) document {
	m.mu.Lock()
	added, own := m.added[r.URL.Path]
	m.mu.Unlock()
	if own {
		return added
	}
	address := m.origin.base.Scheme + "://" + m.origin.base.Host + r.URL.EscapedPath()
	if rest, is := strings.CutPrefix(r.URL.EscapedPath(), elsewhere); is {
		scheme, rest, _ := strings.Cut(rest, "/")
		address = scheme + "://" + rest
	}
	if r.URL.RawQuery != "" {
		address += "?" + r.URL.RawQuery
	}
	d := m.origin.get(address, r.Header.Get("Accept"))
	body := d.body
	if strings.Contains(d.kind, "json") || strings.Contains(d.kind, "html") {
		body = hosts.ReplaceAllFunc(body, func(host []byte) []byte {
			scheme, name, _ := strings.Cut(string(host), "://")
			if name == m.origin.base.Host {
				return []byte(m.host)
			}
			return []byte(m.host + elsewhere + scheme + "/" + name)
		})
	}
	return document{status: d.status, kind: d.kind, body: body, err: d.err}
}

// hosts are addresses up to their paths.
var hosts = regexp.MustCompile(`https?://[A-Za-z0-9.-]+(?::[0-9]+)?`)

// Status answers with a status and nothing else.
func Status(code int) func(http.ResponseWriter, *http.Request, func() []byte) {
	return func(w http.ResponseWriter, _ *http.Request, _ func() []byte) {
		if code == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
		}
		http.Error(w, http.StatusText(code), code)
	}
}

// Silence accepts a request and never answers.
func Silence(_ http.ResponseWriter, r *http.Request, _ func() []byte) { <-r.Context().Done() }

// Cut breaks the connection in the middle of an answer.
func Cut(w http.ResponseWriter, _ *http.Request, whole func() []byte) {
	body := whole()
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	w.Header().Set("Content-Type", "application/octet-stream")
	// Whoever asked may be gone.
	_, _ = w.Write(body[:len(body)/2])
	panic(http.ErrAbortHandler)
}

// Short answers with half of what was asked for, as if that were all.
func Short(w http.ResponseWriter, _ *http.Request, whole func() []byte) {
	body := whole()
	w.Header().Set("Content-Type", "application/octet-stream")
	// Whoever asked may be gone.
	_, _ = w.Write(body[:len(body)/2])
}

// Other answers with an archive that is in order, but of whose last file the
// last byte is another one.
func Other(w http.ResponseWriter, r *http.Request, whole func() []byte) {
	other, err := otherArchive(whole())
	if err != nil {
		http.Error(w, err.Error(), http.StatusTeapot)
		return
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(other))
}

// otherArchive is a gzip tar or a zip with another byte.
func otherArchive(archive []byte) ([]byte, error) {
	var packed bytes.Buffer
	if reader, err := gzip.NewReader(bytes.NewReader(archive)); err == nil {
		tarball, err := io.ReadAll(reader)
		if err != nil {
			return nil, err
		}
		change(tarball)
		writer := gzip.NewWriter(&packed)
		_, err = writer.Write(tarball)
		err = errors.Join(err, writer.Close())
		return packed.Bytes(), err
	}
	reader, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		return nil, err
	}
	writer := zip.NewWriter(&packed)
	for i, f := range reader.File {
		content, err := fs.ReadFile(reader, f.Name)
		if f.FileInfo().IsDir() {
			content, err = nil, nil
		}
		if err != nil {
			return nil, err
		}
		if i == len(reader.File)-1 {
			change(content)
		}
		to, err := writer.Create(f.Name)
		if err != nil {
			return nil, err
		}
		if _, err := to.Write(content); err != nil {
			return nil, err
		}
	}
	err = writer.Close()
	return packed.Bytes(), err
}

// change changes the last byte of a text.
func change(text []byte) {
	for at := len(text) - 1; at >= 0; at-- {
		if text[at] > ' ' {
			text[at] ^= 1
			return
		}
	}
}

// Redirect sends whoever asks to the same path of another host.
func Redirect(host string) func(http.ResponseWriter, *http.Request, func() []byte) {
	return func(w http.ResponseWriter, r *http.Request, _ func() []byte) {
		http.Redirect(w, r, strings.TrimSuffix(host, "/")+r.URL.RequestURI(), http.StatusFound)
	}
}
