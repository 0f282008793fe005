package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/cmd/internal/cli"
	"github.com/slugc/slugc/detect"
)

func (p *program) detectCommand() *cobra.Command {
	var f planFlags
	pin := false
	c := &cobra.Command{
		Use:   "detect [SOURCE]",
		Short: "Say who would build an app, and why the others would not",
		Long: `Say who would build an app, and why the others would not.

Who builds is named by -b; else by the app itself, in project.toml, in the
buildpacks of app.json or in .buildpacks, which has one BUILDPACK a line; else by
the variable BUILDPACK_URL (-e). Else those that SLUGC_BUILDPACKS names, with
blanks between, and then the builtin ones are asked, and the first that can
builds. --pin writes the choice to .buildpacks.

Whoever builds, the buildpacks of the system.toml that SLUGC_SYSTEM names stand
before and behind them: [[system.pre.buildpacks]] and [[system.post.buildpacks]]
with id and version of a builtin one, or uri, a BUILDPACK as for -b, where "./" is
the directory of that file. A group that has one of the id itself keeps its own.`,
		Example: `  slugc detect
  slugc detect --pin ./app`,
		Args: arguments(0, 1),
	}
	f.add(c, p)
	c.Flags().BoolVar(&pin, "pin", false, "write the choice to .buildpacks in SOURCE, so that no other buildpack builds it")
	c.RunE = interruptible(func(ctx context.Context, args []string) error {
		if !pin {
			return p.atSource(ctx, c.CommandPath(), args, f, func(s source) error { return p.detect(ctx, s, f, pin) })
		}
		// What is written has to stay.
		s, err := openSource(c.CommandPath(), sourceArg(args), f)
		if err != nil {
			return err
		}
		return p.detect(ctx, s, f, pin)
	})
	return c
}

func (p *program) detect(ctx context.Context, s source, f planFlags, pin bool) (err error) {
	stacks := p.stacks(machine(), false)
	defer func() { err = errors.Join(err, stacks.Close()) }()
	req, err := p.request(ctx, "slugc detect", s, f, stacks)
	if err != nil {
		return err
	}
	d, err := p.deploy(req.Stack, false)
	if err != nil {
		return err
	}
	plan, file := detect.Plan{}, ""
	if pin {
		plan, file, err = d.Pin(ctx, req)
	} else {
		plan, err = d.Detect(ctx, req)
	}
	var none *detect.NoMatchError
	if err != nil && !errors.As(err, &none) {
		return err
	}
	// Programs read a list, with nothing in it, and no null.
	plan.Group = append([]detect.Choice{}, plan.Group...)
	plan.Entries = append([]detect.Entry{}, plan.Entries...)
	if err == nil || p.json {
		p.voice.Result(planText(plan), cli.Fields{"plan": plan})
	}
	if err == nil && pin {
		p.voice.Stepf("Pinned in %s: commit it", file)
	}
	return err
}

// planText shows a plan to people.
func planText(plan detect.Plan) string {
	var b strings.Builder
	for _, c := range plan.Group {
		fmt.Fprintf(&b, "-----> %s", c.Descriptor)
		if c.Found != "" {
			fmt.Fprintf(&b, ": %s", c.Found)
		}
		b.WriteString("\n")
		for _, e := range plan.Entries {
			for _, provider := range e.Providers {
				if provider == c.ID {
					fmt.Fprintf(&b, "       provides %s\n", e.Name)
				}
			}
		}
	}
	chosen := map[string]bool{}
	for _, c := range plan.Group {
		chosen[c.ID] = true
	}
	var later []string
	for _, c := range plan.Later {
		chosen[c.ID] = true
		later = append(later, c.String())
	}
	if len(later) > 0 {
		fmt.Fprintf(&b, "       Asked again when these have built: %s\n", strings.Join(later, ", "))
	}
	var unasked []string
	for _, a := range plan.Answers {
		if chosen[a.ID] {
			continue
		}
		if a.Reason == detect.Unasked {
			unasked = append(unasked, a.String())
			continue
		}
		fmt.Fprintf(&b, "       %s does not build: %s\n", a.Descriptor, verdict(a))
	}
	if len(unasked) > 0 {
		fmt.Fprintf(&b, "       Not asked, because a group before theirs builds: %s\n", strings.Join(unasked, ", "))
	}
	return b.String()
}

func verdict(a detect.Answer) string {
	reason := strings.ReplaceAll(a.Reason, "\n", "\n         ")
	switch {
	case a.Verdict == buildpacks.Error && reason != "":
		return "it broke: " + reason
	case a.Verdict == buildpacks.Error:
		return "it broke"
	case reason == "":
		return "it said no, and not why"
	}
	return reason
}
