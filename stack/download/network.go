package download

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Network is how a machine reaches registries.
type Network struct {
	// Proxies choose the proxy of a request.
	Proxies Proxies
	// CAFiles are PEM bundles to trust in addition to the system's. One that
	// does not exist is passed over, as node and curl do.
	CAFiles []string
	// CA are PEM certificates to trust as well.
	CA []byte
	// Insecure accepts every certificate.
	Insecure bool
}

// Client makes the HTTP client for it. It fails when a CA file cannot be read
// or holds no certificate. What they and the system's hold is looked at with
// the first request, not for a client that is asked for nothing.
func (n Network) Client() (*http.Client, error) {
	bundles, err := n.bundles()
	if err != nil {
		return nil, err
	}
	return &http.Client{Transport: &lateTransport{ready: sync.OnceValues(func() (*http.Transport, error) {
		return n.transport(bundles)
	})}}, nil
}

// bundle are certificates in PEM form.
type bundle struct {
	// from says in messages where they are from.
	from string
	pem  []byte
}

// bundles are the certificates to trust besides those of the system.
func (n Network) bundles() ([]bundle, error) {
	var all []bundle
	for _, file := range n.CAFiles {
		content, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading certificates: %w", err)
		}
		all = append(all, bundle{file, content})
	}
	if len(n.CA) > 0 {
		all = append(all, bundle{`the setting "ca"`, n.CA})
	}
	for _, b := range all {
		if block, _ := pem.Decode(b.pem); block == nil {
			return nil, b.empty()
		}
	}
	return all, nil
}

// empty is the error of a bundle with nothing in it.
func (b bundle) empty() error {
	return fmt.Errorf("reading certificates: %s holds none in PEM form", b.from)
}

// transport makes the transport that trusts the bundles too.
func (n Network) transport(bundles []bundle) (*http.Transport, error) {
	roots, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("reading the system's certificates: %w", err)
	}
	for _, b := range bundles {
		if !roots.AppendCertsFromPEM(b.pem) {
			return nil, b.empty()
		}
	}
	return &http.Transport{
		Proxy:       n.Proxies.For,
		DialContext: (&net.Dialer{Timeout: 15 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig: &tls.Config{
			RootCAs:            roots,
			MinVersion:         tls.VersionTLS12,
			InsecureSkipVerify: n.Insecure,
		},
		TLSHandshakeTimeout:   15 * time.Second,
		ResponseHeaderTimeout: time.Minute,
		MaxIdleConnsPerHost:   16,
		IdleConnTimeout:       30 * time.Second,
		ReadBufferSize:        64 << 10,
		ForceAttemptHTTP2:     true,
	}, nil
}

// lateTransport is a transport that is made when it is needed.
type lateTransport struct {
	ready func() (*http.Transport, error)
	made  atomic.Pointer[http.Transport]
}

// RoundTrip does a request.
func (t *lateTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	transport, err := t.ready()
	if err != nil {
		if r.Body != nil {
			err = errors.Join(err, r.Body.Close())
		}
		return nil, err
	}
	t.made.Store(transport)
	return transport.RoundTrip(r)
}

// CloseIdleConnections is for http.Client.
func (t *lateTransport) CloseIdleConnections() {
	if made := t.made.Load(); made != nil {
		made.CloseIdleConnections()
	}
}
