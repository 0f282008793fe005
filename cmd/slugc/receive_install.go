package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slugc/slugc/cmd/internal/cli"
	"github.com/slugc/slugc/release"
	"github.com/slugc/slugc/release/hook"
	"github.com/slugc/slugc/release/hook/receive"
)

// receiveFlags are those of slugc receive install.
type receiveFlags struct {
	app              receive.App
	others           string
	pre, post, adopt bool
}

func (p *program) receiveInstallCommand() *cobra.Command {
	var f receiveFlags
	c := &cobra.Command{
		Use:   "install REPO --app APP [-- BUILD-FLAG...]",
		Short: "Have pushes to a bare repository built and released as an app",
		Long: `Have pushes to the bare repository REPO built, released and started as an app: put
the hook into it, and the rules into its git config, section slugc "APP". Several
apps may be built of one repository. A hook of somebody else's stays.

What comes after -- are flags of slugc build, for every build of the app.`,
		Example: `  slugc receive install /srv/git/shop.git --app shop --port 8080
  slugc receive install shop.git --app web --directory packages/web --path packages/web
  slugc receive install shop.git --app shop -- --stack slugc-13`,
		Args: arguments(1, 100),
	}
	c.Flags().StringVar(&f.app.App, "app", "", "the name of the `APP` (required)")
	addRule(c, &f.app.Rule)
	c.Flags().StringVar(&f.others, "others", "pass", "`WHAT` becomes of other branches: pass, without a build, or refuse")
	c.Flags().BoolVar(&f.pre, "pre", false, "be pre-receive: a build that fails rejects the push (the default)")
	c.Flags().BoolVar(&f.post, "post", false, "be post-receive: the push is taken, whatever becomes of the build")
	c.Flags().BoolVar(&f.app.Stay, "no-start", false, "do not start the app when it does not run")
	c.Flags().StringVar(&f.app.Port, "port", "", "start the app on this `PORT`")
	c.Flags().StringVar(&f.app.Listen, "listen", "", "start the app on this `ADDRESS` of the machine; 0.0.0.0 for all")
	c.Flags().BoolVar(&f.adopt, "adopt", false, "keep a hook that is there and calls slugc receive itself")
	c.MarkFlagsMutuallyExclusive("pre", "post")
	c.RunE = func(c *cobra.Command, args []string) error {
		wrong := func(err error) error { return &cli.UsageError{Command: c.CommandPath(), Err: err} }
		if f.app.App == "" {
			return wrong(errors.New("say which app it is: --app APP"))
		}
		if dash := c.ArgsLenAtDash(); dash != 1 && len(args) > 1 {
			return wrong(fmt.Errorf("%q is one argument too many; flags of slugc build come after --", args[1]))
		}
		if f.others != "pass" && f.others != "refuse" {
			return wrong(fmt.Errorf("--others %q; expected pass or refuse", f.others))
		}
		if f.app.Port != "" {
			if err := checkPort(f.app.Port); err != nil {
				return wrong(err)
			}
		}
		f.app.Refuse, f.app.Flags = f.others == "refuse", args[1:]
		if err := p.checkBuildFlags(f.app.Flags); err != nil {
			return wrong(err)
		}
		return p.install(c.CommandPath(), args[0], f)
	}
	return c
}

// addRule adds the flags that say which pushes are built.
func addRule(c *cobra.Command, r *hook.Rule) {
	c.Flags().StringArrayVar(&r.Branches, "branch", []string{"main"}, "build this `BRANCH`; may be repeated")
	c.Flags().StringArrayVar(&r.Paths, "path", nil, "build only pushes that change something in this `PATH` of the repository; may be repeated")
	c.Flags().StringVar(&r.Directory, "directory", "", "the app is this `DIR` of the repository")
}

// checkBuildFlags makes sure that further flags of slugc build are such.
func (p *program) checkBuildFlags(flags []string) error {
	build := p.buildCommand()
	build.SetOut(io.Discard)
	if err := build.ParseFlags(flags); err != nil {
		return fmt.Errorf("slugc build: %w", err)
	}
	if rest := build.Flags().Args(); len(rest) > 0 {
		return fmt.Errorf("%q is no flag of slugc build", rest[0])
	}
	for _, name := range []string{"app", "directory", "release", "output", "metadata"} {
		if build.Flags().Changed(name) {
			return fmt.Errorf("--%s is given to every build", name)
		}
	}
	return nil
}

// install puts the hook into a repository.
func (p *program) install(command, repository string, f receiveFlags) error {
	wrong := func(err error) error { return &cli.UsageError{Command: command, Err: err} }
	dir, err := receive.Open(repository)
	if err != nil {
		return wrong(err)
	}
	exe, err := executable()
	if err != nil {
		return err
	}
	home, err := p.home()
	if err != nil {
		return err
	}
	// Who pushes has another environment than who installs.
	h := receive.Hook{Name: receive.Pre, Program: exe, Env: []string{"SLUGC_HOME=" + home}}
	if f.post {
		h.Name = receive.Post
	}
	for _, name := range []string{keyFileVariable, "SLUGC_CACHE", "SLUGC_BUILDPACKS", "SLUGC_SYSTEM"} {
		if value := p.env.Get(name); value != "" {
			h.Env = append(h.Env, name+"="+value)
		}
	}
	f.app.Forge, f.app.Repository = hook.Git, dir
	file, err := receive.Install(dir, f.app, h, f.adopt)
	if err != nil {
		return wrong(err)
	}
	text := fmt.Sprintf("Pushes of %s to %s are built as %s by %s\n       Its rules: git -C %s config --get-regexp '^slugc\\.%s\\.'",
		strings.Join(f.app.Branches, " and "), dir, f.app.App, file, dir, f.app.App)
	p.voice.Result(text, cli.Fields{"app": f.app.App, "repository": dir, "hook": file, "branches": f.app.Branches})
	return nil
}

func (p *program) receiveRemoveCommand() *cobra.Command {
	var app string
	c := &cobra.Command{
		Use:   "remove REPO --app APP",
		Short: "Have pushes to a repository built no more as an app",
		Long: `Take the rules of an app out of the git config of the bare repository REPO. The hook
goes with the last of them. The app and what runs of it stay.`,
		Args: arguments(1, 1),
	}
	c.Flags().StringVar(&app, "app", "", "the name of the `APP` (required)")
	c.RunE = interruptible(func(_ context.Context, args []string) error {
		wrong := func(err error) error { return &cli.UsageError{Command: c.CommandPath(), Err: err} }
		if err := release.CheckApp(app); err != nil {
			return wrong(err)
		}
		dir, err := receive.Open(args[0])
		if err != nil {
			return wrong(err)
		}
		hooks, err := receive.Remove(dir, app)
		if err != nil {
			return wrong(err)
		}
		text := fmt.Sprintf("Pushes to %s are not built as %s any more", dir, app)
		if len(hooks) > 0 {
			text += "; the hook is gone: " + strings.Join(hooks, " ")
		}
		p.voice.Result(text, cli.Fields{"app": app, "repository": dir, "hooks": append([]string{}, hooks...)})
		return nil
	})
	return c
}
