package lifecycle

import (
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/slugc/slugc/build"
	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/lifecycle/cache"
	"github.com/slugc/slugc/build/lifecycle/files"
	"github.com/slugc/slugc/build/lifecycle/platform"
	"github.com/slugc/slugc/build/lifecycle/target"
	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/build/pack"
	"github.com/slugc/slugc/buildpacks"
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
	// Created is the image's time of creation; pack.Epoch when zero.
	Created  time.Time
	UID, GID int
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
	// File is the program, SBOMDir where the files lifecycle.sbom.* and
	// launcher.sbom.* are.
	File, SBOMDir string
	// Version is in a label.
	Version string
}

// The lifecycle is a buildpack of that name where its layers are concerned.
const (
	ownID     = "buildpacksio/lifecycle"
	cacheSBOM = "cache.sbom"
)

// maxLauncher bounds the launcher, in bytes.
const maxLauncher = 64 << 20

// Run exports the image, and then the cache. Trouble with the cache is a warning.
// Its errors are of class ExportError.
func (e Exporter) Run(ctx context.Context) (files.Report, error) {
	x := export{Exporter: e}
	stop := e.Log.Timer("Exporter")
	report, err := x.image(ctx)
	stop()
	if err != nil {
		return files.Report{}, &Failure{"export", ExportError, err}
	}
	if e.Cache == nil {
		return report, nil
	}
	defer e.Log.Timer("Cache")()
	if err := x.cache(ctx); err != nil {
		if ctx.Err() != nil {
			return files.Report{}, &Failure{"export", ExportError, err}
		}
		e.Log.Warnf("Failed to export cache: %v", err)
	}
	return report, nil
}

// export is an export under way.
type export struct {
	Exporter
	// tree is what was built.
	tree artifact.Tree
	// unchanged are layers that were restored and are still the same.
	unchanged map[string]string
	// segments are the layers that were packed, by name.
	segments map[string]artifact.Segment
}

// image exports the image.
func (x *export) image(ctx context.Context) (files.Report, error) {
	metadata, err := files.ReadBuildMetadata(x.Layers)
	if err != nil {
		return files.Report{}, err
	}
	if err := x.ownSBOM(); err != nil {
		return files.Report{}, err
	}
	if x.tree, err = readTree(x.Layers, x.App, x.Group, metadata); err != nil {
		return files.Report{}, err
	}
	if x.Process != "" {
		if _, there := x.tree.Metadata.Find(x.Process); !there {
			return files.Report{}, fmt.Errorf("determining entrypoint: tried to set %s to default but it doesn't exist", x.Process)
		}
	}
	walked, err := build.Walk(ctx, x.tree, nil)
	if err != nil {
		return files.Report{}, err
	}
	x.compare(walked)
	recipe, err := x.recipe(ctx, walked)
	if err != nil {
		return files.Report{}, err
	}
	if err := x.pack(ctx, recipe, walked); err != nil {
		return files.Report{}, err
	}
	image, err := recipe.Assemble(x.packed())
	if err != nil {
		return files.Report{}, err
	}
	x.say(image, metadata)
	return x.save(ctx, image)
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
func (x *export) recipe(ctx context.Context, walked build.Walked) (oci.Recipe, error) {
	run, err := x.Target.Find(ctx, x.RunImage)
	if err == nil && !run.There {
		err = errors.New("there is no such image")
	}
	if err != nil {
		return oci.Recipe{}, fmt.Errorf("get run image %s: %w", x.RunImage, err)
	}
	base := run.Base
	base.Reference, base.Name, base.Mirrors = run.ID, x.RunImages.Image, x.RunImages.Mirrors
	launcher, err := os.ReadFile(x.Launcher.File)
	if err == nil && len(launcher) > maxLauncher {
		err = fmt.Errorf("%s is larger than %d MiB", x.Launcher.File, maxLauncher>>20)
	}
	if err != nil {
		return oci.Recipe{}, fmt.Errorf("creating launcher layers: %w", err)
	}
	r := oci.Recipe{
		Base: base, Tree: x.tree, AppIndex: walked.App, Process: x.Process, Project: x.Project, PlatformAPI: x.API.Version,
		Launcher: oci.Launcher{Content: launcher, Info: oci.LauncherInfo{Version: x.Launcher.Version}},
		Owner:    &oci.Owner{UID: x.UID, GID: x.GID}, Parent: parent, ConfigDir: filepath.Join(x.Layers, "config"),
		Created: x.Created, Warn: func(err error) { x.Log.Warnf("%v", err) },
	}
	if x.API.ExecEnv {
		r.ExecEnv = x.ExecEnv
	}
	previous, err := x.previous(ctx)
	if err != nil || previous.Image == nil {
		return r, err
	}
	r.Previous = previous.Image
	r.Tree.LaunchLayers = slices.Clone(x.tree.LaunchLayers)
	for i, l := range r.Tree.LaunchLayers {
		if old, there := previous.Layer(l.Buildpack, l.Name); there && old.SHA == x.unchanged[l.ID()] {
			r.Tree.LaunchLayers[i].Dir.Host = ""
		}
	}
	return r, nil
}

// previous is the image that the analyzer found. One that is gone, or says nothing
// of its layers, is none.
func (x *export) previous(ctx context.Context) (oci.Previous, error) {
	reference := x.Analyzed.Previous()
	if reference == "" {
		return oci.Previous{}, nil
	}
	x.Log.Infof("Reusing layers from image '%s'", reference)
	found, err := x.Target.Find(ctx, reference)
	if err != nil || !found.There {
		return oci.Previous{}, err
	}
	previous, err := oci.NewPrevious(found.Image)
	if err != nil {
		x.Log.Debugf("%v", err)
		return oci.Previous{}, nil
	}
	return previous, nil
}

// pack packs what the image lacks and what only the cache wants, in one pass.
func (x *export) pack(ctx context.Context, recipe oci.Recipe, walked build.Walked) error {
	if x.Cache != nil {
		recipe.Tree.LaunchLayers = append(slices.Clone(recipe.Tree.LaunchLayers), x.cacheOnly(recipe)...)
	}
	jobs, err := recipe.Jobs()
	if err != nil {
		return err
	}
	for i, job := range jobs {
		if index, is := walked.Layers[job.Part.Name]; is && job.Part.Dir != "" {
			jobs[i].Part.Index = index
		}
	}
	segments, err := pack.Packer{Temp: x.Temp}.Pack(ctx, jobs)
	if err != nil {
		return err
	}
	x.segments = map[string]artifact.Segment{}
	for _, shapes := range segments {
		x.segments[shapes[0].Name] = shapes[0]
	}
	return nil
}

// cacheOnly are the layers that are packed for the cache alone: those that are not
// packed for the image, and did not come from the cache as they are.
func (x *export) cacheOnly(recipe oci.Recipe) []buildpacks.Layer {
	var only []buildpacks.Layer
	for _, l := range x.tree.CacheLayers {
		inImage := slices.ContainsFunc(recipe.Tree.LaunchLayers, func(own buildpacks.Layer) bool {
			return own.ID() == l.ID() && own.Dir.Host != ""
		})
		if !inImage && x.unchanged[l.ID()] == "" && l.Dir.Host != "" {
			only = append(only, l)
		}
	}
	return append(only, x.sbomForCache()...)
}

// sbomForCache is the layer of SBOM files that the cache keeps, if there is one.
func (x *export) sbomForCache() []buildpacks.Layer {
	dir := filepath.Join(x.Layers, "sbom", "cache")
	if info, err := os.Stat(dir); !x.API.SBOM || err != nil || !info.IsDir() {
		return nil
	}
	return []buildpacks.Layer{{Buildpack: ownID, Name: cacheSBOM, Dir: buildpacks.Dir{Host: dir, Path: dir}}}
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
func (x *export) say(image oci.Image, metadata files.BuildMetadata) {
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
	for _, label := range metadata.Labels {
		x.Log.Infof("Adding label '%s'", label.Key)
	}
	if x.API.ExecEnv && x.ExecEnv != "" {
		x.Log.Infof("Adding label '%s'", oci.ExecEnvLabel)
	}
	switch process := cmp.Or(x.Process, metadata.DefaultProcess); process {
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

// save gives the image its names, and reports.
func (x *export) save(ctx context.Context, image oci.Image) (files.Report, error) {
	defer x.Log.Timer("Saving " + x.Names[0] + "...")()
	x.Log.Infof("Saving %s...", x.Names[0])
	saved, err := x.Target.Export(ctx, image, x.Names)
	if err != nil {
		return files.Report{}, fmt.Errorf("saving image: %w", err)
	}
	x.Log.Infof("*** Images (%s):", cmp.Or(saved.Digest, saved.ID))
	report := files.Report{Image: files.ReportImage{Digest: saved.Digest, ImageID: saved.ID, ManifestSize: saved.ManifestSize}}
	for _, name := range saved.Names {
		if name.Err != nil {
			x.Log.Infof("      %s - %v", name.Name, name.Err)
			err = errors.Join(err, fmt.Errorf("%s: %w", name.Name, name.Err))
			continue
		}
		x.Log.Infof("      %s", name.Name)
		report.Image.Tags = append(report.Image.Tags, name.Name)
	}
	return report, err
}

// ownSBOM puts the SBOM files of lifecycle and launcher to those of the buildpacks.
func (x *export) ownSBOM() error {
	if !x.API.LauncherSBOM {
		return nil
	}
	put := func(component string, to ...string) error {
		for _, format := range []string{"sbom.cdx.json", "sbom.spdx.json", "sbom.syft.json"} {
			name := component + "." + format
			data, err := sandbox.ReadFile(filepath.Join(x.Launcher.SBOMDir, name), maxSBOM)
			if missing(err) {
				x.Log.Warnf("Did not find SBOM %s in %s", name, x.Launcher.SBOMDir)
				continue
			}
			if err != nil {
				return err
			}
			dir := filepath.Join(append([]string{x.Layers, "sbom"}, to...)...)
			if err := os.MkdirAll(dir, 0o777); err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(dir, format), data, 0o666); err != nil {
				return err
			}
		}
		return nil
	}
	if err := put("lifecycle", "build", "buildpacksio_lifecycle"); err != nil {
		return err
	}
	return put("launcher", "launch", "buildpacksio_lifecycle", "launcher")
}

// cache makes the next state of the cache.
func (x *export) cache(ctx context.Context) (err error) {
	before, err := x.Cache.Metadata(ctx)
	if err != nil {
		return fmt.Errorf("metadata for previous cache: %w", err)
	}
	update, err := x.Cache.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, update.Abort()) }()
	var next cache.Metadata
	for _, b := range x.Group {
		layers := oci.BuildpackLayers{ID: b.ID, Version: b.Version, Layers: map[string]oci.LayerMetadata{}}
		for _, l := range x.tree.CacheLayers {
			if l.Buildpack != b.ID {
				continue
			}
			if l.Dir.Host == "" {
				x.Log.Warnf("Failed to cache layer '%s' because it has no contents", l.ID())
				continue
			}
			diffID, err := x.keep(ctx, update, l, before.Buildpack(b.ID).Layers[l.Name].SHA)
			if err != nil {
				x.Log.Warnf("Failed to cache layer '%s': %v", l.ID(), err)
				continue
			}
			layers.Layers[l.Name] = oci.LayerMetadata{
				LayerRef: oci.LayerRef{SHA: diffID}, Data: l.Metadata, Build: l.Build, Launch: l.Launch, Cache: l.Cache,
			}
		}
		next.Buildpacks = append(next.Buildpacks, layers)
	}
	for _, l := range x.sbomForCache() {
		if next.SBOM.SHA, err = x.keep(ctx, update, l, before.SBOM.SHA); err != nil {
			return err
		}
	}
	return update.Commit(ctx, next)
}

// keep puts a layer into the next state, and returns its diffID.
func (x *export) keep(ctx context.Context, update cache.Update, l buildpacks.Layer, before string) (string, error) {
	diffID := x.unchanged[l.ID()]
	segment, packed := x.segments[l.ID()]
	if packed {
		diffID = segment.DiffID
	}
	if diffID == "" {
		return "", errors.New("it has no contents")
	}
	if diffID == before {
		if err := update.Keep(diffID); err == nil || !packed {
			x.Log.Infof("Reusing cache layer '%s'", l.ID())
			return diffID, err
		}
	}
	x.Log.Infof("Adding cache layer '%s'", l.ID())
	file, err := x.raw(ctx, segment)
	if err != nil {
		return "", err
	}
	return diffID, errors.Join(update.Add(ctx, diffID, file), os.Remove(file))
}

// raw unpacks a segment to the tar that it is.
func (x *export) raw(ctx context.Context, segment artifact.Segment) (file string, err error) {
	in, err := os.Open(segment.File)
	if err != nil {
		return "", err
	}
	defer in.Close()
	unpacked, err := gzip.NewReader(in)
	if err != nil {
		return "", err
	}
	out, err := os.CreateTemp(x.Temp, "layer-")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if err := out.Chmod(0o644); err != nil {
		return "", err
	}
	if _, err := io.Copy(out, io.LimitReader(unpacked, segment.RawSize)); err != nil {
		return "", err
	}
	return out.Name(), ctx.Err()
}
