package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slugc/slugc/buildpacks/runtime/report"
	"github.com/slugc/slugc/cmd/internal/cli"
	"github.com/slugc/slugc/release/formation"
	"github.com/slugc/slugc/release/formation/control"
	"github.com/slugc/slugc/release/formation/memory"
)

// parseScale reads TYPE=N words; a type alone is one process of it. It is nil
// where there are none.
func parseScale(words []string) (map[string]int, error) {
	var scale map[string]int
	for _, word := range words {
		name, text, given := strings.Cut(word, "=")
		count := 1
		if given {
			var err error
			if count, err = strconv.Atoi(text); err != nil || count < 0 || count > formation.MaxProcesses {
				return nil, fmt.Errorf("%q: expected TYPE=N, with a number from 0 to %d", word, formation.MaxProcesses)
			}
		}
		if name == "" {
			return nil, fmt.Errorf("%q: expected TYPE=N", word)
		}
		if scale == nil {
			scale = map[string]int{}
		}
		scale[name] = count
	}
	return scale, nil
}

// parseQuota reads a size of memory; nothing is 0.
func parseQuota(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	size, err := cli.ParseBytes(text)
	if err == nil && size < memory.Least {
		err = fmt.Errorf("expected %s or more, such as 512M", cli.Bytes(memory.Least))
	}
	if err != nil {
		return 0, fmt.Errorf("--memory %s: %w", text, err)
	}
	return size, nil
}

// parseQuotas reads SIZE and TYPE=SIZE words.
func parseQuotas(words []string) (quotas memory.Quotas, err error) {
	for _, word := range words {
		name, text, typed := strings.Cut(word, "=")
		if !typed {
			name, text = "", word
		}
		if text == "" || typed && name == "" {
			return quotas, fmt.Errorf("--memory %s: expected SIZE or TYPE=SIZE", word)
		}
		size, err := parseQuota(text)
		if err != nil {
			return quotas, err
		}
		if !typed {
			quotas.All = size
			continue
		}
		if quotas.Types == nil {
			quotas.Types = map[string]int64{}
		}
		quotas.Types[name] = size
	}
	return quotas, nil
}

// changeScale reads what is to become of a formation: TYPE=N, TYPE+N and TYPE-N.
func changeScale(words []string, now map[string]int) (map[string]int, error) {
	scale := map[string]int{}
	for _, word := range words {
		if at := strings.IndexAny(word, "+-="); at > 0 && word[at] != '=' {
			more, err := strconv.Atoi(word[at:])
			if err != nil {
				return nil, fmt.Errorf("%q: expected TYPE=N, TYPE+N or TYPE-N", word)
			}
			word = fmt.Sprintf("%s=%d", word[:at], max(0, now[word[:at]]+more))
		}
		one, err := parseScale([]string{word})
		if err != nil {
			return nil, err
		}
		maps.Copy(scale, one)
	}
	return scale, nil
}

// absent says what to do about an app that does not run.
func absent(app string, err error) error {
	if a, is := errors.AsType[*control.AbsentError](err); is {
		return &cli.UsageError{Command: "slugc", Err: fmt.Errorf("%s: %w", app, a), Next: "slugc start " + app}
	}
	return err
}

func (p *program) scaleCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "scale APP TYPE=N...",
		Short: "Change how many processes of an app run",
		Long: `Change how many processes of each type run, of an app that slugc start has started.
It is kept for the next start.`,
		Example:           `  slugc scale shop web=3 worker-1`,
		Args:              arguments(2, -1),
		ValidArgsFunction: p.completeApp,
	}
	c.RunE = p.atDesk(func(ctx context.Context, d desk, args []string) error {
		client := control.Client{Dir: d.runDir(args[0])}
		status, err := client.Status(ctx)
		if err != nil {
			return absent(args[0], err)
		}
		scale, err := changeScale(args[1:], status.Wanted)
		if err != nil {
			return &cli.UsageError{Command: c.CommandPath(), Err: err}
		}
		if status, err = client.Scale(ctx, scale); err != nil {
			return &cli.UsageError{Command: c.CommandPath(), Err: err}
		}
		var words []string
		for _, name := range slices.Sorted(maps.Keys(status.Wanted)) {
			words = append(words, fmt.Sprintf("%s=%d", name, status.Wanted[name]))
		}
		p.voice.Result("Scaled "+args[0]+" to "+strings.Join(words, " "), cli.Fields{"app": args[0], "formation": status.Wanted})
		return nil
	})
	return c
}

func (p *program) restartCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "restart APP [PROCESS|TYPE]",
		Short: "Replace the processes of an app by new ones",
		Long: `Replace the processes of an app that slugc start has started by new ones of the same
release: all, those of a type, or one. A web process gets requests until its
successor listens.`,
		Example: `  slugc restart shop
  slugc restart shop web.1`,
		Args:              arguments(1, 2),
		ValidArgsFunction: p.completeApp,
	}
	c.RunE = p.atDesk(func(ctx context.Context, d desk, args []string) error {
		name := strings.Join(args[1:], "")
		status, err := control.Client{Dir: d.runDir(args[0])}.Restart(ctx, name)
		if err != nil {
			return absent(args[0], err)
		}
		p.voice.Result("Restarting "+strings.TrimSpace(args[0]+" "+name), cli.Fields{"app": args[0], "processes": status.Processes})
		return nil
	})
	return c
}

func (p *program) psCommand() *cobra.Command {
	c := &cobra.Command{
		Use:               "ps APP",
		Short:             "List the processes of an app that run",
		Long:              `List the processes of an app that slugc start has started, and what they do.`,
		Args:              arguments(1, 1),
		ValidArgsFunction: p.completeApp,
	}
	c.RunE = p.atDesk(func(ctx context.Context, d desk, args []string) error {
		status, err := control.Client{Dir: d.runDir(args[0])}.Status(ctx)
		if err != nil {
			return absent(args[0], err)
		}
		p.voice.Result(processTable(status, time.Now()), cli.Fields{
			"app": args[0], "pid": status.PID, "url": status.URL, "formation": status.Wanted, "processes": append([]formation.Process{}, status.Processes...),
		})
		return nil
	})
	return c
}

// processTable is the list for people.
func processTable(status control.Status, now time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (process %d)\n", status.URL, status.PID)
	last := ""
	for _, process := range status.Processes {
		processType, _, _ := strings.Cut(process.Name, ".")
		if processType != last {
			fmt.Fprintf(&b, "\n=== %s (%d): %s\n", processType, status.Wanted[processType], process.Command)
			last = processType
		}
		fmt.Fprintf(&b, "%s: %s %s (~ %s ago)", process.Name, process.State, process.Since.Local().Format(when), cli.Duration(now.Sub(process.Since)))
		if process.Release != "" {
			fmt.Fprintf(&b, ", %s", process.Release)
		}
		if process.Memory > 0 {
			fmt.Fprintf(&b, ", %s", cli.Bytes(process.Memory))
			if process.Quota > 0 {
				fmt.Fprintf(&b, " of %s", cli.Bytes(process.Quota))
			}
		}
		if process.Restarts > 0 {
			fmt.Fprintf(&b, ", restarted %s", report.Count(process.Restarts, "time"))
		}
		b.WriteByte('\n')
	}
	for _, name := range slices.Sorted(maps.Keys(status.Wanted)) {
		if status.Wanted[name] == 0 {
			fmt.Fprintf(&b, "\n=== %s (0)\n", name)
		}
	}
	return b.String()
}
