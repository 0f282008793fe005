package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/slugc/slugc/buildpacks/builtin"
	"github.com/slugc/slugc/buildpacks/runtime/cargo"
)

// cargoSettings are those of this person's Cargo, with the certificates that it
// trusts. A build cannot read the files of this machine.
func (p *program) cargoSettings() ([]builtin.Settings, error) {
	config, err := cargo.Load(p.env, cargo.Files(p.env)...)
	if err != nil {
		return nil, err
	}
	text, credentials, secrets, err := config.Connection()
	if err != nil {
		return nil, err
	}
	p.voice.Redact(secrets...)
	settings := []builtin.Settings{
		{Variable: cargo.ConfigVariable, Name: "cargo-config.toml", Text: text},
		{Variable: cargo.LoginsVariable, Name: "cargo-credentials.toml", Text: credentials},
	}
	if file := config.CA(); file != "" && file != p.env["SSL_CERT_FILE"] {
		bundle, err := os.ReadFile(file)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("reading the certificates that Cargo trusts: %w", err)
		}
		settings = append(settings, builtin.Settings{Variable: "CARGO_HTTP_CAINFO", Name: "cargo-ca.pem", Text: string(bundle)})
	}
	return settings, nil
}
