package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slugc/slugc/build/base"
	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/buildpacks/runtime/report"
	"github.com/slugc/slugc/cmd/internal/cli"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/debian/control"
)

// stackInspect is the name of the command in errors.
const stackInspect = "slugc stack inspect"

func (p *program) stackInspectCommand() *cobra.Command {
	var f stackFlags
	c := &cobra.Command{
		Use:   "inspect ID|DEST",
		Short: "Say which packages are in a stack or an image",
		Long: `Say which packages are in a stack that was made, or in any image of Debian
packages, with their versions and sizes. DEST is oci:DIR[:TAG], oci-archive:FILE
or docker://REF.`,
		Example: `  slugc stack inspect slugc-13
  slugc stack inspect slugc-13 --variant build
  slugc stack inspect oci:stack --arch arm64`,
		Args: arguments(1, 1),
	}
	f.add(c)
	c.ValidArgsFunction = completeStack
	c.RunE = interruptible(func(ctx context.Context, args []string) error {
		if isImage(args[0]) {
			return p.inspectBase(ctx, args[0], f.arch)
		}
		return p.inspectMade(ctx, args[0], f)
	})
	return c
}

// isImage says whether a reference is that of an image, not the id of a stack.
func isImage(ref string) bool {
	if oci.HasTransport(ref) {
		return true
	}
	info, err := os.Stat(ref)
	return err == nil && info.IsDir() && strings.Contains(ref, "/")
}

// notStack is an error about an argument that is neither a stack nor an image.
func notStack(arg string, err error) error {
	unknown, ok := errors.AsType[*stack.UnknownError](err)
	if !ok {
		return err
	}
	text := fmt.Sprintf("%q: expected a stack (%s), oci:DIR[:TAG], oci-archive:FILE or docker://REF", arg, strings.Join(unknown.Known, ", "))
	if try := transportFor(arg); try != "" && try != slugPrefix {
		text += "; try " + try + arg
	}
	return &cli.UsageError{Command: stackInspect, Err: errors.New(text), Next: "slugc stack list"}
}

// create is the command that makes what the flags name.
func (f *stackFlags) create(id string) string {
	command := "slugc stack create " + id
	if f.variant != stack.Run {
		command += " --variant " + f.variant
	}
	if f.arch != runtime.GOARCH {
		command += " --arch " + f.arch
	}
	return command
}

// inspectMade describes a stack of the store.
func (p *program) inspectMade(ctx context.Context, id string, f stackFlags) (err error) {
	store, err := p.stackStore()
	if err != nil {
		return err
	}
	if _, err := findStack(stackInspect, id); err != nil {
		return notStack(id, err)
	}
	made, found, err := store.Find(id, f.variant, f.arch)
	if err != nil {
		return err
	}
	if !found {
		return &cli.UsageError{
			Command: stackInspect, Err: fmt.Errorf("the stack %s (%s, %s) is not made yet", id, f.variant, f.arch), Next: f.create(id),
		}
	}
	defer func() { err = errors.Join(err, made.Close()) }()
	d, err := describeMade(ctx, made)
	if err != nil {
		return err
	}
	var t table
	t.line("Stack", d.ID+" "+d.Variant+": "+d.Description)
	t.line("Target", targetText(d.Target))
	t.line("User", fmt.Sprintf("%s (%d:%d)", d.User.Name, d.User.UID, d.User.GID))
	t.line("Packages", d.Digest)
	t.line("Root", d.Root)
	t.line("Age", age(time.Since(d.Made)))
	t.line("Size", cli.Bytes(d.Size)+" on disk")
	t.packages(d.Packages, d.Installed)
	p.voice.Result(t.text.String(), cli.Fields{"stack": d})
	return nil
}

// baseImage is an image, as slugc stack inspect describes it.
type baseImage struct {
	Ref    string       `json:"ref"`
	Digest string       `json:"digest"`
	Size   int64        `json:"size"`
	Target stack.Target `json:"target"`
	User   string       `json:"user"`
	// Stack is what the image says about itself, empty for one that slugc did
	// not make.
	Stack     string      `json:"stack,omitempty"`
	Installed int64       `json:"installed"`
	Count     int         `json:"package_count"`
	Packages  []installed `json:"packages"`
}

// inspectBase describes an image.
func (p *program) inspectBase(ctx context.Context, ref, arch string) error {
	opened, err := oci.Opener{Keychain: p.keychain(), Target: stack.Target{OS: "linux", Arch: arch}}.Open(ctx, ref)
	if err != nil {
		return err
	}
	about, err := oci.Inspect(opened.Image)
	if err != nil {
		return err
	}
	all, err := base.Packages(ctx, opened.Image)
	if err != nil {
		return err
	}
	on, err := base.Describe(opened.Image)
	if err != nil {
		return err
	}
	d := baseImage{
		Ref: ref, Digest: about.Digest, Size: about.Size, Target: about.Target, User: about.User,
		Stack: stackName(on),
	}
	d.Packages, d.Installed = installedOf(all)
	d.Count = len(d.Packages)
	var t table
	t.line("Image", ref)
	t.line("Stack", d.Stack)
	t.line("Target", targetText(d.Target))
	t.line("User", d.User)
	t.line("Digest", d.Digest)
	t.line("Size", cli.Bytes(d.Size)+" compressed")
	t.packages(d.Packages, d.Installed)
	p.voice.Result(t.text.String(), cli.Fields{"image": d})
	return nil
}

// installedOf are packages as they are shown, and what they take together.
func installedOf(packages []control.Package) (all []installed, total int64) {
	all = []installed{}
	for _, p := range packages {
		all = append(all, installed{Name: p.Name, Version: p.Version, Arch: p.Architecture, Size: p.InstalledSize})
		total += p.InstalledSize
	}
	return all, total
}

// targetText is a target with its distribution.
func targetText(t stack.Target) string {
	return strings.TrimSpace(t.String() + "  " + strings.TrimSpace(t.DistroName+" "+t.DistroVersion))
}

// packages lists packages.
func (t *table) packages(all []installed, total int64) {
	t.section(fmt.Sprintf("%s, %s installed", report.Count(len(all), "package"), cli.Bytes(total)))
	for _, p := range all {
		t.size(p.Size, p.Name+" "+p.Version)
	}
	t.none(len(all))
}
