package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slugc/slugc/cmd/internal/cli"
	"github.com/slugc/slugc/release"
	"github.com/slugc/slugc/release/hook"
)

func (p *program) hooksCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "hooks",
		Short: "Have apps built when a forge tells of a push",
		Long: `Have apps built when a forge tells of a push, by a signed webhook that slugc serve
takes. Their rules are in the ledger, the secrets sealed as configs are.

For pushes to a bare repository of this machine see slugc receive install.`,
		Args: arguments(0, 0),
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(p.hooksAddCommand(), p.hooksListCommand(), p.hooksRemoveCommand())
	return c
}

// hookFlags are those of slugc hooks add.
type hookFlags struct {
	rule                         hook.Rule
	forge, secretFile, tokenFile string
}

func (p *program) hooksAddCommand() *cobra.Command {
	var f hookFlags
	c := &cobra.Command{
		Use:   "add APP --repository ADDRESS [-- BUILD-FLAG...]",
		Short: "Make the webhook of an app, or a new one with another secret",
		Long: `Make the webhook of an app, in place of the one that it had. It prints the path on the
server, and the secret, which is not shown again: both belong into the settings of
the forge. The repository is cloned by its address; a private one with the token.

GitLab makes signing tokens (whsec_...) itself: give it with --secret-file. With
--token-file the forge is told how builds go, too. What comes after -- are flags of
slugc build.`,
		Example: `  slugc hooks add shop --forge gitea --repository https://git.example.com/acme/shop.git
  slugc hooks add shop --forge gitlab --repository git@git.example.com:acme/shop.git --branch live --token-file token`,
		Args: arguments(1, 100),
	}
	c.Flags().StringVar(&f.forge, "forge", "", "the `KIND` of the forge: github, gitlab, gitea or forgejo; by default what its host is called")
	c.Flags().StringVar(&f.rule.Repository, "repository", "", "the `ADDRESS` to clone from (required)")
	addRule(c, &f.rule)
	c.Flags().StringVar(&f.rule.API, "api", "", "the `URL` of the forge's API; by default https://api.HOST of GitHub, https://HOST/api/v4 of GitLab, https://HOST/api/v1 of Gitea")
	c.Flags().StringVar(&f.secretFile, "secret-file", "", "take the secret from a `FILE`, - for stdin; by default one is made")
	c.Flags().StringVar(&f.tokenFile, "token-file", "", "a `FILE` with a token that opens the repository and may write commit statuses, - for stdin")
	c.RunE = func(c *cobra.Command, args []string) error {
		wrong := func(err error) error { return &cli.UsageError{Command: c.CommandPath(), Err: err} }
		if dash := c.ArgsLenAtDash(); dash != 1 && len(args) > 1 {
			return wrong(fmt.Errorf("%q is one argument too many; flags of slugc build come after --", args[1]))
		}
		if err := p.checkBuildFlags(args[1:]); err != nil {
			return wrong(err)
		}
		f.rule.App, f.rule.Flags = args[0], args[1:]
		if err := p.fillRule(&f); err != nil {
			return wrong(err)
		}
		return p.atDesk(func(ctx context.Context, d desk, _ []string) error { return p.addHook(ctx, d, f.rule) })(c, args)
	}
	return c
}

// fillRule completes the rule of the flags.
func (p *program) fillRule(f *hookFlags) (err error) {
	if err := release.CheckApp(f.rule.App); err != nil {
		return err
	}
	if f.rule.Repository == "" {
		return errors.New("say what is cloned: --repository ADDRESS")
	}
	if f.forge == "" {
		f.forge = forgeOf(f.rule.Repository)
	}
	if f.forge == "" {
		return errors.New("say which kind of forge it is: --forge github, gitlab, gitea or forgejo")
	}
	if f.rule.Forge, err = hook.ParseForge(f.forge); err != nil {
		return err
	}
	if f.rule.Token, err = p.secretIn(f.tokenFile); err != nil {
		return err
	}
	if f.rule.Secret, err = p.secretIn(f.secretFile); err != nil {
		return err
	}
	if f.rule.Secret == "" {
		f.rule.Secret = newHookSecret()
	}
	return f.rule.Check()
}

// forgeOf is the kind that the host of a repository has in its name.
func forgeOf(repository string) string {
	host, _, _ := strings.Cut(strings.TrimPrefix(repository, "git@"), ":")
	if u, err := url.Parse(repository); err == nil && u.Host != "" {
		host = u.Hostname()
	}
	for _, name := range []string{"github", "gitlab", "gitea", "forgejo"} {
		if strings.Contains(strings.ToLower(host), name) {
			return name
		}
	}
	return ""
}

const (
	// maxHookSecret and minHookSecret bound a secret, in bytes.
	maxHookSecret = 4 << 10
	minHookSecret = 16
)

// secretIn reads one line of a file, - for stdin; empty for no file.
func (p *program) secretIn(file string) (string, error) {
	if file == "" {
		return "", nil
	}
	from := p.in
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return "", err
		}
		defer f.Close()
		from = f
	}
	text, err := io.ReadAll(io.LimitReader(from, maxHookSecret+1))
	if err != nil {
		return "", err
	}
	secret := strings.TrimSpace(string(text))
	switch {
	case len(text) > maxHookSecret || strings.ContainsAny(secret, "\r\n"):
		return "", fmt.Errorf("%s has more than one line with a secret", file)
	case len(secret) < minHookSecret:
		return "", fmt.Errorf("what is in %s is no secret: it has less than %d characters", file, minHookSecret)
	}
	return secret, nil
}

// newHookSecret makes a secret that every forge takes.
func newHookSecret() string {
	var random [32]byte
	_, _ = rand.Read(random[:]) // never fails
	return hex.EncodeToString(random[:])
}

func (p *program) addHook(ctx context.Context, d desk, r hook.Rule) error {
	if err := d.KeepRule(ctx, r); err != nil {
		return err
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s is built from %s of %s\n", r.App, strings.Join(r.Branches, " and "), r.Repository)
	fmt.Fprintf(&text, "Path:         %s\nSecret:       %s\n", r.Path(), r.Secret)
	fmt.Fprintf(&text, "Now have %s send pushes, as application/json, to that path of slugc serve. The secret is not shown again.", r.Forge)
	p.voice.Result(text.String(), cli.Fields{"app": r.App, "path": r.Path(), "secret": r.Secret, "rule": r})
	return nil
}

func (p *program) hooksListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the webhooks, without their secrets",
		Args:  arguments(0, 0),
		RunE: p.atDesk(func(ctx context.Context, d desk, _ []string) error {
			all, err := d.Rules(ctx)
			if err != nil {
				return err
			}
			text := "No webhooks"
			if len(all) > 0 {
				rows := [][]string{{"App", "Forge", "Repository", "Branches", "Path"}}
				for _, r := range all {
					rows = append(rows, []string{r.App, string(r.Forge), r.Repository, strings.Join(r.Branches, ", "), r.Path()})
				}
				text = columns(rows)
			}
			p.voice.Result(text, cli.Fields{"hooks": append([]hook.Rule{}, all...)})
			return nil
		}),
	}
}

func (p *program) hooksRemoveCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "remove APP",
		Short:             "Take no webhooks for an app any more",
		Args:              arguments(1, 1),
		ValidArgsFunction: p.completeApp,
		RunE: p.atDesk(func(ctx context.Context, d desk, args []string) error {
			if err := d.RemoveRule(ctx, args[0]); err != nil {
				return err
			}
			p.voice.Result("Removed the webhook of "+args[0], cli.Fields{"app": args[0]})
			return nil
		}),
	}
}
