package artifact

import (
	"path"
	"path/filepath"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/stack"
	"github.com/slugc/slugc/stack/launch"
)

// Tree is a finished build on disk: the app, its launch layers and what is
// known about them. It does not change once the build has returned it.
type Tree struct {
	// App is the app directory: where it is on this machine, and the absolute
	// path at which processes see it.
	App buildpacks.Dir
	// Subdir is the directory of App in which processes start, with slashes; empty
	// where they start in App.
	Subdir string
	// Layers is the directory of the layers, laid out as
	// <layers>/<buildpack>/<layer>. It may lie within App.
	Layers buildpacks.Dir
	// LaunchLayers are the layers that processes need, in buildpack order,
	// alphabetical within a buildpack.
	LaunchLayers []buildpacks.Layer
	// CacheLayers are the layers that the next build gets back, in the same
	// order; a layer may be both.
	CacheLayers []buildpacks.Layer
	// Metadata are the processes and buildpacks, in build order.
	Metadata launch.Metadata
	// ExecEnv is the execution environment that the tree was built for, such
	// as "production".
	ExecEnv string
	// Slices are patterns (filepath.Match) of paths relative to the app, in
	// buildpack order: what those of a slice match becomes an image layer of its
	// own.
	Slices [][]string
	// SBOM are the files with which the buildpacks say what they brought, in
	// build order; they lie below <layers>/sbom.
	SBOM []buildpacks.SBOM
	// Labels are what buildpacks ask to put on an image; the last one of a
	// key wins.
	Labels []buildpacks.Label
	// Buildpacks are the buildpacks that built the tree, in build order.
	Buildpacks []buildpacks.Descriptor
	// Stores are the persistent metadata of buildpacks (store.toml) by
	// buildpack id.
	Stores map[string]map[string]any
	// Description is what the buildpack of the app's primary language calls it,
	// such as "Node.js"; empty where none says.
	Description string
	// ConfigVars and Addons are what classic buildpacks suggest for the app:
	// variables that processes get where nobody sets them, and services.
	ConfigVars map[string]string
	Addons     []string
	// StackName is what classic buildpacks were told of the stack, by STACK; empty
	// where there were none.
	StackName string
	// Stack is what the tree was built on.
	Stack stack.Stack
}

// AppDir is the directory in which processes start.
func (t Tree) AppDir() buildpacks.Dir { return t.App.Below(t.Subdir) }

// SBOMPart is the name of the part of an artifact that holds the SBOM files for
// launch.
const SBOMPart = "sbom"

// LaunchSBOM is the directory of the SBOM files for launch. It is not there when
// no buildpack has any (CNB Platform API, "Build": SBOM files).
func (t Tree) LaunchSBOM() buildpacks.Dir {
	return buildpacks.Dir{Host: filepath.Join(t.Layers.Host, "sbom", "launch"), Path: path.Join(t.Layers.Path, "sbom", "launch")}
}

// Segment is one part of a tree, packed: a run of gzip members on disk that
// holds a run of tar entries, or those as they are.
type Segment struct {
	// Name says which part of the tree it is: "app", or "<buildpack>:<layer>".
	Name string `json:"name"`
	// DiffID is the sha256 of the uncompressed bytes, as "sha256:<hex>".
	DiffID string `json:"diff_id"`
	// Digest is the sha256 of the compressed bytes, as "sha256:<hex>".
	Digest string `json:"digest"`
	// Size is the number of compressed bytes.
	Size int64 `json:"size"`
	// RawSize is the number of uncompressed bytes.
	RawSize int64 `json:"-"`
	// File holds the compressed bytes.
	File string `json:"-"`
	// Reused says that the bytes were made by an earlier build.
	Reused bool `json:"-"`
}

// Raw says that the bytes are not compressed.
func (s Segment) Raw() bool { return s.Digest == s.DiffID }

// Artifact is one packed, content-addressed Tree.
type Artifact struct {
	// Kind is the transport of the destination: slug, oci, oci-archive,
	// docker, docker-daemon.
	Kind string `json:"kind"`
	// Ref is the destination without its transport.
	Ref string `json:"ref"`
	// Digest is, as "sha256:<hex>", that of a slug's bytes or of an image's
	// manifest; in a Docker daemon it is the id of the image.
	Digest string `json:"digest"`
	// Size is the number of bytes of a slug, or of an image's manifest,
	// config and layers.
	Size int64 `json:"size"`
	// Layers are what the artifact is made of, base layers excepted.
	Layers []Segment `json:"-"`
}
