package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slugc/slugc/cmd/internal/cli"
)

func (p *program) helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Say how to use a command",
		RunE: func(c *cobra.Command, args []string) error {
			about, rest, err := c.Root().Find(args)
			if err != nil || len(rest) > 0 {
				if about == nil {
					about = c.Root()
				}
				return unknownCommand(about, strings.Join(rest, " "))
			}
			about.InitDefaultHelpFlag()
			about.InitDefaultVersionFlag()
			return about.Help()
		},
	}
}

func (p *program) completionCommand() *cobra.Command {
	shells := []string{"bash", "fish", "powershell", "zsh"}
	return &cobra.Command{
		Use:   "completion SHELL",
		Short: "Print a script that completes slugc's commands in a shell",
		Long: `Print a script that completes slugc's commands and flags in SHELL: bash, fish,
powershell or zsh.`,
		Example: `  source <(slugc completion bash)
  slugc completion fish >~/.config/fish/completions/slugc.fish`,
		Args:                  arguments(1, 1),
		ValidArgs:             shells,
		DisableFlagsInUseLine: true,
		RunE: func(c *cobra.Command, args []string) error {
			root := c.Root()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(p.out, true)
			case "fish":
				return root.GenFishCompletion(p.out, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(p.out)
			case "zsh":
				return root.GenZshCompletion(p.out)
			}
			return &cli.UsageError{Command: c.CommandPath(), Err: fmt.Errorf("unknown shell %q; expected %s", args[0], strings.Join(shells, ", "))}
		},
	}
}
