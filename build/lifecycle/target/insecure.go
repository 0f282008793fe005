package target

import (
	"crypto/tls"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// Insecure reaches registries, and some that a platform names with less trust: any
// certificate is good there, and none is needed (CNB Platform API,
// "-insecure-registry"). It is nil, which is the transport of the library, for no
// names.
func Insecure(registries []string) http.RoundTripper {
	var hosts []string
	for _, name := range registries {
		host, _, _ := strings.Cut(name, "/")
		if host != "" {
			hosts = append(hosts, host)
		}
	}
	trusting, ok := remote.DefaultTransport.(*http.Transport)
	if len(hosts) == 0 || !ok {
		return nil
	}
	trusting = trusting.Clone()
	// The person who names a registry wants just this.
	trusting.TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
	return &insecure{hosts: hosts, trusting: trusting, plain: map[string]bool{}}
}

// insecure is a transport that knows hosts which have no TLS.
type insecure struct {
	hosts    []string
	trusting *http.Transport

	mu sync.Mutex
	// plain are hosts by whether they speak plain HTTP, once that is known.
	plain map[string]bool
}

// RoundTrip sends a request. The first one to an insecure host finds out whether it
// speaks TLS.
func (t *insecure) RoundTrip(r *http.Request) (*http.Response, error) {
	host := r.URL.Host
	if !slices.Contains(t.hosts, host) {
		return remote.DefaultTransport.RoundTrip(r)
	}
	if r.URL.Scheme != "https" {
		return t.trusting.RoundTrip(r)
	}
	t.mu.Lock()
	plain, known := t.plain[host]
	t.mu.Unlock()
	if known && plain {
		return t.send(r)
	}
	answer, err := t.trusting.RoundTrip(r)
	// Of a request with a body nobody knows what was sent already; a registry is
	// asked for its version before anything else.
	if err != nil && !known && r.Body == nil && r.Context().Err() == nil {
		if answer, failed := t.send(r); failed == nil {
			t.know(host, true)
			return answer, nil
		}
		return nil, err
	}
	if err == nil && !known {
		t.know(host, false)
	}
	return answer, err
}

func (t *insecure) know(host string, plain bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.plain[host] = plain
}

// send sends a request without TLS. For who sent it nothing shows that.
func (t *insecure) send(r *http.Request) (*http.Response, error) {
	plain := r.Clone(r.Context())
	plain.URL.Scheme = "http"
	answer, err := t.trusting.RoundTrip(plain)
	if err != nil {
		return nil, err
	}
	answer.Request = r
	// Where an upload goes on.
	if at, err := url.Parse(answer.Header.Get("Location")); err == nil && at.Host == r.URL.Host && at.Scheme == "http" {
		at.Scheme = "https"
		answer.Header.Set("Location", at.String())
	}
	return answer, nil
}
