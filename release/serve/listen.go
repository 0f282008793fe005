package serve

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/slugc/slugc/release"
)

const (
	headerLimit = 10 * time.Second
	idleLimit   = 2 * time.Minute
	maxHeader   = 64 << 10
	// lastWords is the time that requests have to end when the server does.
	lastWords = 10 * time.Second
)

// Answer answers on a listener until ctx ends, and then lets requests end that are under
// way.
func (s *Server) Answer(ctx context.Context, listener net.Listener) error {
	server := &http.Server{
		Handler: s.Handler(), ReadHeaderTimeout: headerLimit, IdleTimeout: idleLimit, MaxHeaderBytes: maxHeader,
		ErrorLog: log.New(complaints{s.Voice}, "", 0),
	}
	ended := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		within, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWords)
		defer cancel()
		err := server.Shutdown(within)
		if errors.Is(err, context.DeadlineExceeded) {
			err = server.Close()
		}
		ended <- err
	})
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		stop()
		return fmt.Errorf("answering requests: %w", err)
	}
	return <-ended
}

// complaints are what the HTTP server of the library says. Who breaks off a handshake is no
// news.
type complaints struct{ voice release.Voice }

func (c complaints) Write(text []byte) (int, error) {
	if !bytes.Contains(text, []byte("TLS handshake error")) {
		c.voice.Warningf("%s", bytes.TrimSpace(text))
	}
	return len(text), nil
}

// Loopback is whether an address, HOST:PORT, is one that this machine alone reaches.
func Loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Certificate is a certificate in files, which is read again when they change: those
// that are renewed live for weeks.
type Certificate struct {
	CertFile, KeyFile string

	mu   sync.Mutex
	read time.Time
	kept *tls.Certificate
}

// Config is TLS with the certificate, or why it cannot be had.
func (c *Certificate) Config() (*tls.Config, error) {
	if _, err := c.get(nil); err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}, GetCertificate: c.get}, nil
}

func (c *Certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var newest time.Time
	for _, file := range []string{c.CertFile, c.KeyFile} {
		info, err := os.Stat(file)
		if err == nil && info.ModTime().After(newest) {
			newest = info.ModTime()
		}
	}
	if c.kept != nil && newest.Equal(c.read) {
		return c.kept, nil
	}
	pair, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
	if err != nil && c.kept == nil {
		return nil, fmt.Errorf("reading the certificate: %w", err)
	}
	if err == nil {
		// Half of a renewed pair does not fit; the old one is good until the other half is there.
		c.kept, c.read = &pair, newest
	}
	return c.kept, nil
}
