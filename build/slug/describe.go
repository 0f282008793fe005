package slug

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/slugc/slugc/build/pack"
	"github.com/slugc/slugc/build/sbom"
	"github.com/slugc/slugc/stack/launch"
)

// layersDir is where slugc keeps the layers of a slug, below the app.
const layersDir = ".slugc/layers"

// sbomDir is where the SBOM files for launch are, below the app.
const sbomDir = layersDir + "/sbom/launch"

// appJSON is where an app describes itself to a platform.
const appJSON = "app.json"

// Description is what there is to know about a slug.
type Description struct {
	// Digest is the sha256 of the file, as "sha256:<hex>".
	Digest string `json:"digest"`
	// Size and Unpacked are the bytes of the file, and of the files in it.
	Size     int64 `json:"size"`
	Unpacked int64 `json:"unpacked"`
	Files    int   `json:"files"`
	// Stack is the id of what it was built on.
	Stack string `json:"stack,omitempty"`
	// Directory is the directory of it that is the app, empty where that is all.
	Directory string `json:"directory,omitempty"`
	// Processes and Buildpacks are those of the build; a slug that another
	// tool made has neither.
	DefaultProcess string             `json:"default_process,omitempty"`
	Processes      []launch.Process   `json:"processes"`
	Buildpacks     []launch.Buildpack `json:"buildpacks"`
	// Packages are what the buildpacks brought, as far as they say.
	Packages []sbom.Package `json:"packages,omitempty"`
	// Layers are the layers by id with the bytes in them; the rest is the app.
	Layers []LayerSize `json:"layers"`
	// Procfile is the app's, if it has one.
	Procfile string `json:"procfile,omitempty"`
	// AppJSON is the app.json at the top of the slug, if it has one.
	AppJSON string `json:"-"`
	// Biggest are the ten biggest directories.
	Biggest []pack.DirSize `json:"biggest"`
}

// LayerSize is a layer and the bytes of its files.
type LayerSize struct {
	Name string `json:"name"`
	Size int64  `json:"size"`
}

// Describe reads a slug and says what is in it.
func Describe(ctx context.Context, file string, limits Limits) (Description, error) {
	metadataFile := path.Join(layersDir, "config", "metadata.toml")
	contents, err := Inspect(ctx, file, limits, metadataFile, stackFile, appFile, "Procfile", appJSON, sbomDir+"/")
	if err != nil {
		return Description{}, err
	}
	d := Description{
		Unpacked: contents.Index.Size(), Files: contents.Index.Files(),
		Biggest:  contents.Index.Biggest(bigDirs),
		Procfile: string(contents.Files["Procfile"]), AppJSON: string(contents.Files[appJSON]),
	}
	if d.Digest, d.Size, err = digest(file); err != nil {
		return Description{}, err
	}
	if text, ok := contents.Files[metadataFile]; ok {
		metadata, err := launch.ParseMetadata(text)
		if err != nil {
			return Description{}, &FileError{file, fmt.Errorf("its process types: %w", err)}
		}
		d.DefaultProcess, d.Processes, d.Buildpacks = metadata.DefaultProcess, metadata.Processes, metadata.Buildpacks
	}
	if text, ok := contents.Files[stackFile]; ok {
		on, err := parseStackNote(text)
		if err != nil {
			return Description{}, &FileError{file, err}
		}
		d.Stack = on.ID
	}
	if d.Directory, err = parseAppNote(contents.Files[appFile]); err != nil {
		return Description{}, &FileError{file, err}
	}
	d.Layers = layerSizes(contents.Index, d.Buildpacks)
	bills, ids := map[string][]byte{}, []string{}
	for name, text := range contents.Files {
		if rest, inside := strings.CutPrefix(name, sbomDir+"/"); inside {
			bills[rest] = text
		}
	}
	for _, b := range d.Buildpacks {
		ids = append(ids, b.ID)
	}
	if d.Packages, err = sbom.Packages(bills, ids); err != nil {
		return Description{}, &FileError{file, err}
	}
	return d, nil
}

// layerSizes adds up the files of each layer, and of the app.
func layerSizes(index pack.Index, by []launch.Buildpack) []LayerSize {
	ids := map[string]string{}
	for _, b := range by {
		ids[launch.EscapeID(b.ID)] = b.ID
	}
	sizes := map[string]int64{}
	var names []string
	for _, e := range index {
		name := appName
		if rest, inside := strings.CutPrefix(e.Path, layersDir+"/"); inside {
			parts := strings.SplitN(rest, "/", 3)
			if ids[parts[0]] == "" || len(parts) < 3 {
				continue
			}
			name = ids[parts[0]] + ":" + parts[1]
		}
		if _, seen := sizes[name]; !seen {
			names = append(names, name)
		}
		sizes[name] += e.Size
	}
	slices.Sort(names)
	layers := make([]LayerSize, len(names))
	for i, name := range names {
		layers[i] = LayerSize{name, sizes[name]}
	}
	return layers
}

func digest(file string) (sum string, size int64, err error) {
	f, err := open(file)
	if err != nil {
		return "", 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	hash := sha256.New()
	if size, err = io.Copy(hash, f); err != nil {
		return "", 0, fmt.Errorf("reading the slug: %w", err)
	}
	return "sha256:" + hex.EncodeToString(hash.Sum(nil)), size, nil
}
