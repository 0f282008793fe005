package cachestore

import (
	"encoding/json"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// anInventory is one that is right.
func anInventory() inventory {
	digest := "sha256:" + strings.Repeat("ab", 32)
	return inventory{Schema: schemaVersion, Layers: []remoteLayer{{
		Buildpack: "test/bp", Name: "layer", Metadata: "a = 1\n", Content: digest, Mode: fs.ModeDir | 0o755,
		Segment: remoteSegment{
			Key: strings.Repeat("cd", 32), Prefix: "/app/.slugc/layers/test_bp/layer", DiffID: digest, Digest: digest,
			Size: 10, RawSize: 20, Members: []remoteMember{{Offset: 1, Size: 2, Sum: strings.Repeat("ef", 16)}, {Offset: 3, Size: 4}},
		},
	}}, Stores: map[string]string{"test/bp": "runs = 1\n"}}
}

func TestParseInventory(t *testing.T) {
	data, err := json.Marshal(anInventory())
	if err != nil {
		t.Fatal(err)
	}
	got, err := parseInventory(data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(anInventory(), got); diff != "" {
		t.Errorf("(-expected +got):\n%s", diff)
	}
	for name, c := range map[string]struct {
		change func(*inventory)
		want   string
	}{
		"another schema":       {func(i *inventory) { i.Schema = 7 }, "schema 7, expected 2"},
		"a layer elsewhere":    {func(i *inventory) { i.Layers[0].Name = "../x" }, "leads elsewhere"},
		"a layer without name": {func(i *inventory) { i.Layers[0].Name = "" }, "leads elsewhere"},
		"an owner elsewhere":   {func(i *inventory) { i.Layers[0].Buildpack = ".." }, "leads elsewhere"},
		"a store elsewhere":    {func(i *inventory) { i.Stores = map[string]string{"..": ""} }, "no buildpack"},
		"a layer twice":        {func(i *inventory) { i.Layers = append(i.Layers, i.Layers[0]) }, "twice"},
		"no digest":            {func(i *inventory) { i.Layers[0].Segment.Digest = "md5:00" }, "no sha256"},
		"no key":               {func(i *inventory) { i.Layers[0].Segment.Key = "x" }, "no key"},
		"a prefix elsewhere":   {func(i *inventory) { i.Layers[0].Segment.Prefix = "../.." }, "prefix"},
		"no size":              {func(i *inventory) { i.Layers[0].Segment.Size = 0 }, "sizes"},
		"half a sum":           {func(i *inventory) { i.Layers[0].Segment.Members[0].Sum = "ef" }, "no sum"},
		"a file":               {func(i *inventory) { i.Layers[0].Mode = 0o644 }, "expected that of a directory"},
		"metadata that is not": {func(i *inventory) { i.Layers[0].Metadata = "[" }, "damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			wrong := anInventory()
			c.change(&wrong)
			data, err := json.Marshal(wrong)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := parseInventory(data); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, expected %q", err, c.want)
			}
		})
	}
}

func FuzzParseInventory(f *testing.F) {
	data, err := json.Marshal(anInventory())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"schema":1,"layers":[{}]}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, data []byte) {
		all, err := parseInventory(data)
		if err != nil {
			return
		}
		for _, l := range all.Layers {
			if path := l.recordedPath(); !fs.ValidPath(path) || strings.Count(path, "/") != 1 {
				t.Errorf("layer %q lies at %q", l.id(), path)
			}
			if _, err := l.recorded(); err != nil {
				t.Error(err)
			}
		}
		if _, err := newBundle(all); err != nil {
			t.Error(err)
		}
	})
}
