package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/slugc/slugc/stack"
)

// stackIDs are the stacks that slugc makes, as shells show them. A shell has no
// use for an error.
func stackIDs() []string {
	definitions, err := stack.Definitions()
	if err != nil {
		return nil
	}
	var ids []string
	for _, d := range definitions {
		ids = append(ids, d.ID+"\t"+d.Description)
	}
	return ids
}

// completeStack completes the one argument of a command that takes the id of a
// stack.
func completeStack(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return stackIDs(), cobra.ShellCompDirectiveNoFileComp
}

// completeStackFlag completes a flag that takes the id of a stack, or files and
// directories too.
func completeStackFlag(c *cobra.Command, flag string, others ...string) {
	completeFlag(c, flag, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return append(others, stackIDs()...), cobra.ShellCompDirectiveDefault
	})
}

func completeVariant(c *cobra.Command) {
	variants := []string{stack.Run, stack.RunMinimal, stack.Build}
	completeFlag(c, "variant", cobra.FixedCompletions(variants, cobra.ShellCompDirectiveNoFileComp))
}

func completeArch(c *cobra.Command) {
	completeFlag(c, "arch", cobra.FixedCompletions([]string{"amd64", "arm64"}, cobra.ShellCompDirectiveNoFileComp))
}

// completeFlag says how a flag of a command is completed. A command that has no
// such flag is a mistake in this program.
func completeFlag(c *cobra.Command, flag string, complete cobra.CompletionFunc) {
	if err := c.RegisterFlagCompletionFunc(flag, complete); err != nil {
		panic(fmt.Sprintf("completing --%s of %s: %v", flag, c.CommandPath(), err))
	}
}
