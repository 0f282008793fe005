package main

import (
	"github.com/slugc/slugc/buildpacks/builtin"
	"github.com/slugc/slugc/buildpacks/runtime/maven"
)

// mavenSettings are those of this person's Maven.
func (p *program) mavenSettings() ([]builtin.Settings, error) {
	config, err := maven.Load(p.env, maven.Files(p.env)...)
	if err != nil {
		return nil, err
	}
	text, secrets, err := config.Connection()
	if err != nil {
		return nil, err
	}
	p.voice.Redact(secrets...)
	return []builtin.Settings{{Variable: maven.SettingsVariable, Name: "maven-settings.xml", Text: text}}, nil
}
