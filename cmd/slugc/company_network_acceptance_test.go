//go:build acceptance

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// companyRegistry is a name that only the company's proxy knows.
const companyRegistry = "registry.example.com"

// proxyWord is another that no build may print.
const proxyWord = "hunter22-of-the-proxy"

// tryCompanyNetwork builds behind a proxy that wants a password, from a registry
// whose certificate a company's own authority signed.
func (b faultBench) tryCompanyNetwork(t *testing.T) {
	authority, certificate := companyAuthority(t)
	m := b.origin.Mirror(t, func(s *httptest.Server) {
		s.TLS = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{certificate}}
		s.StartTLS()
	})
	p := companyProxy(t, m.Call("https://"+companyRegistry))
	s := b.place(t, m)
	file := filepath.Join(s.dir, "company.pem")
	put(t, file, string(authority))
	s.env = append(s.env, "HTTPS_PROXY="+p.address, "https_proxy="+p.address)
	out, err := b.build(s).CombinedOutput()
	if err == nil {
		t.Errorf("it builds with a certificate of an authority that it does not know:\n%s", out)
	}
	for _, want := range []string{"authority", b.trust + "="} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	silent(t, string(out))
	s.env = append(s.env, b.trust+"="+file)
	out, err = b.build(s).CombinedOutput()
	if err != nil {
		t.Errorf("with %s: %v\n%s", b.trust, err, out)
	}
	silent(t, string(out))
	if p.passed.Load() == 0 || p.refused.Load() > 0 && err != nil {
		t.Errorf("the proxy passed on %d connections and refused %d", p.passed.Load(), p.refused.Load())
	}
}

// silent fails a test that prints a password.
func silent(t *testing.T, out string) {
	t.Helper()
	for _, secret := range []string{registryWord, proxyWord} {
		if strings.Contains(out, secret) {
			t.Errorf("it prints %s:\n%s", secret, out)
		}
	}
}

// companyAuthority is the certificate of an authority, and one that it signed for
// the registry.
func companyAuthority(t *testing.T) (authority []byte, signed tls.Certificate) {
	t.Helper()
	sign := func(template, parent *x509.Certificate, by *ecdsa.PrivateKey) ([]byte, *ecdsa.PrivateKey) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if by == nil {
			by = key
		}
		template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
		der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, by)
		if err != nil {
			t.Fatal(err)
		}
		return der, key
	}
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "A company"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, SubjectKeyId: []byte{1},
	}
	rootDER, rootKey := sign(root, root, nil)
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: companyRegistry}, DNSNames: []string{companyRegistry},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, AuthorityKeyId: []byte{1},
	}
	leafDER, leafKey := sign(leaf, root, rootKey)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: rootDER}), tls.Certificate{Certificate: [][]byte{leafDER, rootDER}, PrivateKey: leafKey}
}

// connectProxy is a proxy that leads to one server alone.
type connectProxy struct {
	address         string
	to              string
	passed, refused atomic.Int64
}

// companyProxy starts a proxy with a password. The address has it.
func companyProxy(t *testing.T, to string) *connectProxy {
	t.Helper()
	p := &connectProxy{to: to}
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	p.address = strings.Replace(server.URL, "://", "://me:"+proxyWord+"@", 1)
	return p
}

// ServeHTTP implements http.Handler: it knows CONNECT (RFC 9110).
func (p *connectProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	want := "Basic " + base64.StdEncoding.EncodeToString([]byte("me:"+proxyWord))
	if r.Header.Get("Proxy-Authorization") != want {
		p.refused.Add(1)
		w.Header().Set("Proxy-Authenticate", `Basic realm="company"`)
		w.WriteHeader(http.StatusProxyAuthRequired)
		return
	}
	if r.Method != http.MethodConnect || !strings.HasPrefix(r.Host, companyRegistry+":") {
		http.Error(w, "only CONNECT "+companyRegistry, http.StatusForbidden)
		return
	}
	server, err := (&net.Dialer{}).DialContext(r.Context(), "tcp", p.to)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer server.Close()
	w.WriteHeader(http.StatusOK)
	client, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer client.Close()
	p.passed.Add(1)
	var ways sync.WaitGroup
	// Either side may hang up.
	ways.Go(func() {
		_, _ = io.Copy(server, buffered)
		_ = server.(*net.TCPConn).CloseWrite()
	})
	ways.Go(func() {
		_, _ = io.Copy(client, server)
		_ = client.(*net.TCPConn).CloseWrite()
	})
	ways.Wait()
}
