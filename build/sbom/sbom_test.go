package sbom_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slugc/slugc/build/sbom"
)

func TestPackages(t *testing.T) {
	files := map[string][]byte{
		"slugc_nodejs/sbom.cdx.json": []byte(`{"components": [
			{"name": "ms", "version": "2.1.3", "purl": "pkg:npm/ms@2.1.3"},
			{"group": "@babel", "name": "core", "version": "7.0.0", "purl": "pkg:npm/%40babel/core@7.0.0"}]}`),
		"some_other/layer/sbom.spdx.json": []byte(`{"packages": [{"name": "zlib", "versionInfo": "1.3", "externalRefs": [
			{"referenceType": "cpe23Type", "referenceLocator": "cpe"}, {"referenceType": "purl", "referenceLocator": "pkg:deb/debian/zlib@1.3"}]}]}`),
		"some_other/layer/sbom.syft.json": []byte(`{"artifacts": [{"name": "zlib", "version": "1.3", "purl": "pkg:deb/debian/zlib@1.3"}, {"name": "without"}]}`),
		"some_other/sbom.unknown":         []byte("{"),
	}
	got, err := sbom.Packages(files, []string{"slugc/nodejs"})
	if err != nil {
		t.Fatal(err)
	}
	want := []sbom.Package{
		{Name: "without", Buildpack: "some_other"},
		{Name: "zlib", Version: "1.3", PURL: "pkg:deb/debian/zlib@1.3", Buildpack: "some_other"},
		{Name: "@babel/core", Version: "7.0.0", PURL: "pkg:npm/%40babel/core@7.0.0", Buildpack: "slugc/nodejs"},
		{Name: "ms", Version: "2.1.3", PURL: "pkg:npm/ms@2.1.3", Buildpack: "slugc/nodejs"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	_, err = sbom.Packages(map[string][]byte{"a/sbom.cdx.json": []byte("[")}, nil)
	if err == nil || !strings.Contains(err.Error(), "a/sbom.cdx.json") {
		t.Errorf("got %v", err)
	}
}

func FuzzPackages(f *testing.F) {
	for _, format := range []string{"cdx", "spdx", "syft"} {
		f.Add(format, []byte(`{"components": [{}], "packages": [{"externalRefs": [{}]}], "artifacts": [{"purl": "x"}]}`))
	}
	f.Fuzz(func(t *testing.T, format string, data []byte) {
		all, err := sbom.Packages(map[string][]byte{"a/sbom." + format + ".json": data}, nil)
		if err != nil && all != nil {
			t.Errorf("got %v with %v", all, err)
		}
	})
}
