package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/slugc/slugc/buildpacks/builtin"
	"github.com/slugc/slugc/buildpacks/runtime/pypi"
)

// pipSettings are those of this person's pip and uv, with the certificates that
// they trust. A build cannot read the files of this machine.
func (p *program) pipSettings() ([]builtin.Settings, error) {
	config, err := pypi.Load(p.env, pypi.Files(p.env)...)
	if err != nil {
		return nil, err
	}
	conf, secrets, err := config.Connection()
	if err != nil {
		return nil, err
	}
	p.voice.Redact(secrets...)
	settings := []builtin.Settings{{Variable: "PIP_CONFIG_FILE", Name: "pip.conf", Text: conf}}
	if file := config.CA(); file != "" && file != p.env["SSL_CERT_FILE"] {
		bundle, err := os.ReadFile(file)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("reading the certificates that pip trusts: %w", err)
		}
		settings = append(settings, builtin.Settings{Variable: "PIP_CERT", Name: "pip-ca.pem", Text: string(bundle)})
	}
	return settings, nil
}
