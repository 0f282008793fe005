package lifecycle

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/slugc/slugc/build"
	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/lifecycle/cache"
	"github.com/slugc/slugc/build/lifecycle/files"
	"github.com/slugc/slugc/build/lifecycle/platform"
	"github.com/slugc/slugc/build/lifecycle/target"
	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/build/oci/assemble"
	"github.com/slugc/slugc/build/pack"
	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/stack/launch"
	"github.com/slugc/slugc/stack/sandbox"
)

// Exporter makes an image of what was built, and keeps for the next build what its
// buildpacks want kept (CNB Platform API, "exporter").
type Exporter struct {
	API         platform.API
	App, Layers string
	Group       []files.Element
	Analyzed    files.Analyzed
	Target      target.Target
	// RunImage is the image to stand on, and RunImages its names for a rebase.
	RunImage  string
	RunImages files.RunImages
	// Names are those that the image is to have.
	Names    []string
	Launcher Launcher
	// Process is the default process type; when empty, that of the buildpacks.
	Process, ExecEnv string
	Project          oci.ProjectMetadata
	// SourceDate is the image's time of creation, in seconds since 1970; pack.Epoch
	// when empty, or no such number.
	SourceDate string
	UID, GID   int
	// Extended is where extenders of the run image leave their image; empty for
	// nowhere.
	Extended string
	// Known are restored layers, by <buildpack>:<layer>.
	Known map[string]Known
	// Cache keeps layers for the next build; nil for none.
	Cache cache.Cache
	// Temp is a directory for layers in the making.
	Temp string
	Log  *platform.Log
}

// Launcher is the program that starts the processes of an image.
type Launcher struct {
	// File is the program.
	File string
	// SBOMDir is where its SBOM files are: launcher.sbom.* in the directory of the
	// lifecycle, which it is when empty, and all SBOM files of any other.
	SBOMDir string
	// Version is that of the lifecycle that brings it, for the label of the build.
	Version string
}

// The lifecycle is a buildpack of that name where its layers are concerned.
const (
	ownID     = "buildpacksio/lifecycle"
	cacheSBOM = "cache.sbom"
)

// maxLauncher bounds the launcher, in bytes.
const maxLauncher = 64 << 20

// Run exports the image and, beside its way to the target, the cache, which counts
// only once the image is there. Trouble with the cache is a warning. Its errors are
// of class ExportError, and of class Generic where an extended image is missing.
func (e Exporter) Run(ctx context.Context) (files.Report, error) {
	report, err := e.run(ctx)
	if failed, ok := errors.AsType[*Failure](err); ok {
		return files.Report{}, failed
	}
	if err != nil {
		return files.Report{}, &Failure{"export", ExportError, err}
	}
	return report, nil
}

func (e Exporter) run(ctx context.Context) (report files.Report, err error) {
	stop := e.Log.Timer("Exporter")
	x := export{Exporter: e, saved: make(chan struct{})}
	defer x.forget()
	if name := x.named(e.Names[0]); name != e.Names[0] {
		e.Log.Infof("Using app image: %s", name)
	}
	image, err := x.image(ctx)
	if err != nil {
		stop()
		return report, err
	}
	group, both := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		defer stop()
		if report, err = x.save(both, image); err == nil {
			close(x.saved)
		}
		return err
	})
	if e.Cache != nil {
		group.Go(func() error {
			defer e.Log.Timer("Cache")()
			if err := x.cache(both); err != nil && both.Err() == nil {
				e.Log.Warnf("Failed to export cache: %v", err)
			}
			return context.Cause(ctx)
		})
	}
	return report, group.Wait()
}

// export is an export under way.
type export struct {
	Exporter
	// saved is closed when the image has its names.
	saved chan struct{}
	// metadata is that of the build.
	metadata files.BuildMetadata
	// tree is what was built.
	tree artifact.Tree
	// unchanged are layers that were restored and are still the same.
	unchanged map[string]string
	// segments are the layers that were packed, by name.
	segments map[string]artifact.Segment
	keeping
}

// image makes the image.
func (x *export) image(ctx context.Context) (image oci.Image, err error) {
	previous, err := x.previous(ctx)
	if err != nil {
		return image, err
	}
	created := x.created()
	if x.metadata, err = files.ReadBuildMetadata(x.Layers); err != nil {
		return image, fmt.Errorf("read build metadata: %w", err)
	}
	if err := x.ownSBOM(); err != nil {
		return image, fmt.Errorf("failed to copy buildpacksio SBOMs: %w", err)
	}
	if x.tree, err = readTree(x.Layers, x.App, x.Group, x.metadata); err != nil {
		return image, err
	}
	if x.Process != "" {
		if _, there := x.tree.Metadata.Find(x.Process); !there {
			return image, fmt.Errorf("determining entrypoint: tried to set %s to default but it doesn't exist", x.Process)
		}
	}
	restored := make(map[string]pack.Index, len(x.Known))
	for id, known := range x.Known {
		restored[id] = known.Index
	}
	walked, err := build.Walk(ctx, x.tree, nil, restored)
	if err != nil {
		return image, err
	}
	x.recall()
	x.compare(walked)
	recipe, err := x.recipe(ctx, walked, previous)
	if err != nil {
		return image, err
	}
	recipe.Created = created
	if err := x.pack(ctx, recipe, walked); err != nil {
		return image, err
	}
	if image, err = recipe.Assemble(x.packed()); err != nil {
		return image, err
	}
	x.say(image)
	return image, nil
}

// compare finds the layers that are as they were restored.
func (x *export) compare(walked build.Walked) {
	x.unchanged = map[string]string{}
	for id, index := range walked.Layers {
		if known, restored := x.Known[id]; restored && index.Unchanged(known.Index) {
			x.unchanged[id] = known.DiffID
		}
	}
}

// recipe is the image. A layer that did not change and that the previous image has
// is taken from there, unread.
func (x *export) recipe(ctx context.Context, walked build.Walked, previous oci.Previous) (assemble.Recipe, error) {
	run, err := x.Target.Find(ctx, x.RunImage)
	if err == nil && !run.There {
		err = errors.New("there is no such image")
	}
	if err != nil {
		return assemble.Recipe{}, fmt.Errorf("get run image %s: %w", x.RunImage, err)
	}
	base := run.Base
	base.Reference, base.Name, base.Mirrors = run.ID, x.RunImages.Image, x.RunImages.Mirrors
	launcher, err := sandbox.ReadFile(x.Launcher.File, maxLauncher)
	if err != nil {
		return assemble.Recipe{}, fmt.Errorf("creating launcher layers: %w", err)
	}
	info := oci.LauncherInfo{Version: x.Launcher.Version}
	label, err := x.metadata.Label(info, x.API.CommandList, !x.API.LegacyBOMFiles)
	if err != nil {
		return assemble.Recipe{}, err
	}
	r := assemble.Recipe{
		Base: base, Tree: x.tree, AppIndex: walked.App, Process: x.Process, Project: x.Project, PlatformAPI: x.API.Version,
		Launcher: assemble.Launcher{Content: launcher, Info: info},
		Owner:    &oci.Owner{UID: x.UID, GID: x.GID}, Parent: parent, ConfigDir: filepath.Join(x.Layers, "config"),
		Warn:      func(err error) { x.Log.Warnf("%v", err) },
		Lifecycle: &assemble.Lifecycle{NoHistory: !x.API.History, StackNames: !x.API.RunTOML, NoSBOM: !x.API.SBOM, Build: label},
	}
	if x.API.ExecEnv {
		r.ExecEnv = x.ExecEnv
	}
	if r.Extension, err = x.extension(ctx); err != nil {
		return assemble.Recipe{}, err
	}
	if previous.Image != nil {
		r.Previous, r.PreviousMetadata = previous.Image, &previous.Metadata
	}
	r.Tree.LaunchLayers = slices.Clone(x.tree.LaunchLayers)
	for i, l := range r.Tree.LaunchLayers {
		old, there := previous.Layer(l.Buildpack, l.Name)
		switch {
		case there && old.SHA == x.unchanged[l.ID()]:
			r.Tree.LaunchLayers[i].Dir.Host = ""
		case l.Dir.Host != "" || there:
		case l.Cache:
			return assemble.Recipe{}, fmt.Errorf("layer '%s' is cache=true but has no contents", l.ID())
		case old.SHA == "":
			return assemble.Recipe{}, fmt.Errorf("cannot reuse '%s', previous image has no metadata for layer '%s'", l.ID(), l.ID())
		default:
			return assemble.Recipe{}, fmt.Errorf("reusing layer: '%s': the previous image does not have the layer %s any more: build again with an empty cache", l.ID(), old.SHA)
		}
	}
	return r, nil
}

// previous is the image that the analyzer found, with what it said then. One that
// is gone has no layers.
func (x *export) previous(ctx context.Context) (oci.Previous, error) {
	known := x.Analyzed.Metadata.Label()
	none := oci.Previous{Metadata: known}
	reference := x.Analyzed.Previous()
	if reference == "" {
		return none, nil
	}
	x.Log.Infof("Reusing layers from image '%s'", x.named(reference))
	found, err := x.Target.Find(ctx, reference)
	if err != nil || !found.There {
		return none, err
	}
	previous, err := oci.PreviousWith(found.Image, known)
	if err != nil {
		x.Log.Debugf("%v", err)
		return none, nil
	}
	return previous, nil
}

// created is the image's time of creation, the zero time where nobody gave one.
func (x *export) created() time.Time {
	if x.SourceDate == "" {
		return time.Time{}
	}
	seconds, err := strconv.ParseInt(x.SourceDate, 10, 64)
	if err != nil {
		x.Log.Warnf("Ignoring invalid SOURCE_DATE_EPOCH")
		return time.Time{}
	}
	return time.Unix(seconds, 0)
}

// named is what messages call an image.
func (x *export) named(image string) string {
	if namer, ok := x.Target.(target.Namer); ok {
		return namer.Named(image)
	}
	return image
}

// packed are the segments. Those for the cache alone go into no image.
func (x *export) packed() [][]artifact.Segment {
	var all [][]artifact.Segment
	for _, segment := range x.segments {
		all = append(all, []artifact.Segment{segment})
	}
	return all
}

// parent is a directory above a layer as it is.
func parent(path string) (pack.Parent, error) {
	info, err := os.Stat(path)
	if err != nil {
		return pack.Parent{}, err
	}
	p := pack.Parent{Name: path, Mode: info.Mode()}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		p.UID, p.GID = int(stat.Uid), int(stat.Gid)
	}
	return p, nil
}

// say tells which layers are new, in the words that platforms know.
func (x *export) say(image oci.Image) {
	before := x.Analyzed.Metadata
	old := map[string]string{
		oci.LauncherPart: before.Launcher.SHA, oci.ConfigPart: before.Config.SHA, oci.ProcessTypesPart: before.ProcessTypes.SHA,
	}
	if before.SBOM != nil {
		old[oci.SBOMPart] = before.SBOM.SHA
	}
	for _, b := range before.Buildpacks {
		for name, l := range b.Layers {
			old[buildpacks.Layer{Buildpack: b.ID, Name: name}.ID()] = l.SHA
		}
	}
	names := map[string]string{
		oci.LauncherPart: ownID + ":launcher", oci.ConfigPart: ownID + ":config", oci.ProcessTypesPart: ownID + ":process-types", oci.SBOMPart: ownID + ":launch.sbom",
	}
	app, reused, said := 0, 0, false
	for _, s := range image.Segments {
		if s.Name == oci.AppPart || isSlice(s.Name) {
			app++
			if slices.Contains(before.App, files.Layer{SHA: s.DiffID}) {
				reused++
			}
			continue
		}
		if app > 0 && !said {
			said = true
			x.sayApp(app, reused)
		}
		name := s.Name
		if own, is := names[name]; is {
			name = own
		}
		if old[s.Name] == s.DiffID {
			x.Log.Infof("Reusing layer '%s'", name)
		} else {
			x.Log.Infof("Adding layer '%s'", name)
		}
		x.Log.Debugf("Layer '%s' SHA: %s", name, s.DiffID)
	}
	for _, label := range []string{oci.LifecycleLabel, oci.BuildLabel, oci.ProjectLabel} {
		x.Log.Infof("Adding label '%s'", label)
	}
	for _, label := range x.metadata.Labels {
		x.Log.Infof("Adding label '%s'", label.Key)
	}
	if x.API.ExecEnv && x.ExecEnv != "" {
		x.Log.Infof("Adding label '%s'", oci.ExecEnvLabel)
	}
	switch process := cmp.Or(x.Process, x.metadata.DefaultProcess); process {
	case "":
		x.Log.Infof("no default process type")
	default:
		x.Log.Infof("Setting default process type '%s'", process)
	}
}

func (x *export) sayApp(app, reused int) {
	if reused > 0 {
		x.Log.Infof("Reused %d/%d app layer(s)", reused, app)
	}
	if added := app - reused; added > 0 {
		x.Log.Infof("Added %d/%d app layer(s)", added, app)
	}
}

// isSlice reports whether a part of an image is a slice of the app.
func isSlice(name string) bool { return strings.HasPrefix(name, oci.AppPart+" slice ") }

// save gives the image its names, and reports.
func (x *export) save(ctx context.Context, image oci.Image) (files.Report, error) {
	saved, err := save(ctx, x.Target, image, x.Names, x.Log)
	if err != nil {
		return files.Report{}, err
	}
	bom, err := x.buildBOM()
	return files.Report{Build: files.ReportBuild{BOM: bom}, Image: saved}, err
}

// save gives an image its names. It fails when the image did not get all of them.
func save(ctx context.Context, to target.Target, image oci.Image, names []string, log *platform.Log) (files.ReportImage, error) {
	first := names[0]
	if namer, ok := to.(target.Namer); ok {
		first = namer.Named(first)
	}
	defer log.Timer("Saving " + first + "...")()
	log.Infof("Saving %s...", first)
	saved, err := to.Export(ctx, image, names)
	if err != nil {
		return files.ReportImage{}, fmt.Errorf("saving image: %w", err)
	}
	log.Infof("*** Images (%s):", saved.Short())
	report := files.ReportImage{Digest: saved.Digest, ImageID: saved.ID, ManifestSize: saved.ManifestSize}
	var refused []string
	for _, name := range saved.Names {
		if name.Err != nil {
			log.Infof("      %s - %v", name.Name, name.Err)
			refused = append(refused, fmt.Sprintf("[%s: %v]", name.Name, name.Err))
			continue
		}
		log.Infof("      %s", name.Name)
		report.Tags = append(report.Tags, name.Name)
	}
	switch {
	case saved.ID != "":
		log.Debugf("\n*** Image ID: %s", saved.ID)
	case saved.Digest != "":
		log.Debugf("\n*** Digest: %s", saved.Digest)
	}
	if saved.ManifestSize != 0 {
		log.Debugf("\n*** Manifest Size: %d", saved.ManifestSize)
	}
	if len(refused) > 0 {
		return files.ReportImage{}, fmt.Errorf("failed to write image to the following tags: %s", strings.Join(refused, ","))
	}
	return report, nil
}

// buildBOM is the bom tables of build.toml files, for old APIs.
func (x *export) buildBOM() ([]files.BOMEntry, error) {
	if x.API.LegacyBOMFiles {
		return nil, nil
	}
	var all []files.BOMEntry
	for _, b := range x.Group {
		own, err := files.ReadBuildBOM(filepath.Join(x.Layers, launch.EscapeID(b.ID), "build.toml"))
		if err != nil {
			return nil, err
		}
		for _, entry := range own {
			entry.Buildpack = files.Element{ID: b.ID, Version: b.Version, Extension: b.Extension, Optional: b.Optional}
			all = append(all, entry)
		}
	}
	return all, nil
}
