package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"

	"github.com/slugc/slugc/cmd/internal/cli"
)

// authVariable has credentials for registries: a JSON object of what goes into
// the header Authorization, by registry, as the CNB Platform API has it in
// CNB_REGISTRY_AUTH ("Registry Authentication").
const authVariable = "SLUGC_REGISTRY_AUTH"

// keychain has the credentials for registries: those of SLUGC_REGISTRY_AUTH,
// then those of the Docker config and its helpers. Whatever it hands out is
// secret from then on. It is for slugc alone: no process that slugc starts sees
// the variable.
func (p *program) keychain() authn.Keychain {
	given, err := parseAuth(p.env.Get(authVariable))
	return keychain{given: given, err: err, others: authn.DefaultKeychain, redact: p.voice.Redact}
}

// keychain is the keychain of slugc.
type keychain struct {
	given map[string]authn.AuthConfig
	// err says why given could not be read. A command that asks no registry
	// never hears of it.
	err    error
	others authn.Keychain
	redact func(...string)
}

var _ authn.Keychain = keychain{}

// Resolve finds the credentials for a registry.
func (k keychain) Resolve(at authn.Resource) (authn.Authenticator, error) {
	if k.err != nil {
		return nil, &cli.UsageError{Command: "slugc", Err: k.err}
	}
	if config, found := k.given[at.RegistryStr()]; found {
		return k.secret(config), nil
	}
	auth, err := k.others.Resolve(at)
	if err != nil || auth == authn.Anonymous {
		return auth, err
	}
	config, err := auth.Authorization()
	if err != nil {
		return nil, fmt.Errorf("the credentials for %s: %w", at.RegistryStr(), err)
	}
	return k.secret(*config), nil
}

// secret makes credentials known as secret.
func (k keychain) secret(config authn.AuthConfig) authn.Authenticator {
	k.redact(config.Password, config.Auth, config.IdentityToken, config.RegistryToken)
	if config.Password != "" {
		k.redact(base64.StdEncoding.EncodeToString([]byte(config.Username + ":" + config.Password)))
	}
	return authn.FromConfig(config)
}

// parseAuth reads SLUGC_REGISTRY_AUTH. No error shows what is in it.
func parseAuth(text string) (map[string]authn.AuthConfig, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	expected := func(problem string) error {
		return fmt.Errorf(`%s: %s; expected a JSON object like {"registry.example": "Basic BASE64"}, with Basic or Bearer`, authVariable, problem)
	}
	var headers map[string]string
	if err := json.Unmarshal([]byte(text), &headers); err != nil {
		// The error of the decoder quotes what it read.
		return nil, expected("it is no JSON object of strings")
	}
	auth := map[string]authn.AuthConfig{}
	for _, registry := range slices.Sorted(maps.Keys(headers)) {
		config, err := parseHeader(headers[registry])
		if err != nil {
			return nil, expected(fmt.Sprintf("the credentials for %s %v", registry, err))
		}
		auth[registryName(registry)] = config
	}
	return auth, nil
}

// parseHeader reads the value of a header Authorization.
func parseHeader(header string) (authn.AuthConfig, error) {
	scheme, value, _ := strings.Cut(strings.TrimSpace(header), " ")
	value = strings.TrimSpace(value)
	switch {
	case value == "":
		return authn.AuthConfig{}, errors.New("have no value")
	case strings.EqualFold(scheme, "Bearer"):
		return authn.AuthConfig{RegistryToken: value}, nil
	case strings.EqualFold(scheme, "X-Identity"):
		return authn.AuthConfig{IdentityToken: value}, nil
	case strings.EqualFold(scheme, "Basic"):
		plain, err := base64.StdEncoding.DecodeString(value)
		if err != nil {
			return authn.AuthConfig{}, errors.New("are no base64")
		}
		user, password, both := strings.Cut(string(plain), ":")
		if !both {
			return authn.AuthConfig{}, errors.New("have no password")
		}
		return authn.AuthConfig{Username: user, Password: password}, nil
	}
	return authn.AuthConfig{}, errors.New("have an unknown scheme")
}

// registryName is a registry as references name it: Docker's own goes by
// several names.
func registryName(registry string) string {
	registry = strings.TrimPrefix(strings.TrimPrefix(registry, "https://"), "http://")
	registry, _, _ = strings.Cut(registry, "/")
	if parsed, err := name.NewRegistry(registry, name.WeakValidation); err == nil {
		return parsed.RegistryStr()
	}
	return registry
}
