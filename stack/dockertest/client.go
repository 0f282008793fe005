package dockertest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// Container is a program in an image. Its fields are those of the Docker Engine
// API ("Create a container"); what is empty is as the image says.
type Container struct {
	Image                string
	Entrypoint, Cmd, Env []string `json:",omitempty"`
	User                 string   `json:",omitempty"`
	// Binds are directories of this machine and where they are seen, HOST:PATH.
	Binds []string `json:"-"`
	// Network is "none" when empty; "host" is that of this machine.
	Network string `json:"-"`
}

// For is the same daemon for another test, such as a part of the one that started it:
// what goes wrong there is its failure.
func (d *Daemon) For(t testing.TB) *Daemon {
	other := *d
	other.t = t
	return &other
}

// Run runs a container, which has to end well, and returns what it prints.
func (d *Daemon) Run(c Container) string {
	d.t.Helper()
	var created struct{ ID string }
	d.must(http.MethodPost, "containers/create", struct {
		Container
		HostConfig map[string]any
	}{c, map[string]any{"NetworkMode": cmp.Or(c.Network, "none"), "Binds": c.Binds}}, &created)
	path := "containers/" + created.ID
	d.must(http.MethodPost, path+"/start", nil, nil)
	var ended struct{ StatusCode int }
	d.must(http.MethodPost, path+"/wait", nil, &ended)
	var log []byte
	d.must(http.MethodGet, path+"/logs?stdout=1&stderr=1", nil, &log)
	d.must(http.MethodDelete, path, nil, nil)
	out, err := demultiplex(log)
	if err != nil || ended.StatusCode != 0 {
		d.t.Fatalf("%+v: exit code %d (%v)\n%s", c, ended.StatusCode, err, out)
	}
	return out
}

// Pull has the daemon pull an image from a registry, which it names.
func (d *Daemon) Pull(image string) {
	d.t.Helper()
	repository, tag := image, "latest"
	if i := strings.LastIndexByte(image, ':'); i > strings.LastIndexByte(image, '/') {
		repository, tag = image[:i], image[i+1:]
	}
	var said []byte
	d.must(http.MethodPost, "images/create?"+url.Values{"fromImage": {repository}, "tag": {tag}}.Encode(), nil, &said)
	if bytes.Contains(said, []byte(`"errorDetail"`)) {
		d.t.Fatalf("pulling %s: %s", image, said)
	}
}

// Layers returns the diffIDs of the layers of an image.
func (d *Daemon) Layers(image string) []string {
	d.t.Helper()
	var about struct{ RootFS struct{ Layers []string } }
	d.must(http.MethodGet, "images/"+image+"/json", nil, &about)
	return about.RootFS.Layers
}

// Running is how many containers run.
func (d *Daemon) Running() int {
	d.t.Helper()
	var all []struct{ ID string }
	d.must(http.MethodGet, "containers/json", nil, &all)
	return len(all)
}

func (d *Daemon) must(method, path string, body, answer any) {
	d.t.Helper()
	if err := d.call(d.t.Context(), method, path, body, answer); err != nil {
		d.t.Fatal(err)
	}
}

// call sends a request with a body in JSON. An answer of bytes is taken as it
// is, any other is JSON.
func (d *Daemon) call(ctx context.Context, method, path string, body, answer any) error {
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		content = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://docker/"+path, content)
	if err != nil {
		return err
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := d.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode >= http.StatusBadRequest {
		err = errors.New(response.Status)
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w\n%s", method, path, err, text)
	}
	switch to := answer.(type) {
	case nil:
		return nil
	case *[]byte:
		*to = text
		return nil
	default:
		return json.Unmarshal(text, to)
	}
}

// ping asks the daemon whether it is there, and which API it speaks.
func (d *Daemon) ping(ctx context.Context) error {
	var about struct{ APIVersion string }
	err := d.call(ctx, http.MethodGet, "version", nil, &about)
	d.APIVersion = about.APIVersion
	return err
}

// demultiplex returns what is in a stream with both outputs: each piece has a
// header of eight bytes, and the last four are its length (Docker Engine API,
// "Attach to a container", "Stream format").
func demultiplex(stream []byte) (string, error) {
	var out []byte
	for len(stream) > 0 {
		if len(stream) < 8 {
			return string(out), io.ErrUnexpectedEOF
		}
		size := uint64(binary.BigEndian.Uint32(stream[4:8]))
		stream = stream[8:]
		if size > uint64(len(stream)) {
			return string(out), io.ErrUnexpectedEOF
		}
		out = append(out, stream[:size]...)
		stream = stream[size:]
	}
	return string(out), nil
}
