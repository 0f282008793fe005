package daemon

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
)

// DefaultHost is where a daemon listens that nobody configured.
const DefaultHost = "unix:///var/run/docker.sock"

// Config says which daemon, and how it is reached. The zero value is that of this
// machine.
type Config struct {
	// Host is unix://PATH, tcp://HOST:PORT, http:// or https://; DefaultHost when
	// empty (DOCKER_HOST).
	Host string
	// Version is the version of the API, as in "1.41". When empty it is the newest
	// that both sides know (DOCKER_API_VERSION).
	Version string
	// CertPath is a directory with ca.pem, cert.pem and key.pem for TLS. Without it
	// there is no TLS but for https:// (DOCKER_CERT_PATH).
	CertPath string
	// Unverified takes any certificate of a server for its own, as Docker's clients
	// do unless DOCKER_TLS_VERIFY is set.
	Unverified bool
}

// FromEnv is what the variables of Docker's clients say.
func FromEnv(getenv func(string) string) Config {
	c := Config{Host: getenv("DOCKER_HOST"), Version: getenv("DOCKER_API_VERSION"), CertPath: getenv("DOCKER_CERT_PATH")}
	verify := getenv("DOCKER_TLS_VERIFY") != ""
	c.Unverified = c.CertPath != "" && !verify
	if verify && c.CertPath == "" {
		if c.CertPath = getenv("DOCKER_CONFIG"); c.CertPath == "" {
			c.CertPath = filepath.Join(getenv("HOME"), ".docker")
		}
	}
	return c
}

// host is the address, never empty.
func (c Config) host() string {
	if c.Host == "" {
		return DefaultHost
	}
	return c.Host
}

// connect makes the transport and the address for requests. The socket is empty
// for a daemon that has none.
func (c Config) connect(dial func(ctx context.Context, network, address string) (net.Conn, error)) (transport *http.Transport, address *url.URL, socket string, err error) {
	address, err = url.Parse(c.host())
	if err != nil {
		return nil, nil, "", errors.New("it is not an address; expected unix://PATH or tcp://HOST:PORT")
	}
	transport = &http.Transport{DialContext: dial, MaxIdleConnsPerHost: 16, DisableCompression: true}
	switch address.Scheme {
	case "unix":
		socket = address.Path
		if socket == "" {
			return nil, nil, "", errors.New("it names no socket; expected unix://PATH")
		}
		// The name of a host that nobody resolves.
		return transport, &url.URL{Scheme: "http", Host: "docker"}, socket, nil
	case "tcp", "http", "https":
	case "ssh":
		return nil, nil, "", errors.New("slugc opens no ssh connection: forward the socket with \"ssh -L /tmp/docker.sock:/var/run/docker.sock\" and set DOCKER_HOST=unix:///tmp/docker.sock")
	default:
		return nil, nil, "", errors.New("expected unix://PATH or tcp://HOST:PORT")
	}
	if address.Host == "" {
		return nil, nil, "", errors.New("it names no host; expected tcp://HOST:PORT")
	}
	transport.Proxy = http.ProxyFromEnvironment
	at := &url.URL{Scheme: address.Scheme, Host: address.Host, Path: address.Path}
	if at.Scheme == "tcp" {
		at.Scheme = "http"
	}
	if c.CertPath != "" {
		at.Scheme = "https"
		if transport.TLSClientConfig, err = c.tls(); err != nil {
			return nil, nil, "", err
		}
	}
	return transport, at, "", nil
}

// tls reads the files for TLS.
func (c Config) tls() (*tls.Config, error) {
	mine, err := tls.LoadX509KeyPair(filepath.Join(c.CertPath, "cert.pem"), filepath.Join(c.CertPath, "key.pem"))
	if err != nil {
		return nil, fmt.Errorf("DOCKER_CERT_PATH: %w", err)
	}
	file := filepath.Join(c.CertPath, "ca.pem")
	authority, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("DOCKER_CERT_PATH: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(authority) {
		return nil, fmt.Errorf("DOCKER_CERT_PATH: %s has no certificate", file)
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{mine}, RootCAs: pool,
		InsecureSkipVerify: c.Unverified, // Docker's clients verify only if they are told to.
	}, nil
}
