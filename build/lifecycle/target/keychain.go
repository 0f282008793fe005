package target

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
)

// AuthVariable has credentials for registries: a JSON object of what goes into the
// header Authorization, by registry (CNB Platform API, "Registry
// Authentication").
const AuthVariable = "CNB_REGISTRY_AUTH"

// NewKeychain has the credentials for the registries of images, as they are now:
// those of the value of AuthVariable, then those of the Docker config and its
// helpers. Later it asks nobody, so that a process may lose the right to. What is
// no header is an error for who asks for its registry. No error shows what is in
// the value.
func NewKeychain(auth string, images ...string) (authn.Keychain, error) {
	var headers map[string]string
	if strings.TrimSpace(auth) != "" {
		if err := json.Unmarshal([]byte(auth), &headers); err != nil {
			// The error of the decoder quotes what it read.
			return nil, errors.New(AuthVariable + " is no JSON object of strings")
		}
	}
	found := keychain{}
	for registry, header := range headers {
		config, err := parseHeader(header)
		if err != nil {
			err = fmt.Errorf("%s: the credentials for %s: %w", AuthVariable, registry, err)
		}
		found[hostOf(registry)] = credentials{authn.FromConfig(config), err}
	}
	for _, image := range images {
		ref, err := name.ParseReference(image, name.WeakValidation)
		if err != nil {
			continue // who uses the image says so
		}
		registry := ref.Context().RegistryStr()
		if _, known := found[registry]; known {
			continue
		}
		own, err := authn.DefaultKeychain.Resolve(ref.Context())
		if err != nil || own == authn.Anonymous {
			continue // a registry that does not let anonymous people in says so
		}
		config, err := own.Authorization()
		if err != nil {
			continue
		}
		found[registry] = credentials{authn.FromConfig(*config), nil}
	}
	return found, nil
}

// hostOf is the host of a registry, which some name by an address:
// "https://index.docker.io/v1/".
func hostOf(registry string) string {
	_, host, address := strings.Cut(registry, "://")
	if !address {
		host = registry
	}
	host, _, _ = strings.Cut(host, "/")
	return host
}

// credentials are for a registry, or err says why they are none.
type credentials struct {
	authn.Authenticator
	err error
}

// keychain is credentials by registry.
type keychain map[string]credentials

// Resolve finds the credentials for a registry.
func (k keychain) Resolve(at authn.Resource) (authn.Authenticator, error) {
	own, found := k[at.RegistryStr()]
	switch {
	case !found:
		return authn.Anonymous, nil
	case own.err != nil:
		return nil, own.err
	}
	return own, nil
}

// parseHeader reads the value of a header Authorization.
func parseHeader(header string) (authn.AuthConfig, error) {
	scheme, value, _ := strings.Cut(strings.TrimSpace(header), " ")
	value = strings.TrimSpace(value)
	switch strings.ToLower(scheme) {
	case "bearer":
		return authn.AuthConfig{RegistryToken: value}, nil
	case "x-identity":
		return authn.AuthConfig{IdentityToken: value}, nil
	case "basic":
		plain, err := base64.StdEncoding.DecodeString(value)
		if err != nil {
			return authn.AuthConfig{}, errors.New("they are no base64")
		}
		user, password, both := strings.Cut(string(plain), ":")
		if !both {
			return authn.AuthConfig{}, errors.New("they have no password")
		}
		return authn.AuthConfig{Username: user, Password: password}, nil
	}
	return authn.AuthConfig{}, errors.New("unknown auth type from header; expected Basic, Bearer or X-Identity")
}
