package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/spf13/cobra"

	"github.com/slugc/slugc/build/base"
	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/cmd/internal/cli"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/debian/control"
)

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
	for _, transport := range []string{"oci:", "oci-archive:", "docker://"} {
		if strings.HasPrefix(ref, transport) {
			return true
		}
	}
	info, err := os.Stat(ref)
	return err == nil && info.IsDir() && strings.Contains(ref, "/")
}

// inspectMade describes a stack of the shelf.
func (p *program) inspectMade(ctx context.Context, id string, f stackFlags) (err error) {
	shelf, err := p.shelf()
	if err != nil {
		return err
	}
	made, found, err := shelf.Find(id, f.variant, f.arch)
	if err != nil {
		return err
	}
	if !found {
		return &cli.UsageError{Command: "slugc stack inspect", Err: fmt.Errorf(
			"the stack %s (%s, %s) is not made yet\nmake it with: slugc stack create %s --variant %s --arch %s", id, f.variant, f.arch, id, f.variant, f.arch)}
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
	t.line("Digest", d.Digest)
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
	opened, err := oci.Opener{Keychain: authn.DefaultKeychain, Target: stack.Target{OS: "linux", Arch: arch}}.Open(ctx, ref)
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
		Stack: strings.TrimSpace(on.ID + " " + on.Variant),
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
	t.section(fmt.Sprintf("%s, %s installed", count(len(all), "package"), cli.Bytes(total)))
	for _, p := range all {
		t.size(p.Size, p.Name+" "+p.Version)
	}
	t.none(len(all))
}
