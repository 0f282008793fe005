package assemble

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/build/pack"
	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/stack/launch"
)

// imageLevel is the gzip level of layers. Most of them are pushed once and
// pulled by machines that have most of the image, so that the time of the build
// counts for more than a sixth of the size; registries, Docker and the
// reference lifecycle choose so too.
const imageLevel = 1

// Jobs returns what has to be packed for the image, in the order of its
// layers: launch layers, the launch SBOM, the app, which is several layers if
// buildpacks want slices, the launcher, its configuration, the links of the
// process types (CNB Platform API, "Exporter"). Each job has one shape. Jobs
// reads no more of the disk than the SBOM. It warns with a
// *DepthError of an image of more layers than Docker runs.
func (r Recipe) Jobs() ([]pack.Job, error) {
	owner, err := r.owner()
	if err != nil {
		return nil, err
	}
	if err := r.Launcher.check(r.Base.Target); err != nil {
		return nil, err
	}
	p := planner{recipe: r, owner: owner}
	for _, layer := range r.Tree.LaunchLayers {
		if layer.Dir.Host == "" {
			continue
		}
		if err := p.dir(layer.ID(), layer.Dir); err != nil {
			return nil, err
		}
	}
	for _, add := range []func() error{p.sbom, p.app, p.launcher, p.config, p.processTypes} {
		if err := add(); err != nil {
			return nil, err
		}
	}
	return p.jobs, nil
}

// planner gathers the jobs of an image.
type planner struct {
	recipe Recipe
	owner  oci.Owner
	jobs   []pack.Job
}

// add adds a part whose root is at a path of the image, below parents.
func (p *planner) add(part pack.Part, at string, parents []pack.Parent, owner oci.Owner, root bool) {
	p.jobs = append(p.jobs, pack.Job{Part: part, Shapes: []pack.Shape{{
		Name: "oci", Level: imageLevel, Prefix: at, UID: owner.UID, GID: owner.GID, ModTime: pack.Epoch(),
		Parents: parents, Root: root, Trailer: true,
	}}})
}

// dir adds a directory with everything in it.
func (p *planner) dir(name string, dir buildpacks.Dir) error {
	parents, err := p.parents(dir.Path)
	if err != nil {
		return err
	}
	p.add(pack.Part{Name: name, Dir: dir.Host}, dir.Path, parents, p.owner, true)
	return nil
}

// sbom adds the SBOM for launch, if there is one.
func (p *planner) sbom() error {
	if lifecycle := p.recipe.Lifecycle; lifecycle != nil && lifecycle.NoSBOM {
		return nil
	}
	dir := p.recipe.Tree.LaunchSBOM()
	files, err := pack.ReadFiles(dir.Host)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the SBOM: %w", err)
	}
	if !files[0].Mode.IsDir() {
		return fmt.Errorf("reading the SBOM: %s is not a directory", dir.Host)
	}
	parents, err := p.parents(dir.Path)
	if err != nil {
		return err
	}
	p.add(pack.Part{Name: oci.SBOMPart, Files: files}, dir.Path, parents, p.owner, true)
	return nil
}

// app adds the app without the layers, which may lie in it. The directory of
// the app is like the parents of other layers, so that it is the same in all
// of them.
func (p *planner) app() error {
	tree := p.recipe.Tree
	parents, err := p.parents(path.Join(tree.App.Path, "entry"))
	if err != nil {
		return err
	}
	globs, err := p.slices()
	if err != nil {
		return err
	}
	part := pack.Part{Name: oci.AppPart, Dir: tree.App.Host}
	layers, inside := strings.CutPrefix(tree.Layers.Path, tree.App.Path+"/")
	if inside {
		part.Exclude = func(rel string, _ bool) bool { return rel == layers }
	}
	if p.recipe.AppIndex != nil {
		part.Exclude = nil
		part.Index = p.recipe.AppIndex.Select(func(e pack.Entry) bool {
			return !inside || e.Path != layers && !strings.HasPrefix(e.Path, layers+"/")
		})
	}
	if len(globs) > 0 {
		return p.appSlices(part, globs, parents)
	}
	p.add(part, tree.App.Path, parents, p.owner, false)
	return nil
}

// appSlices adds the app as several layers.
func (p *planner) appSlices(app pack.Part, globs [][]string, parents []pack.Parent) error {
	if app.Index == nil {
		return errors.New("slicing the app: the recipe has no index of it")
	}
	divided, err := divide(app.Index, globs)
	if err != nil {
		return err
	}
	for i, index := range divided {
		part, above := pack.Part{Name: oci.SlicePart(i + 1), Dir: app.Dir, Index: index}, parents
		if len(index) == 0 {
			// The reference writes nothing at all, directories above included.
			part.Dir, part.Index, above = "", nil, nil
		}
		p.add(part, p.recipe.Tree.App.Path, above, p.owner, false)
	}
	return nil
}

// has says whether a part is planned.
func (p *planner) has(name string) bool {
	return slices.ContainsFunc(p.jobs, func(job pack.Job) bool { return job.Part.Name == name })
}

// launcher adds the launcher, which belongs to root.
func (p *planner) launcher() error {
	p.add(pack.Part{Name: oci.LauncherPart, Files: []pack.File{{
		Path: path.Base(launch.LauncherPath), Mode: 0o755, Content: p.recipe.Launcher.Content, Gzip: p.recipe.Launcher.Gzip,
	}}}, launch.LifecycleDir, rootDirs(launch.LifecycleDir), oci.Owner{}, false)
	return nil
}

// config adds the metadata for the launcher.
func (p *planner) config() error {
	file := launch.MetadataPath(p.recipe.Tree.Layers.Path)
	if p.recipe.ConfigDir != "" {
		return p.dir(oci.ConfigPart, buildpacks.Dir{Host: p.recipe.ConfigDir, Path: path.Dir(file)})
	}
	parents, err := p.parents(file)
	if err != nil {
		return err
	}
	var content bytes.Buffer
	if err := launch.WriteMetadata(&content, p.recipe.Tree.Metadata); err != nil {
		return fmt.Errorf("writing the launch metadata: %w", err)
	}
	p.add(pack.Part{Name: oci.ConfigPart, Files: []pack.File{{
		Path: path.Base(file), Mode: 0o644, Content: content.Bytes(),
	}}}, path.Dir(file), parents, p.owner, false)
	return nil
}

// processTypes adds a link to the launcher for each process type.
func (p *planner) processTypes() error {
	const forbidden = `/><:|&\`
	var links []pack.File
	seen := map[string]bool{}
	for _, process := range p.recipe.Tree.Metadata.Processes {
		switch {
		case process.Type == "" || process.Type == "." || process.Type == "..":
			return fmt.Errorf("process type %q: expected a name", process.Type)
		case strings.ContainsAny(process.Type, forbidden+"\x00"):
			return fmt.Errorf("process type %q: expected none of the characters %s", process.Type, forbidden)
		case seen[process.Type]:
			continue
		}
		seen[process.Type] = true
		links = append(links, pack.File{Path: process.Type, Mode: fs.ModeSymlink | 0o755, Link: launch.LauncherPath})
	}
	if len(links) > 0 {
		p.add(pack.Part{Name: oci.ProcessTypesPart, Files: links}, launch.ProcessDir, rootDirs(launch.ProcessDir), oci.Owner{}, false)
	}
	return nil
}

// parents are the directories above a path, from the top.
func (p *planner) parents(file string) ([]pack.Parent, error) {
	var parents []pack.Parent
	for _, dir := range above(file) {
		parent := pack.Parent{Name: dir, Mode: fs.ModeDir | 0o755}
		own := p.own(dir)
		if p.recipe.Parent != nil {
			var err error
			if parent, err = p.recipe.Parent(dir); err != nil {
				return nil, fmt.Errorf("the directory %s of the image: %w", dir, err)
			}
			// Parents keep their owners, but the roots of app and
			// configuration are entries like those below them.
			own = dir == p.recipe.Tree.App.Path || dir == path.Dir(launch.MetadataPath(p.recipe.Tree.Layers.Path))
		}
		if own {
			parent.UID, parent.GID = p.owner.UID, p.owner.GID
		}
		parents = append(parents, parent)
	}
	return parents, nil
}

// own says whether a directory belongs to the user of the app.
func (p *planner) own(dir string) bool {
	for _, top := range []string{p.recipe.Tree.App.Path, p.recipe.Tree.Layers.Path} {
		if dir == top || strings.HasPrefix(dir, top+"/") {
			return true
		}
	}
	return false
}

// rootDirs are a directory and those above it, all of root.
func rootDirs(dir string) []pack.Parent {
	var parents []pack.Parent
	for _, name := range above(dir + "/entry") {
		parents = append(parents, pack.Parent{Name: name, Mode: fs.ModeDir | 0o755})
	}
	return parents
}

// above are the directories above an absolute path, from the top, the root
// directory left out.
func above(file string) []string {
	var dirs []string
	for dir := path.Dir(file); dir != "/" && dir != "."; dir = path.Dir(dir) {
		dirs = append([]string{dir}, dirs...)
	}
	return dirs
}
