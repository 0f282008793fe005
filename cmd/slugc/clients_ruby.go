package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/slugc/slugc/buildpacks/builtin"
	"github.com/slugc/slugc/buildpacks/runtime/bundler"
)

// bundlerSettings are those of this person's Bundler and RubyGems, with the
// certificates that they trust. A build cannot read the files of this machine.
func (p *program) bundlerSettings() ([]builtin.Settings, error) {
	config, err := bundler.Load(p.env, bundler.Files(p.env)...)
	if err != nil {
		return nil, err
	}
	text, gemrc, secrets, err := config.Connection()
	if err != nil {
		return nil, err
	}
	p.voice.Redact(secrets...)
	settings := []builtin.Settings{
		{Variable: bundler.ConfigVariable, Name: "bundle-config", Text: text},
		{Variable: bundler.GemrcVariable, Name: "gemrc", Text: gemrc},
	}
	if file := config.CA(p.env); file != "" && file != p.env["SSL_CERT_FILE"] {
		bundle, err := os.ReadFile(file)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("reading the certificates that Bundler trusts: %w", err)
		}
		settings = append(settings, builtin.Settings{Variable: bundler.CAVariable, Name: "bundle-ca.pem", Text: string(bundle)})
	}
	return settings, nil
}
