package main

import (
	"runtime"

	"github.com/spf13/cobra"

	"github.com/slugc/slugc/cmd/internal/cli"
)

func (p *program) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  arguments(0, 0),
		RunE:  func(*cobra.Command, []string) error { return p.sayVersion() },
	}
}

func (p *program) sayVersion() error {
	p.voice.Result("slugc "+version, cli.Fields{
		"version": version, "go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH,
	})
	return nil
}
