package nodejs

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/language/layer"
	"github.com/slugc/slugc/buildpacks/language/version"
	"github.com/slugc/slugc/buildpacks/runtime/npm"
	"github.com/slugc/slugc/stack/download"
)

// managerTool is the package manager of an app as a layer, none for npm.
type managerTool struct {
	manifest npm.Manifest
	layer    libcnb.Layer
}

// manages tells whether the app has another package manager than npm.
func (a *app) manages() bool { return a.choice.manager != npmManager }

// lockForm is the form of the app's lock file, as buildpack.toml knows it.
func (a *app) lockForm() string {
	if a.lock != nil {
		return a.lock.Form()
	}
	if a.choice.manager == yarnManager && (a.yarn.isBerry() || a.lockCommand() != lockCommand(yarnManager, false)) {
		return "10"
	}
	if a.choice.manager == yarnManager {
		return "1"
	}
	return ""
}

// resolveManager settles the version of the app's package manager: the one that
// it asks for, else the usual one for its lock file.
func (b *build) resolveManager(ctx context.Context, a app) (npm.Manifest, version.Asked, error) {
	line := b.releases.manager(a.choice.manager, a.lockForm())
	title := a.choice.manager.title()
	asked := a.choice.asked
	text := asked.Text
	if text == "" {
		text = line.Default
		asked = version.Asked{Name: "the default"}
		if a.choice.lock != "" {
			asked.Name = "the one for " + a.choice.lock
		}
	}
	hint := fmt.Sprintf("ask for one that exists:\n  npm pkg set packageManager=%s@VERSION", a.choice.manager)
	wanted, err := npm.ParseRange(text)
	if err != nil {
		return npm.Manifest{}, asked, appfile.Error("%s does not say which %s to use\n%w\n%s", asked, title, err, hint)
	}
	preferred, err := npm.ParseRange(line.Default)
	if err != nil {
		return npm.Manifest{}, asked, fmt.Errorf("reading buildpack.toml: %w", err)
	}
	m, err := b.answer(ctx, title, b.packageFor(line.Package), wanted, preferred)
	if missing, is := errors.AsType[*npm.MissingError](err); is {
		return npm.Manifest{}, asked, appfile.Error("%s %s does not exist in %s; nearest are %s\n%s asks for it\n%s",
			title, missing.Range, missing.Registry, strings.Join(missing.Nearest, ", "), asked.Source(), hint)
	}
	if err != nil {
		return npm.Manifest{}, asked, fmt.Errorf("settling the version of %s: %w", title, err)
	}
	return m, asked, nil
}

// answer asks the registry for a version, or what it said before.
func (b *build) answer(ctx context.Context, title, name string, wanted npm.Range, preferred ...npm.Range) (npm.Manifest, error) {
	m, stale, err := b.answers.Resolve(ctx, b.registry, name, wanted, preferred...)
	if err == nil && stale != nil {
		b.Print.Warn("The registry cannot be asked, so %s is that of the last build", title)
	}
	return m, err
}

// packageFor is the package of the architecture to build for. That of Bun for
// x64 is the one that runs on every processor, since who builds an app need not
// have the processor of who runs it.
func (b *build) packageFor(name string) string {
	if b.Arch == "arm64" && strings.HasPrefix(name, "@oven/") {
		return "@oven/bun-linux-aarch64"
	}
	return name
}

// installManager makes the layer of the app's package manager, laid out as an
// installation prefix.
func (b *build) installManager(ctx context.Context, a app) (managerTool, error) {
	name := string(a.choice.manager)
	slot, err := layer.Open(b.Layers, name, libcnb.LayerTypes{Build: true, Cache: true, Launch: a.launches()}, layout)
	if err != nil {
		return managerTool{}, err
	}
	if a.yarn.path != "" {
		return b.bringYarn(a, slot)
	}
	m, asked, err := b.resolveManager(ctx, a)
	if err != nil {
		return managerTool{}, err
	}
	title := a.choice.manager.title()
	if err := noted(a, &m); err != nil {
		return managerTool{}, err
	}
	inputs := map[string]string{"package": m.Name, "version": m.Version, "integrity": m.Dist.Integrity, "checksum": a.choice.checksum}
	tool := managerTool{manifest: m, layer: slot.Describe(inputs, map[string]string{"asked": asked.String()})}
	kept, why := slot.Keeps(inputs)
	if kept {
		b.Print.Detail("%s %s (%s), from the cache", title, m.Version, asked)
		return tool, nil
	}
	b.Print.Detail("%s %s (%s)", title, m.Version, asked)
	fresh := b.Scratch.Path(name)
	home := filepath.Join(fresh, "share", name)
	if err := os.MkdirAll(filepath.Dir(home), 0o755); err != nil {
		return managerTool{}, fmt.Errorf("installing %s: %w", title, err)
	}
	if a.choice.manager == bunManager {
		// Its document names no command.
		m.Bin = npm.Names{"bun": "bin/bun", "bunx": "bin/bun"}
	}
	selection := download.Selection{MaxFiles: maxRuntimeFiles, MaxBytes: maxRuntimeSize}
	err = b.Download(title, m.Version, why, func(progress func(done, total int64)) error {
		return b.registry.Install(ctx, m, home, selection, progress)
	})
	if err != nil {
		return managerTool{}, err
	}
	if err := b.checkNoted(ctx, a, m, home); err != nil {
		return managerTool{}, err
	}
	if a.choice.manager == pnpmManager && npm.Major(m.Version) >= 12 {
		if err := b.installNativePNPM(ctx, m.Version, home); err != nil {
			return managerTool{}, err
		}
	}
	if err := linkCommands(fresh, home, m.Bin); err != nil {
		return managerTool{}, fmt.Errorf("installing %s: %w", title, err)
	}
	if err := b.Scratch.Replace(slot.Layer.Path, "", fresh); err != nil {
		return managerTool{}, fmt.Errorf("installing %s: %w", title, err)
	}
	b.Whole(tool.layer)
	return tool, nil
}

// linkCommands makes the commands of a package, which lies at home, in the bin of
// a prefix.
func linkCommands(prefix, home string, commands npm.Names) error {
	bin := filepath.Join(prefix, "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return err
	}
	for command, file := range commands {
		if !filepath.IsLocal(command) || !filepath.IsLocal(file) {
			continue
		}
		target, err := filepath.Rel(bin, filepath.Join(home, file))
		if err != nil {
			return err
		}
		if err := os.Symlink(target, filepath.Join(bin, command)); err != nil {
			return err
		}
	}
	return nil
}

// installNativePNPM brings the program of pnpm 12 and later, which is a package
// for each system, in the place of what looks for it.
func (b *build) installNativePNPM(ctx context.Context, number, home string) error {
	exact, err := npm.ParseRange(number)
	if err != nil {
		return err
	}
	m, err := b.answer(ctx, "pnpm", "@pnpm/exe.linux-"+nodeCPU(b.Arch), exact)
	if err != nil {
		return fmt.Errorf("looking for the program of pnpm %s: %w", number, err)
	}
	m.Bin = npm.Names{"pnpm": "pnpm"}
	part := home + ".program"
	selection := download.Selection{MaxFiles: maxRuntimeFiles, MaxBytes: maxRuntimeSize}
	err = b.Download("the program of pnpm", number, "not in the cache", func(progress func(done, total int64)) error {
		return b.registry.Install(ctx, m, part, selection, progress)
	})
	if err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(part, "pnpm"), filepath.Join(home, "pnpm")); err != nil {
		return fmt.Errorf("installing pnpm: %w", err)
	}
	for _, name := range []string{"pn", "pnpx", "pnx"} {
		file := filepath.Join(home, name)
		if err := errors.Join(os.RemoveAll(file), os.Symlink("pnpm", file)); err != nil {
			return fmt.Errorf("installing pnpm: %w", err)
		}
	}
	return os.RemoveAll(part)
}

// broughtYarn is the name in the layer of a Yarn that an app brings along.
const broughtYarn = "yarn.cjs"

// bringYarn makes the layer of a Yarn that the app brings along.
func (b *build) bringYarn(a app, slot layer.Slot) (managerTool, error) {
	data, err := os.ReadFile(filepath.Join(a.root.dir, a.yarn.path))
	if err != nil {
		return managerTool{}, fmt.Errorf("reading the app's Yarn: %w", err)
	}
	number := a.yarn.pathVersion()
	if number == "" {
		number = "of the app"
	}
	asked := version.Asked{Name: a.yarn.path, File: a.yarn.file}
	if a.choice.asked.Text != "" && !strings.Contains(a.choice.asked.Text, number) {
		b.Print.Detail("Passing over %s: %s comes first, as in Yarn itself", a.choice.asked, asked.Source())
	}
	inputs := map[string]string{"package": a.yarn.path, "version": number, "integrity": layer.Sum(data)}
	tool := managerTool{manifest: npm.Manifest{Name: "yarn", Version: number}, layer: slot.Describe(inputs, nil)}
	// Two of one version may differ.
	tool.manifest.Dist.Integrity = inputs["integrity"]
	if kept, _ := slot.Keeps(inputs); kept {
		b.Print.Detail("Yarn %s (%s), from the cache", number, asked)
		return tool, nil
	}
	b.Print.Detail("Yarn %s (%s)", number, asked)
	fresh := b.Scratch.Path("yarn")
	// Without the right to execute, and without a first line that says who reads
	// it, Node.js can start the file all the same.
	const script = "#!/bin/sh\nexec node \"${0%/*}/../share/yarn/" + broughtYarn + "\" \"$@\"\n"
	err = errors.Join(
		layer.WriteBeside(filepath.Join(fresh, "share", "yarn", broughtYarn), data, 0o644),
		layer.WriteBeside(filepath.Join(fresh, "bin", "yarn"), []byte(script), 0o755),
	)
	if err == nil {
		err = b.Scratch.Replace(slot.Layer.Path, "", fresh)
	}
	if err != nil {
		return managerTool{}, fmt.Errorf("installing Yarn: %w", err)
	}
	return tool, nil
}

// notedSum is the checksum behind the version in packageManager, as corepack
// writes it: "sha512." and hexadecimal digits.
func (c choice) notedSum() (algorithm string, sum []byte, err error) {
	algorithm, digits, found := strings.Cut(c.checksum, ".")
	sum, err = hex.DecodeString(digits)
	if !found || err != nil || newHash(algorithm) == nil || len(sum) != newHash(algorithm).Size() {
		return "", nil, appfile.Error("the checksum behind the version of packageManager in %s cannot be read: %s\n"+
			"expected %s@VERSION+sha512.DIGITS. Note it anew:\n  corepack use %s@%s",
			c.asked.File, c.checksum, c.manager, c.manager, c.asked.Text)
	}
	return algorithm, sum, nil
}

// newHash makes a hash of an algorithm that corepack knows, nil for another.
func newHash(algorithm string) hash.Hash {
	if algorithm == "sha224" {
		return sha256.New224()
	}
	for _, known := range []string{"sha512", "sha384", "sha256", "sha1"} {
		if algorithm == known {
			return download.Integrity{Algorithm: known}.Hash()
		}
	}
	return nil
}

// notesFile tells whether corepack's checksum is that of Yarn's one file, not of
// the package's archive.
func notesFile(a app) bool { return a.choice.manager == yarnManager && a.lockForm() != "1" }

// noted compares the checksum that the app notes for its package manager with
// that of the registry, before anything is downloaded, and has the download
// checked by it. What cannot be known before is left to checkNoted.
func noted(a app, m *npm.Manifest) error {
	if a.choice.checksum == "" || a.choice.manager == bunManager || notesFile(a) {
		return nil
	}
	algorithm, sum, err := a.choice.notedSum()
	if err != nil || algorithm == "sha224" {
		return err
	}
	text := algorithm + "-" + base64.StdEncoding.EncodeToString(sum)
	if published, err := download.ParseIntegrity(m.Dist.Integrity); err == nil && published.Algorithm == algorithm {
		if published.String() != text {
			return wrongSum(a, *m, algorithm, published.Sum)
		}
		return nil
	}
	m.Dist.Integrity = text
	return nil
}

func wrongSum(a app, m npm.Manifest, algorithm string, have []byte) error {
	return appfile.Error("%s %s is not the one that packageManager in %s notes\n"+
		"noted:    %s\nregistry: %s.%s\n"+
		"if you trust the registry, note its checksum:\n  corepack use %s@%s\n  git add %s",
		a.choice.manager.title(), m.Version, a.choice.asked.File, a.choice.checksum, algorithm, hex.EncodeToString(have), a.choice.manager, m.Version, a.choice.asked.File)
}

// checkNoted compares the noted checksum with what was downloaded, where noted
// could not.
func (b *build) checkNoted(ctx context.Context, a app, m npm.Manifest, home string) error {
	if a.choice.checksum == "" {
		return nil
	}
	if a.choice.manager == bunManager {
		b.Print.Warn("Corepack knows no Bun, so nobody can say what the checksum in packageManager is of: it was not compared")
		return nil
	}
	algorithm, sum, err := a.choice.notedSum()
	if err != nil || !notesFile(a) && algorithm != "sha224" {
		return err
	}
	h := newHash(algorithm)
	if notesFile(a) {
		err = hashFile(h, filepath.Join(home, "bin", "yarn.js"))
	} else {
		err = b.registry.Tarball(ctx, m, h)
	}
	if err != nil {
		return err
	}
	if have := h.Sum(nil); string(have) != string(sum) {
		return wrongSum(a, m, algorithm, have)
	}
	return nil
}

func hashFile(h hash.Hash, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("checking what was downloaded: %w", err)
	}
	defer f.Close()
	_, err = io.Copy(h, f)
	return err
}
