package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/slugc/slugc/buildpacks/builtin"
	"github.com/slugc/slugc/buildpacks/runtime/composer"
)

// composerSettings are those of this person's Composer, with the certificates that
// it trusts. A build cannot read the files of this machine.
func (p *program) composerSettings() ([]builtin.Settings, error) {
	config, err := composer.Load(p.env, composer.Files(p.env)...)
	if err != nil {
		return nil, err
	}
	text, secrets, err := config.Connection()
	if err != nil {
		return nil, err
	}
	p.voice.Redact(secrets...)
	settings := []builtin.Settings{{Variable: composer.ConfigVariable, Name: "composer.json", Text: text}}
	if file := config.CA(); file != "" && file != p.env["SSL_CERT_FILE"] {
		bundle, err := os.ReadFile(file)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("reading the certificates that Composer trusts: %w", err)
		}
		settings = append(settings, builtin.Settings{Variable: composer.CAVariable, Name: "composer-ca.pem", Text: string(bundle)})
	}
	return settings, nil
}
