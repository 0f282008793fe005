package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

func TestParseAuth(t *testing.T) {
	basic := func(text string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(text)) }
	for _, test := range []struct {
		text  string
		want  map[string]authn.AuthConfig
		fault string
	}{
		{"", nil, ""},
		{"{}", map[string]authn.AuthConfig{}, ""},
		{
			fmt.Sprintf(`{"registry.example:5000": %q, %q: "bearer token", "other.example": "X-Identity id"}`, basic("me:a:b"), authn.DefaultAuthKey),
			map[string]authn.AuthConfig{
				"registry.example:5000": {Username: "me", Password: "a:b"},
				name.DefaultRegistry:    {RegistryToken: "token"},
				"other.example":         {IdentityToken: "id"},
			}, "",
		},
		{`{"a.example": "Basic hunter2!"}`, nil, "the credentials for a.example are no base64"},
		{fmt.Sprintf(`{"a.example": %q}`, basic("hunter2")), nil, "have no password"},
		{`{"a.example": "hunter2 hunter2"}`, nil, "have an unknown scheme"},
		{`{"a.example": "Basic"}`, nil, "have no value"},
		{`hunter2`, nil, "it is no JSON object of strings; expected"},
		{`{"a.example": {"password": "hunter2"}}`, nil, "it is no JSON object of strings; expected"},
	} {
		got, err := parseAuth(test.text)
		if test.fault == "" && err != nil || test.fault != "" && (err == nil || !strings.Contains(err.Error(), test.fault)) {
			t.Errorf("%s: got the error %v, want %q", test.text, err, test.fault)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error shows the secret: %v", err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: %s", test.text, diff)
		}
	}
}

func FuzzParseAuth(f *testing.F) {
	f.Add(`{"registry.example": "Basic bWU6eA=="}`)
	f.Add(`{"": "Bearer x"}`)
	f.Fuzz(func(t *testing.T, text string) {
		if got, err := parseAuth(text); err != nil && got != nil {
			t.Errorf("got %v with the error %v", got, err)
		}
	})
}

// TestRegistryCredentials asks a registry that lets only one user in.
func TestRegistryCredentials(t *testing.T) {
	const password = "correct horse"
	handler := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, given, _ := r.BasicAuth(); user != "me" || given != password {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			// Some say what they were sent.
			http.Error(w, fmt.Sprintf(`{"errors":[{"code":"UNAUTHORIZED","message":"no %s, %s"}]}`, r.Header.Get("Authorization"), given), http.StatusUnauthorized)
			return
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "http://")
	image, err := random.Image(64, 1)
	if err != nil {
		t.Fatal(err)
	}
	tag, err := name.NewTag(host + "/app:1")
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(tag, image, remote.WithAuth(&authn.Basic{Username: "me", Password: password})); err != nil {
		t.Fatal(err)
	}
	encoded := func(password string) string { return base64.StdEncoding.EncodeToString([]byte("me:" + password)) }
	inspect := func(environ ...string) (int, string) {
		var out, errOut bytes.Buffer
		code := run(t.Context(), []string{"inspect", "docker://" + host + "/app:1"}, strings.NewReader(""), &out, &errOut, environ)
		return code, out.String() + errOut.String()
	}
	t.Setenv("DOCKER_CONFIG", t.TempDir())

	if code, output := inspect(); code != 2 || !strings.Contains(output, "docker login "+host) {
		t.Errorf("without credentials: exit code %d\n%s", code, output)
	}
	if code, output := inspect(fmt.Sprintf(`%s={%q: "Basic %s"}`, authVariable, host, encoded(password))); code != 0 {
		t.Errorf("with %s: exit code %d\n%s", authVariable, code, output)
	}
	wrong := "wrong horse"
	code, output := inspect(fmt.Sprintf(`%s={%q: "Basic %s"}`, authVariable, host, encoded(wrong)))
	if code != 2 || strings.Contains(output, wrong) || strings.Contains(output, encoded(wrong)) || !strings.Contains(output, "[redacted]") {
		t.Errorf("with a wrong password: exit code %d\n%s", code, output)
	}
	if code, output := inspect(authVariable + "=nonsense"); code != 2 || !strings.Contains(output, authVariable+": it is no JSON object") {
		t.Errorf("with nonsense: exit code %d\n%s", code, output)
	}

	config := fmt.Sprintf(`{"auths": {%q: {"auth": %q}}}`, host, encoded(password))
	if err := os.WriteFile(filepath.Join(os.Getenv("DOCKER_CONFIG"), "config.json"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, output := inspect(); code != 0 {
		t.Errorf("with the Docker config: exit code %d\n%s", code, output)
	}
}

// TestRegistryCredentialHelper has the credentials in a helper of Docker's.
func TestRegistryCredentialHelper(t *testing.T) {
	dir := t.TempDir()
	for file, text := range map[string]string{
		"config.json":                  `{"credHelpers": {"registry.example": "fixed"}}`,
		"docker-credential-fixed":      "#!/bin/sh\necho '{\"Username\": \"me\", \"Secret\": \"from the helper\"}'\n",
		"docker-credential-irrelevant": "#!/bin/sh\nexit 1\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("DOCKER_CONFIG", dir)
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	var secrets []string
	k := keychain{others: authn.DefaultKeychain, redact: func(values ...string) { secrets = append(secrets, values...) }}
	repository, err := name.NewRepository("registry.example/app")
	if err != nil {
		t.Fatal(err)
	}
	auth, err := k.Resolve(repository)
	if err != nil {
		t.Fatal(err)
	}
	config, err := auth.Authorization()
	if err != nil {
		t.Fatal(err)
	}
	if config.Username != "me" || config.Password != "from the helper" {
		t.Errorf("got the credentials of %s", config.Username)
	}
	if !strings.Contains(strings.Join(secrets, "\n"), "from the helper") {
		t.Error("the password of the helper is not known as secret")
	}
}
