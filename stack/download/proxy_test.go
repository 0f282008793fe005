package download_test

import (
	"net/http"
	"testing"

	"github.com/slugc/slugc/stack/download"
)

func TestProxies(t *testing.T) {
	env := map[string]string{
		"HTTP_PROXY": "proxy:3128", "https_proxy": "http://user:word@secure:443", "HTTPS_PROXY": "http://upper",
		"NO_PROXY": ".internal.test, example.test 10.0.0.0/8,192.0.2.7,ported.test:8443 ,*.starred.test",
	}
	for _, test := range []struct{ url, want string }{
		{"http://registry.test/a", "http://proxy:3128"},
		{"https://registry.test/a", "http://user:word@secure:443"},
		{"https://localhost/a", ""},
		{"http://127.0.0.1:8080/a", ""},
		{"http://[::1]/a", ""},
		{"https://npm.internal.test/", ""},
		{"https://internal.test/", ""},
		{"https://notinternal.test/", "http://user:word@secure:443"},
		{"https://example.test/", ""},
		{"https://sub.example.test/", ""},
		{"http://10.1.2.3/", ""},
		{"http://11.1.2.3/", "http://proxy:3128"},
		{"http://192.0.2.7/", ""},
		{"https://ported.test:8443/", ""},
		{"https://ported.test/", "http://user:word@secure:443"},
		{"https://a.starred.test/", ""},
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, test.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		proxy, err := download.ProxiesFrom(env).For(request)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if proxy != nil {
			got = proxy.String()
		}
		if got != test.want {
			t.Errorf("%s: goes through %q, expected %q", test.url, got, test.want)
		}
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://registry.test", nil)
	if err != nil {
		t.Fatal(err)
	}
	if proxy, err := (download.Proxies{HTTP: "http://p", Except: "*"}).For(request); proxy != nil || err != nil {
		t.Errorf("got %v, %v where nothing goes through a proxy", proxy, err)
	}
}
