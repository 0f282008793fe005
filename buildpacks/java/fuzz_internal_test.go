package java

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slugc/slugc/buildpacks/language/layer"
)

func FuzzPOM(f *testing.F) {
	f.Add([]byte(simplePOM))
	f.Add([]byte("<project><properties><a>${b}</a><b>${a}</b><java.version>${a}</java.version></properties><modules><module>${a}</module></modules></project>"))
	f.Add([]byte(`<?xml version="1.0" encoding="ISO-8859-1"?><project><name>` + "\xe4" + `</name></project>`))
	f.Fuzz(func(_ *testing.T, data []byte) {
		p, err := parsePOM(pomFile, data)
		if err != nil {
			return
		}
		p.compiles()
		p.toolchain()
		p.modules()
		p.moving(pomFile, nil)
	})
}

func FuzzGradleBuild(f *testing.F) {
	f.Add(projects()["settings.gradle"], projects()["services/api/build.gradle"])
	f.Add("include(\n  \":a:b\",\n  ':..:..:etc'\n)\nproject(':api').projectDir = new File(settingsDir, '../x')", "project(path: \":api\")\nprojects.libs.bigText.x")
	f.Fuzz(func(t *testing.T, settings, text string) {
		dir := filepath.Join(t.TempDir(), "build")
		for name, data := range map[string]string{"settings.gradle": settings, "services/api/build.gradle": text, "libs/a/build.gradle": text, "../etc/build.gradle": ""} {
			if err := layer.WriteBeside(filepath.Join(dir, name), []byte(data), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		w, b, err := findGradleBuild(filepath.Join(dir, "services/api"), dir)
		if err != nil {
			return
		}
		for _, place := range append(b.needed(w), b.dirs()...) {
			if place != "" && !filepath.IsLocal(place) {
				t.Errorf("%s is outside of the build", place)
			}
		}
	})
}

func FuzzProperties(f *testing.F) {
	f.Add([]byte("a=b\\\n c\nd\\u00e4: e"))
	f.Fuzz(func(_ *testing.T, data []byte) { properties(data) })
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte("Manifest-Version: 1.0\r\nClass-Path: a\r\n b\r\n\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		once := parseManifest(parseManifest(data).text())
		if twice := once.text(); !bytes.Equal(twice, parseManifest(twice).text()) {
			t.Errorf("%q is not read as it was written", twice)
		}
	})
}

func FuzzUnzip(f *testing.F) {
	for _, name := range []string{"a/../../evil", "/etc/evil", "a/b", "a\\..\\b"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if strings.HasSuffix(name, "/") || strings.HasSuffix(name, "/*") {
			return // a directory has no text
		}
		dir := t.TempDir()
		archive := filepath.Join(dir, "a.zip")
		if err := os.WriteFile(archive, []byte(zipped(t, map[string]string{name: "x"})), 0o600); err != nil {
			t.Fatal(err)
		}
		inside := filepath.Join(dir, "deep", "inside")
		// What it says does not matter: nothing may appear outside.
		unpackErr := unpackTool(archive, inside)
		entries, err := os.ReadDir(filepath.Join(dir, "deep"))
		if err != nil || len(entries) != 1 {
			t.Errorf("%q wrote %v outside (%v, %v)", name, entries, err, unpackErr)
		}
	})
}
