package daemontest

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/gzip"

	"github.com/slugc/slugc/build/daemon"
)

// Engine is as much of a Docker daemon as loads images and gives them out. It keeps
// layers as one does: by all diffIDs from the bottom, or in containerd by the digest
// of the blob. Its fields are for who waits for no answer of it.
type Engine struct {
	// Version is that of its API.
	Version string
	// Containerd says that images are in containerd.
	Containerd bool
	// Before is called when an archive has been read, and may change anything.
	Before func()
	// Broken is what it does in the place of loading: nil for nothing.
	Broken http.HandlerFunc
	// Tags are ids by name.
	Tags map[string]string
	// Received are the names in the last archive, Loads the number of archives.
	Received []string
	Loads    int
	// Asked are the methods and paths of all requests.
	Asked []string

	t      testing.TB
	mu     sync.Mutex
	images map[string]*stored
	// layers are contents by the diffIDs of the chain, or blobs by digest.
	layers map[string][]byte
	// unpacked are the chains of containerd.
	unpacked map[string]bool
}

type stored struct {
	config  []byte
	diffIDs []string
	// digests are those of the blobs in containerd.
	digests []string
}

// Start starts it on a socket, until the test ends.
func (e *Engine) Start(t testing.TB) daemon.Config {
	t.Helper()
	e.t, e.Tags, e.images, e.layers, e.unpacked = t, map[string]string{}, map[string]*stored{}, map[string][]byte{}, map[string]bool{}
	socket := filepath.Join(t.TempDir(), "s")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: e, ReadHeaderTimeout: time.Minute}}
	server.Start()
	t.Cleanup(server.Close)
	return daemon.Config{Host: "unix://" + socket}
}

// Dial starts it and asks for it.
func (e *Engine) Dial(t testing.TB) *daemon.Client {
	t.Helper()
	client, err := daemon.Dial(t.Context(), e.Start(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// Images is the number of images.
func (e *Engine) Images() int { return len(e.images) }

// ServeHTTP answers a request.
func (e *Engine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	defer e.mu.Unlock()
	path := r.URL.Path
	e.Asked = append(e.Asked, r.Method+" "+path)
	if path == "/_ping" {
		w.Header().Set("Api-Version", e.Version)
		fmt.Fprint(w, "OK")
		return
	}
	_, path, _ = strings.Cut(strings.TrimPrefix(path, "/"), "/")
	image, verb := strings.TrimPrefix(path, "images/"), ""
	if at := strings.LastIndexByte(image, '/'); at >= 0 && r.Method != http.MethodDelete {
		image, verb = image[:at], image[at+1:]
	}
	switch {
	case path == "info":
		status := [][2]string{{"Backing Filesystem", "tmpfs"}}
		if e.Containerd {
			status = [][2]string{{"driver-type", "io.containerd.snapshotter.v1"}}
		}
		e.say(w, map[string]any{"DriverStatus": status})
	case path == "images/load" && r.Method == http.MethodPost:
		e.load(w, r)
	case e.find(image) == nil:
		w.WriteHeader(http.StatusNotFound)
		e.say(w, map[string]string{"message": "No such image: " + image})
	case r.Method == http.MethodDelete:
		e.Remove(image)
	case verb == "json":
		e.inspect(w, r, image)
	case verb == "history":
		e.say(w, []daemon.Step{{CreatedBy: "last"}, {Created: 5, CreatedBy: "first", Comment: "a comment"}})
	case verb == "tag":
		e.Tags[r.URL.Query().Get("repo")+":"+r.URL.Query().Get("tag")] = e.ID(image)
		w.WriteHeader(http.StatusCreated)
	case verb == "get":
		e.save(w, image)
	default:
		w.WriteHeader(http.StatusNotImplemented)
	}
}

func (e *Engine) say(w io.Writer, what any) {
	if err := json.NewEncoder(w).Encode(what); err != nil {
		e.t.Error(err)
	}
}

// ID is the id that a name or an id means.
func (e *Engine) ID(image string) string {
	if id, tagged := e.Tags[image]; tagged {
		return id
	}
	if id, tagged := e.Tags[image+":latest"]; tagged {
		return id
	}
	return image
}

func (e *Engine) find(image string) *stored { return e.images[e.ID(image)] }

// Remove removes an image and what no other image has.
func (e *Engine) Remove(image string) {
	id := e.ID(image)
	delete(e.images, id)
	for tag, of := range e.Tags {
		if of == id {
			delete(e.Tags, tag)
		}
	}
	used := map[string]bool{}
	for _, other := range e.images {
		for i, digest := range other.diffIDs {
			used[chain(other.diffIDs[:i+1])] = true
			if e.Containerd {
				digest = other.digests[i]
			}
			used[digest] = true
		}
	}
	for key := range e.layers {
		if !used[key] {
			delete(e.layers, key)
		}
	}
	for key := range e.unpacked {
		if !used[key] {
			delete(e.unpacked, key)
		}
	}
}

func chain(diffIDs []string) string { return strings.Join(diffIDs, " ") }

func (e *Engine) inspect(w io.Writer, r *http.Request, image string) {
	found := e.find(image)
	config, err := v1.ParseConfigFile(bytes.NewReader(found.config))
	if err != nil {
		e.t.Error(err)
	}
	about := map[string]any{
		"Id": e.ID(image), "Os": config.OS, "Architecture": config.Architecture, "Config": config.Config, "Created": config.Created,
		"RootFS": map[string]any{"Type": "layers", "Layers": found.diffIDs},
	}
	if r.URL.Query().Get("manifests") == "1" {
		about["Manifests"] = []map[string]any{{"ID": e.ID(image), "Available": !slices.ContainsFunc(found.digests, func(digest string) bool {
			return e.layers[digest] == nil
		})}}
	}
	e.say(w, about)
}

// save gives out an image: the first layer with gzip, as containerd may have it.
func (e *Engine) save(w io.Writer, image string) {
	found, archive := e.find(image), tar.NewWriter(w)
	for i := range found.diffIDs {
		content := e.layers[chain(found.diffIDs[:i+1])]
		if e.Containerd {
			content = e.layers[found.digests[i]]
		} else if i == 0 {
			content = Zipped(e.t, content)
		}
		entry(archive, fmt.Sprintf("blobs/%d", i), content)
	}
	entry(archive, "manifest.json", []byte("{}"))
	_ = archive.Close()
}

// entry adds a file to an archive, which who has read enough does not read.
func entry(archive *tar.Writer, name string, content []byte) {
	if archive.WriteHeader(&tar.Header{Name: name, Size: int64(len(content)), Mode: 0o644}) == nil {
		_, _ = archive.Write(content)
	}
}

// Zipped is content with gzip.
func Zipped(t testing.TB, content []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, err := z.Write(content)
	if err = errors.Join(err, z.Close()); err != nil {
		t.Error(err)
	}
	return out.Bytes()
}

func unzipped(content []byte) []byte {
	z, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		return content
	}
	raw, err := io.ReadAll(z)
	if err != nil {
		return content
	}
	return raw
}

func sum(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// load takes an archive.
func (e *Engine) load(w http.ResponseWriter, r *http.Request) {
	if e.Broken != nil {
		e.Broken(w, r)
		return
	}
	files := map[string][]byte{}
	e.Received, e.Loads = nil, e.Loads+1
	for archive := tar.NewReader(r.Body); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		var content []byte
		if err == nil {
			content, err = io.ReadAll(archive)
		}
		if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			e.say(w, map[string]string{"message": "Error processing tar file: " + err.Error()})
			return
		}
		files[header.Name] = content
		e.Received = append(e.Received, header.Name)
	}
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return
	}
	if e.Before != nil {
		e.Before()
	}
	take := e.graphDriver
	if e.Containerd {
		take = e.inContainerd
	}
	id, err := take(files)
	if err != nil {
		e.say(w, map[string]any{"errorDetail": map[string]string{"message": err.Error()}, "error": err.Error()})
		return
	}
	for line := range strings.Lines(id) {
		e.say(w, map[string]string{"stream": line})
	}
}

// graphDriver takes an archive as docker save writes it.
func (e *Engine) graphDriver(files map[string][]byte) (string, error) {
	var manifest []struct {
		Config           string
		RepoTags, Layers []string
	}
	if err := json.Unmarshal(files["manifest.json"], &manifest); err != nil {
		return "", err
	}
	made := &stored{config: files[manifest[0].Config]}
	config, err := v1.ParseConfigFile(bytes.NewReader(made.config))
	if err != nil {
		return "", err
	}
	for i, diffID := range config.RootFS.DiffIDs {
		made.diffIDs = append(made.diffIDs, diffID.String())
		key, name := chain(made.diffIDs), manifest[0].Layers[i]
		if e.layers[key] != nil {
			continue
		}
		content, sent := files[name]
		if !sent {
			return "", fmt.Errorf("open /tmp/%s: no such file or directory", name)
		}
		if content = unzipped(content); sum(content) != diffID.String() {
			return "", fmt.Errorf("invalid diffID for layer %d: expected %q, got %q", i, diffID, sum(content))
		}
		e.layers[key] = content
	}
	id := sum(made.config)
	e.images[id] = made
	return "Loaded image ID: " + id + "\n", nil
}

// inContainerd takes an archive of an OCI layout. An image with layers that are
// missing is there afterwards too.
func (e *Engine) inContainerd(files map[string][]byte) (string, error) {
	index, err := v1.ParseIndexManifest(bytes.NewReader(files["index.json"]))
	if err != nil {
		return "", err
	}
	if files["oci-layout"] == nil || len(index.Manifests) != 1 || len(index.Manifests[0].Annotations) != 0 {
		return "", errors.New("no layout of one image without a name")
	}
	for name, content := range files {
		if hex, blob := strings.CutPrefix(name, "blobs/sha256/"); blob {
			if sum(content) != "sha256:"+hex {
				return "", errors.New("unexpected digest of " + name)
			}
			e.layers["sha256:"+hex] = content
		}
	}
	id := index.Manifests[0].Digest.String()
	manifest, err := v1.ParseManifest(bytes.NewReader(e.layers[id]))
	if err != nil {
		return "", err
	}
	config, err := v1.ParseConfigFile(bytes.NewReader(e.layers[manifest.Config.Digest.String()]))
	if err != nil {
		return "", err
	}
	made := &stored{config: e.layers[manifest.Config.Digest.String()]}
	e.images[id] = made
	for _, layer := range manifest.Layers {
		made.digests = append(made.digests, layer.Digest.String())
	}
	for i, diffID := range config.RootFS.DiffIDs {
		made.diffIDs = append(made.diffIDs, diffID.String())
		if layer := manifest.Layers[i]; !e.unpacked[chain(made.diffIDs)] {
			content, there := e.layers[layer.Digest.String()]
			raw := layer.MediaType == types.OCIUncompressedLayer || layer.MediaType == types.DockerUncompressedLayer
			if !there {
				err = errors.Join(err, fmt.Errorf("content digest %s: not found", layer.Digest))
			} else if int64(len(content)) != layer.Size || raw && layer.Digest != diffID || sum(unzipped(content)) != diffID.String() {
				err = errors.Join(err, fmt.Errorf("mismatched rootfs of %s: %+v", id, layer))
			}
		}
	}
	if err != nil {
		for _, diffID := range config.RootFS.DiffIDs[len(made.diffIDs):] {
			made.diffIDs = append(made.diffIDs, diffID.String())
		}
		return "Loaded image ID: " + id + "\nError unpacking image " + id + ": " + err.Error() + "\n", nil
	}
	for i := range made.diffIDs {
		e.unpacked[chain(made.diffIDs[:i+1])] = true
	}
	return "Loaded image ID: " + id + "\n", nil
}
