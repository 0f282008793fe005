package download

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// Proxies are the proxies of an environment, with the meaning that curl, npm
// and Go's http.ProxyFromEnvironment share.
type Proxies struct {
	// HTTP and HTTPS are the proxies for the two schemes, as URLs or as
	// host:port; empty for none.
	HTTP, HTTPS string
	// Except lists, separated by commas or blanks, hosts that are reached
	// directly: a name with its subdomains, an address, a CIDR range, any of
	// them with a port, or "*" for every host.
	Except string
}

// ProxiesFrom reads HTTP_PROXY, HTTPS_PROXY and NO_PROXY, in either case; the
// lower case wins, as in curl.
func ProxiesFrom(env map[string]string) Proxies {
	either := func(name string) string {
		if v := env[strings.ToLower(name)]; v != "" {
			return v
		}
		return env[name]
	}
	return Proxies{HTTP: either("HTTP_PROXY"), HTTPS: either("HTTPS_PROXY"), Except: either("NO_PROXY")}
}

// For is the proxy for a request, nil for none; it has the form that
// http.Transport wants.
func (p Proxies) For(r *http.Request) (*url.URL, error) {
	proxy, variable := p.HTTP, "HTTP_PROXY"
	if r.URL.Scheme == "https" {
		proxy, variable = p.HTTPS, "HTTPS_PROXY"
	}
	if proxy == "" || p.excepts(r.URL) {
		return nil, nil
	}
	u, err := url.Parse(proxy)
	if err != nil || u.Host == "" {
		u, err = url.Parse("http://" + proxy)
	}
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("the proxy for %s is not an address; expected http://HOST:PORT in %s, or in the client's own settings", r.URL.Host, variable)
	}
	return u, nil
}

// excepts tells whether a URL is reached without proxy. The machine itself
// always is.
func (p Proxies) excepts(u *url.URL) bool {
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	ip, err := netip.ParseAddr(host)
	isIP := err == nil
	if host == "localhost" || isIP && ip.IsLoopback() {
		return true
	}
	for _, rule := range strings.FieldsFunc(strings.ToLower(p.Except), func(c rune) bool { return c == ',' || c == ' ' || c == '\t' }) {
		if rule == "*" {
			return true
		}
		if network, err := netip.ParsePrefix(rule); err == nil {
			if isIP && network.Contains(ip) {
				return true
			}
			continue
		}
		if name, rulePort, err := net.SplitHostPort(rule); err == nil {
			if rulePort != port {
				continue
			}
			rule = name
		}
		rule = strings.TrimPrefix(strings.Trim(rule, "[]"), "*")
		if isIP {
			if other, err := netip.ParseAddr(rule); err == nil && other == ip {
				return true
			}
			continue
		}
		rule = strings.TrimPrefix(rule, ".")
		if rule != "" && (host == rule || strings.HasSuffix(host, "."+rule)) {
			return true
		}
	}
	return false
}
