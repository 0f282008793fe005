package download

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
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
// or holds no certificate.
func (n Network) Client() (*http.Client, error) {
	roots, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("reading the system's certificates: %w", err)
	}
	for _, file := range n.CAFiles {
		pem, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading certificates: %w", err)
		}
		if !roots.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("reading certificates: %s holds none in PEM form", file)
		}
	}
	if len(n.CA) > 0 && !roots.AppendCertsFromPEM(n.CA) {
		return nil, errors.New("reading certificates: the setting \"ca\" holds none in PEM form")
	}
	return &http.Client{Transport: &http.Transport{
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
	}}, nil
}
