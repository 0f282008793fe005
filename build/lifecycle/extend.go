package lifecycle

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/gzip"

	"github.com/slugc/slugc/build/artifact"
	"github.com/slugc/slugc/build/lifecycle/extend"
	"github.com/slugc/slugc/build/lifecycle/files"
	"github.com/slugc/slugc/build/lifecycle/platform"
	"github.com/slugc/slugc/build/oci"
	"github.com/slugc/slugc/build/oci/assemble"
	"github.com/slugc/slugc/stack/launch"
	"github.com/slugc/slugc/stack/sandbox"
)

// Extender applies the Dockerfiles of extensions to the image that it runs in (CNB
// Platform API, "extender").
type Extender struct {
	API  platform.API
	Kind extend.Kind
	// App, Layers and Platform are directories that are no part of the image.
	App, Layers, Platform string
	// Generated is what the detector left, and Extended where the extended run image
	// goes.
	Generated, Extended string
	// Store has the image, under the reference Image.
	Store      extend.Store
	Image      string
	Extensions []files.Element
	// Kept are the layers of earlier builds; with the age zero nothing is kept.
	Kept extend.Kept
	// Env are variables for commands besides those of the image: proxies.
	Env launch.Env
	// Out gets what commands print.
	Out io.Writer
	Log *platform.Log
}

// Run extends the image and returns its config then. A build image has no more of it
// than what is on disk; a run image becomes an image with new layers below Extended. Its
// errors are of class ExtendError.
func (e Extender) Run(ctx context.Context) (v1.Config, error) {
	x := extending{Extender: e}
	config, err := x.all(ctx)
	err = errors.Join(err, x.clear())
	if err == nil {
		if err := e.Kept.Prune(ctx); err != nil {
			e.Log.Debugf("Removing layers of earlier builds: %v", err)
		}
	}
	if err != nil {
		return v1.Config{}, &Failure{fmt.Sprintf("extend %s image", e.Kind), ExtendError, err}
	}
	return config, nil
}

// extending is an extender at work.
type extending struct {
	Extender
	image  v1.Image
	config *v1.ConfigFile
	// snapshot is the file system when the last layer was made, or nil where it is not
	// known, and temp where layers are made.
	snapshot extend.Snapshot
	temp     string
	ignore   []string
	adds     []mutate.Addendum
	files    []string
	// key is that of all that was done.
	key extend.Key
}

// dockerfile is one that is to be applied.
type dockerfile struct {
	extension, file, context string
	args                     []extend.Argument
}

func (x *extending) all(ctx context.Context) (v1.Config, error) {
	defer x.Log.Timer("Extender")()
	var err error
	if x.image, err = x.Store.Image(x.Image); err != nil {
		return v1.Config{}, fmt.Errorf("getting %s image to extend: %w", x.Kind, err)
	}
	config, err := x.image.ConfigFile()
	if err != nil {
		return v1.Config{}, fmt.Errorf("getting %s image to extend: %w", x.Kind, err)
	}
	x.config = config.DeepCopy()
	if err := x.extend(ctx); err != nil {
		return v1.Config{}, fmt.Errorf("extending %s image: %w", x.Kind, err)
	}
	if x.Kind == extend.Run {
		if err := x.save(); err != nil {
			return v1.Config{}, fmt.Errorf("failed to copy extended image to output directory: %w", err)
		}
	}
	return x.config.Config, nil
}

// extend applies all Dockerfiles.
func (x *extending) extend(ctx context.Context) error {
	all, err := x.dockerfiles()
	if err != nil {
		return fmt.Errorf("getting %s.Dockerfiles: %w", x.Kind, err)
	}
	if len(all) > 0 {
		if err := x.begin(); err != nil {
			return err
		}
	}
	before := x.config.Config.User
	rebasable := true
	for _, d := range all {
		was := userOf(x.config.Config.User)
		if err := x.apply(ctx, d); err != nil {
			return fmt.Errorf("applying Dockerfile to image: %w", err)
		}
		kept, err := strconv.ParseBool(x.config.Config.Labels[rebasableLabel])
		rebasable = rebasable && kept && err == nil
		if user := userOf(x.config.Config.User); isRoot(user) {
			x.Log.Warnf("Extension from %s changed the user ID from %s to %s; this must not be the final user ID (a following extension must reset the user).", d.file, was, user)
		}
	}
	user := userOf(x.config.Config.User)
	if isRoot(user) && x.Kind == extend.Run {
		return errors.New("the final user ID is 0 (root); please add another extension that resets the user to non-root")
	}
	if was := userOf(before); user != was {
		x.Log.Warnf("The original user ID was %s but the final extension left the user ID set to %s.", was, user)
	}
	if len(all) > 0 {
		if x.config.Config.Labels == nil {
			x.config.Config.Labels = map[string]string{}
		}
		x.config.Config.Labels[rebasableLabel] = strconv.FormatBool(rebasable)
	}
	return nil
}

// userOf is the user of a config without the group.
func userOf(text string) string {
	user, _, _ := strings.Cut(text, ":")
	return user
}

func groupOf(text string) string {
	_, group, _ := strings.Cut(text, ":")
	return group
}

func isRoot(user string) bool { return user == "0" || user == "root" }

// dockerfiles are those of the kind, in the order of the extensions.
func (x *extending) dockerfiles() ([]dockerfile, error) {
	var all []dockerfile
	for _, e := range x.Extensions {
		id := launch.EscapeID(e.ID)
		dir := filepath.Join(x.Generated, string(x.Kind), id)
		d := dockerfile{extension: e.ID, file: filepath.Join(dir, "Dockerfile"), context: x.App}
		if x.API.GeneratedPerExtension {
			dir = filepath.Join(x.Generated, id)
			d.file = filepath.Join(dir, x.Kind.File())
			for _, own := range []string{contextDir, contextDir + "." + string(x.Kind)} {
				if isDir(filepath.Join(dir, own)) {
					d.context = filepath.Join(dir, own)
				}
			}
		}
		if _, err := os.Stat(d.file); errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return nil, err
		}
		config, err := readConfig(filepath.Join(dir, configFile))
		if err != nil {
			return nil, err
		}
		d.args = config.Arguments(x.Kind)
		x.Log.Debugf("Found %s Dockerfile for extension '%s'", x.Kind, e.ID)
		all = append(all, d)
	}
	return all, nil
}

// apply applies a Dockerfile.
func (x *extending) apply(ctx context.Context, d dockerfile) error {
	read, err := extend.Read(d.file)
	if err != nil {
		return fmt.Errorf("%s: %w", d.file, err)
	}
	user := x.config.Config.User
	applier := extend.Applier{
		Kind: x.Kind, Context: d.context, Env: x.Env, Out: x.Out, Before: x.key,
		Args: slices.Concat(extend.OwnArguments(newID(), userOf(user), groupOf(user)), d.args),
	}
	// Where nothing is kept, nobody wants to know what changes an image that builds.
	if x.Kind == extend.Run || x.Kept.Age > 0 {
		applier.Skip = func(ctx context.Context, i extend.Instruction, key extend.Key) (bool, error) {
			return x.skip(ctx, d, i, key)
		}
		applier.Changed = func(ctx context.Context, i extend.Instruction, key extend.Key) error {
			return x.changed(ctx, d, i, key)
		}
	}
	x.Log.Debugf("Applying Dockerfile at %s to '%s'...", d.file, x.Image)
	config, key, err := applier.Apply(ctx, read, x.config.Config)
	if err != nil {
		return err
	}
	x.config.Config, x.key = config, key
	return nil
}

// newID names one build and no other: a random UUID (RFC 9562, version 4).
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// begin makes ready for layers.
func (x *extending) begin() error {
	if err := os.MkdirAll(x.Extended, 0o755); err != nil {
		return err
	}
	var err error
	if x.temp, err = os.MkdirTemp(x.Extended, ".slugc-"); err != nil {
		return err
	}
	mounts, err := extend.Mounts()
	if err != nil {
		return err
	}
	x.ignore = append(mounts, x.App, x.Layers, x.Platform, x.Store.Dir, x.Generated, x.Extended, "/proc", "/sys", "/dev", "/var/run")
	digest, err := x.image.Digest()
	x.key = extend.NewKey(string(x.Kind), digest.String())
	return err
}

func (x *extending) clear() error {
	if x.temp == "" {
		return nil
	}
	err := sandbox.Remove(x.temp)
	if x.Kind == extend.Build {
		// The directory is for run images.
		if left := os.Remove(x.Extended); left != nil && !errors.Is(left, syscall.ENOTEMPTY) {
			err = errors.Join(err, left)
		}
	}
	return err
}

// skip does what an instruction did at an earlier build, if that is known; and else it
// looks at the file system as it is before.
func (x *extending) skip(ctx context.Context, d dockerfile, i extend.Instruction, key extend.Key) (bool, error) {
	layer, found, err := x.Kept.Find(key, x.temp)
	if found {
		x.Log.Debugf("Using the layer of an earlier build: %s", strings.TrimSpace(i.Text))
		return true, x.again(ctx, d, i, layer)
	}
	if err != nil {
		x.Log.Warnf("A layer of an earlier build is of no use: %v", err)
	}
	if x.snapshot != nil {
		return false, nil
	}
	x.snapshot, err = extend.Take(ctx, "/", x.ignore)
	return false, err
}

// again does what an instruction did when it made a layer.
func (x *extending) again(ctx context.Context, d dockerfile, i extend.Instruction, layer artifact.Segment) error {
	if layer.Digest == "" {
		return nil
	}
	x.snapshot = nil
	if err := extend.Unpack(ctx, "/", layer, x.ignore); err != nil {
		return err
	}
	return x.add(d, i, layer)
}

// changed makes a layer of what an instruction changed, and keeps it for later builds.
func (x *extending) changed(ctx context.Context, d dockerfile, i extend.Instruction, key extend.Key) error {
	after, err := extend.Take(ctx, "/", x.ignore)
	if err != nil {
		return err
	}
	layer, _, err := after.Layer(ctx, "/", x.snapshot, x.temp)
	x.snapshot = after
	if err != nil {
		return err
	}
	if err := x.Kept.Add(key, layer); err != nil {
		x.Log.Warnf("The next build has to do it again: %s: %v", strings.TrimSpace(i.Text), err)
	}
	if layer.Digest == "" {
		return nil
	}
	return x.add(d, i, layer)
}

// add puts a layer on the image.
func (x *extending) add(d dockerfile, i extend.Instruction, segment artifact.Segment) error {
	if x.Kind == extend.Build {
		return nil
	}
	layer, err := oci.NewLayer(segment, types.OCILayer)
	if err != nil {
		return err
	}
	x.files = append(x.files, segment.File)
	x.adds = append(x.adds, mutate.Addendum{Layer: layer, History: v1.History{
		CreatedBy: fmt.Sprintf("Layer: '%s', Created by extension: %s", strings.TrimSpace(i.Text), d.extension),
	}})
	return nil
}

// save writes the image with its new layers.
func (x *extending) save() error {
	x.config.Created = v1.Time{}
	x.config.History = slices.DeleteFunc(x.config.History, func(h v1.History) bool { return h.EmptyLayer })
	if n := len(x.config.RootFS.DiffIDs); len(x.config.History) != n {
		x.config.History = make([]v1.History, n)
	}
	image, err := mutate.ConfigFile(x.image, x.config)
	if err != nil {
		return err
	}
	if image, err = mutate.Append(image, x.adds...); err != nil {
		return err
	}
	return extend.Extended{Dir: filepath.Join(x.Extended, string(extend.Run))}.Write(image, x.files)
}

// extension is what an extender made of the run image, if one did. That there is none
// where it is wanted is a failure of class Generic.
func (x *export) extension(ctx context.Context) (*assemble.Extension, error) {
	if !x.API.ExtendRun || x.Extended == "" {
		return nil, nil
	}
	config, layers, err := extend.Extended{Dir: filepath.Join(x.Extended, string(extend.Run))}.Read()
	if err != nil {
		return nil, err
	}
	extended := &assemble.Extension{}
	if run := x.Analyzed.RunImage; run != nil && run.Extend {
		if config == nil {
			return nil, &Failure{"get extended image config", Generic, fmt.Errorf("missing extended run image in %s: run the extender with -kind run before", x.Extended)}
		}
		extended.Config = &config.Config
	}
	for _, l := range layers {
		own, err := normalised(ctx, l, x.Temp)
		if err != nil {
			return nil, fmt.Errorf("failed to create layer from tar path %s: %w", l.File, err)
		}
		extended.Layers = append(extended.Layers, own)
	}
	return extended, nil
}

// normalised is a layer of an extender as images have it.
func normalised(ctx context.Context, l extend.NewLayer, temp string) (own assemble.ExtensionLayer, err error) {
	file, err := os.Open(l.File)
	if err != nil {
		return own, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	tar := bufio.NewReader(file)
	var content io.Reader = tar
	if magic, _ := tar.Peek(2); string(magic) == "\x1f\x8b" {
		if content, err = gzip.NewReader(tar); err != nil {
			return own, err
		}
	}
	segment, err := extend.Normalised(ctx, content, temp)
	return assemble.ExtensionLayer{Segment: segment, CreatedBy: l.CreatedBy}, err
}
