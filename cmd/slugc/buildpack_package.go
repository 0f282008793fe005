package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/builder"
	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/buildpacks/fetch"
	"github.com/slugc/slugc/cmd/internal/cli"
	"github.com/slugc/slugc/release/deploy"
)

// buildpackPackage is the name of the command in errors.
const buildpackPackage = "slugc buildpack package"

// cnbSuffix ends the names of files with a package.
const cnbSuffix = ".cnb"

// packageFlags are the flags of slugc buildpack package.
type packageFlags struct {
	dests, targets []string
	offline        bool
	classic        classicFlags
}

func (p *program) buildpackPackageCommand() *cobra.Command {
	var f packageFlags
	c := &cobra.Command{
		Use:   "package DIR|package.toml|ID|--classic REF",
		Short: "Make a package of a buildpack, for others to build with",
		Long: `Make a package of the buildpack in DIR. One that is an order of others comes with
them; where they are says package.toml, in DIR or wherever you name it:

  [buildpack]
  uri = "."

  [[dependencies]]
  uri = "../other-buildpack"

  [[dependencies]]
  uri = "docker://registry.example/buildpack:1"

A uri is anything that slugc build -b takes. ID is a builtin buildpack, as slugc
buildpack list shows them, which becomes one for every platform. DEST is one of

  FILE.cnb                a file that slugc build -b and pack take
  oci:DIR[:TAG]           an OCI layout
  oci-archive:FILE[:TAG]  an OCI archive
  docker://REF            pushed to a registry

--classic REF makes a Cloud Native Buildpack of a classic one, for every builder
and every platform. REF is anything that slugc build -b takes: a directory, an
archive, an https or git address. Its scripts stay as they are and find what they
find on Heroku: the person's variables in ENV_DIR, CACHE_DIR from build to build,
export for later buildpacks, and .profile.d for every process of the image. The
package is for linux/amd64 and linux/arm64; its id is that of the classic
buildpack below classic/, its version a tag in REF, or 0.0.N by its files.

Targets are those of --target, else those of package.toml, else those of the
buildpack. Several become an image index, and a FILE.cnb each, with the target in
its name. The same files give the same bytes.`,
		Example: `  slugc buildpack package . -o hello.cnb
  slugc buildpack package package.toml -o docker://registry.example/hello:1
  slugc buildpack package . -o oci:hello --target linux/amd64 --target linux/arm64
  slugc buildpack package --classic https://git.example/owner/buildpack.git#v12 -o docker://registry.example/buildpack:12`,
		Args: arguments(0, 1),
	}
	c.Flags().StringArrayVarP(&f.dests, "output", "o", nil, "write the package to `DEST`; may be repeated")
	c.Flags().StringVar(&f.classic.ref, "classic", "", "package the classic buildpack that `REF` leads to")
	c.Flags().StringVar(&f.classic.id, "id", "", "with --classic: call it `ID`")
	c.Flags().StringVar(&f.classic.version, "version", "", "with --classic: give it the version `X.Y.Z`")
	addTargets(c, &f.targets, "make it for `OS[/ARCH[/VARIANT]]`; may be repeated")
	c.Flags().BoolVar(&f.offline, "offline", false, "take dependencies that were fetched before, and nothing from the network")
	p.addCache(c)
	c.RunE = interruptible(func(ctx context.Context, args []string) error { return p.packageBuildpack(ctx, args, f) })
	return c
}

func (p *program) packageBuildpack(ctx context.Context, args []string, f packageFlags) (err error) {
	if err := f.classic.check(args); err != nil {
		return err
	}
	targets, err := parseTargets(buildpackPackage, f.targets)
	if err != nil {
		return err
	}
	if err := p.checkPackageDests(ctx, f.dests); err != nil {
		return err
	}
	fetcher, err := p.fetcher(f.offline)
	if err != nil {
		return err
	}
	temp, err := os.MkdirTemp("", "slugc-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temp)) }()
	live := p.voice.Live("Packaging")
	defer live.Stop()
	packager := builder.Packager{Fetcher: fetcher, Temp: temp, Exclude: packageOutputs(f.dests), Progress: live.Progress}
	var made builder.Package
	if f.classic.ref != "" {
		made, err = packageClassic(ctx, packager, f.classic, targets)
	} else {
		made, err = packageOwn(ctx, packager, args[0], targets)
	}
	if err != nil {
		return packagingError(err)
	}
	live.Stepf("Packaged %s", made)
	var exported []artifact.Artifact
	var text strings.Builder
	for _, dest := range f.dests {
		for _, part := range partsOf(dest, made) {
			a, err := p.exportPackage(ctx, part)
			if err != nil {
				return err
			}
			exported = append(exported, a)
			fmt.Fprintf(&text, "       %s  %s  %s\n", part.name, cli.Bytes(a.Size), a.Digest)
		}
	}
	p.voice.Result(text.String(), cli.Fields{
		"id": made.Root.ID, "version": made.Root.Version, "buildpacks": made.Buildpacks, "artifacts": exported,
	})
	return nil
}

// packagingError is an error of packaging, with a class that has an exit code.
func packagingError(err error) error {
	if _, ok := errors.AsType[*builder.PackageError](err); ok {
		return err
	}
	if _, ok := errors.AsType[*fetch.RefError](err); ok {
		return err
	}
	if _, ok := errors.AsType[*cli.UsageError](err); ok {
		return err
	}
	return &deploy.PackError{Err: err}
}

// packagePart is images of a package and the destination that they go to
// together.
type packagePart struct {
	name   string
	images []oci.Image
}

// partsOf splits a package for a destination: a FILE.cnb has one image.
func partsOf(dest string, made builder.Package) []packagePart {
	if !isCNBFile(dest) || len(made.Images) == 1 {
		return []packagePart{{dest, made.Images}}
	}
	var parts []packagePart
	for i, t := range made.Targets {
		parts = append(parts, packagePart{cnbFileFor(dest, t), made.Images[i : i+1]})
	}
	return parts
}

// isCNBFile is whether a destination is a file with a package.
func isCNBFile(dest string) bool {
	return strings.HasSuffix(dest, cnbSuffix) && !oci.HasTransport(dest)
}

// cnbFileFor is the name of the file for one target of several.
func cnbFileFor(file string, t buildpacks.Target) string {
	name := strings.TrimSuffix(file, cnbSuffix)
	for _, part := range []string{t.OS, t.Arch, t.Variant} {
		if part != "" {
			name += "-" + part
		}
	}
	return name + cnbSuffix
}

// packageDest reads a destination.
func (p *program) packageDest(dest string, progress func(done, total int64)) (oci.Destination, error) {
	if isCNBFile(dest) {
		return oci.Archive{File: dest, Progress: progress}, nil
	}
	if !oci.HasTransport(dest) {
		return nil, &cli.UsageError{Command: buildpackPackage, Err: fmt.Errorf(
			"destination %q: expected FILE.cnb, oci:DIR[:TAG], oci-archive:FILE[:TAG] or docker://REF", dest)}
	}
	destination, err := oci.ParseDest(dest, oci.Access{
		Keychain: p.keychain(), Progress: progress,
		Warn: func(err error) { p.voice.Warningf("%v", err) },
	})
	if err != nil {
		return nil, &cli.UsageError{Command: buildpackPackage, Err: err}
	}
	return destination, nil
}

// checkPackageDests makes sure that destinations can be written to.
func (p *program) checkPackageDests(ctx context.Context, dests []string) error {
	if len(dests) == 0 {
		return &cli.UsageError{Command: buildpackPackage, Err: errors.New("no destination; add -o FILE.cnb")}
	}
	return checkDestinations(ctx, buildpackPackage, dests, p.packageDest)
}

// exportPackage takes images of a package to a destination.
func (p *program) exportPackage(ctx context.Context, part packagePart) (artifact.Artifact, error) {
	live := p.voice.Live("Writing " + part.name)
	defer live.Stop()
	destination, err := p.packageDest(part.name, live.Progress)
	if err != nil {
		return artifact.Artifact{}, err
	}
	made, err := export(ctx, destination, part.images)
	if err != nil {
		return artifact.Artifact{}, &deploy.PackError{Err: err}
	}
	return made, nil
}

// packageOutputs tells what a package is written to, which must not become a
// part of the next one.
func packageOutputs(dests []string) func(file string) bool {
	var files, stems []string
	for _, dest := range dests {
		paths := outputs([]string{dest})
		if isCNBFile(dest) {
			paths = []string{dest}
		}
		for _, path := range paths {
			absolute, err := filepath.Abs(path)
			if err != nil {
				continue
			}
			files = append(files, absolute)
			if isCNBFile(dest) {
				stems = append(stems, strings.TrimSuffix(absolute, cnbSuffix)+"-linux")
			}
		}
	}
	return func(file string) bool {
		return slices.Contains(files, file) || strings.HasSuffix(file, cnbSuffix) &&
			slices.ContainsFunc(stems, func(stem string) bool { return strings.HasPrefix(file, stem) })
	}
}
