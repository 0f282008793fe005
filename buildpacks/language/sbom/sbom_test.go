package sbom_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/buildpacks/language/sbom"
)

func TestWrite(t *testing.T) {
	components := []sbom.Component{
		{PURL: sbom.URL("pypi", "", "flask", "3.1.0"), Name: "flask", Version: "3.1.0", Licenses: []string{"BSD-3-Clause"}, SHA256: "ab"},
		{PURL: sbom.URL("npm", "@babel", "core", "7.0.0"), Name: "@babel/core", Version: "7.0.0", SHA512: "cd"},
		{PURL: sbom.URL("pypi", "", "flask", "3.1.0"), Name: "flask", Version: "3.1.0"},
	}
	file := filepath.Join(t.TempDir(), "launch.sbom.cdx.json")
	if err := sbom.Write(file, components); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"$schema": got["$schema"], "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1.0,
		"components": []any{
			map[string]any{"type": "library", "bom-ref": "pkg:npm/%40babel/core@7.0.0", "purl": "pkg:npm/%40babel/core@7.0.0", "name": "@babel/core", "version": "7.0.0",
				"hashes": []any{map[string]any{"alg": "SHA-512", "content": "cd"}}},
			map[string]any{"type": "library", "bom-ref": "pkg:pypi/flask@3.1.0", "purl": "pkg:pypi/flask@3.1.0", "name": "flask", "version": "3.1.0",
				"hashes":   []any{map[string]any{"alg": "SHA-256", "content": "ab"}},
				"licenses": []any{map[string]any{"license": map[string]any{"name": "BSD-3-Clause"}}}},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	before, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	components[0], components[1] = components[1], components[0]
	if err := sbom.Write(file, components); err != nil {
		t.Fatal(err)
	}
	if after, err := os.Stat(file); err != nil || !os.SameFile(before, after) {
		t.Errorf("the same packages were written again (%v)", err)
	}
}
