//go:build acceptance

package nodejs_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// surroundings are the variables that this machine needs to reach a registry.
func surroundings(s *site) {
	for _, name := range []string{"NPM_CONFIG_REGISTRY", "npm_config_registry", "NPM_CONFIG_USERCONFIG", "HTTP_PROXY", "HTTPS_PROXY",
		"NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"} {
		if value := os.Getenv(name); value != "" {
			s.env[name] = value
		}
	}
}

func TestExpressForReal(t *testing.T) {
	for _, app := range []string{"nodejs-express", "nodejs-addon", "nodejs-build", "nodejs-workspace"} {
		t.Run(app, func(t *testing.T) { testReal(t, app) })
	}
}
func testReal(t *testing.T, app string) {
	s := newSite(t)
	surroundings(s)
	source, err := filepath.Abs("../../testdata/apps/" + app)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"cold", "unchanged"} {
		s.fresh(source)
		start := time.Now()
		out, err := s.build()
		t.Logf("%s: %s\n%s", name, time.Since(start), out)
		if err != nil {
			t.Fatal(err)
		}
		if os.Getenv("KEEP") != "" {
			o, _ := exec.Command("sh", "-c", "cd "+s.dir+"; rm -rf /tmp/nodejs-bp/keep/"+app+"; mkdir -p /tmp/nodejs-bp/keep; cp -a "+s.dir+" /tmp/nodejs-bp/keep/"+app).CombinedOutput()
			t.Log(string(o))
		}
	}
}
