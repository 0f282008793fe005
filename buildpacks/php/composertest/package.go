package composertest

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"testing"
	"time"
)

// Host is where packages have their addresses.
const Host = "packages.example.com"

// Package is a package to serve.
type Package struct {
	Name, Version string
	// Type is "library" when it is "".
	Type string
	// Require are the packages that it needs, and what of PHP, with constraints;
	// Provide and Replace those whose place it takes.
	Require, Provide, Replace map[string]string
	// Autoload is how its classes are found, all its files when it is nil.
	Autoload map[string]any
	// Bin are programs, Extra is what plugins read.
	Bin   []string
	Extra map[string]any
	// Licenses are SPDX identifiers.
	Licenses []string
	// Files are the files by name.
	Files map[string][]byte
	// Moving tells that it is served for every version: Debian mends packages within
	// a release, and then has them under other numbers.
	Moving bool
}

// Path is where its archive is on the server.
func (p Package) Path() string { return "/dist/" + p.Name + "/" + p.Version + ".zip" }

// describe is the package as composer.json, an index and a lock file have it.
func (p Package) describe() map[string]any {
	kind := p.Type
	if kind == "" {
		kind = "library"
	}
	d := map[string]any{"name": p.Name, "version": p.Version, "type": kind, "autoload": p.Autoload}
	if p.Autoload == nil {
		d["autoload"] = map[string]any{"classmap": []string{"src/"}}
	}
	for name, table := range map[string]map[string]string{"require": p.Require, "provide": p.Provide, "replace": p.Replace} {
		if len(table) > 0 {
			d[name] = table
		}
	}
	if len(p.Bin) > 0 {
		d["bin"] = p.Bin
	}
	if len(p.Extra) > 0 {
		d["extra"] = p.Extra
	}
	if len(p.Licenses) > 0 {
		d["license"] = p.Licenses
	}
	return d
}

// locked is the package as an index and a lock file have it.
func (p Package) locked() map[string]any {
	d := p.describe()
	if p.Type != "metapackage" {
		d["dist"] = map[string]string{"type": "zip", "url": "http://" + Host + p.Path(), "reference": p.Version, "shasum": ""}
	}
	return d
}

// pack is the package as an archive.
func (p Package) pack(t testing.TB) []byte {
	t.Helper()
	files := maps.Clone(p.Files)
	if files == nil {
		files = map[string][]byte{}
	}
	if files["composer.json"] == nil {
		files["composer.json"] = encode(t, p.describe())
	}
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		header := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: time.Unix(1769817600, 0).UTC()}
		header.SetMode(0o644)
		if slices.Contains(p.Bin, name) {
			header.SetMode(0o755)
		}
		part, err := w.CreateHeader(header)
		if err == nil {
			_, err = part.Write(files[name])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func encode(t testing.TB, value any) []byte {
	t.Helper()
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "    ")
	if err := encoder.Encode(value); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// Lock is a composer.lock of packages. Hash is its content-hash, and platform what
// the app itself requires of PHP.
func Lock(t testing.TB, hash string, platform map[string]string, packages ...Package) []byte {
	t.Helper()
	list := make([]any, 0, len(packages))
	for _, p := range packages {
		list = append(list, p.locked())
	}
	if platform == nil {
		platform = map[string]string{}
	}
	return encode(t, map[string]any{
		"content-hash": hash, "packages": list, "packages-dev": []any{}, "aliases": []any{}, "minimum-stability": "stable", "stability-flags": map[string]int{},
		"prefer-stable": false, "prefer-lowest": false, "platform": platform, "platform-dev": map[string]string{}, "plugin-api-version": "2.6.0",
	})
}
