package build

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"syscall"

	"github.com/slugc/slugc/buildpacks"
	"github.com/slugc/slugc/stack/launch"
	"github.com/slugc/slugc/stack/sandbox"
)

// sbomDir is where SBOM files are gathered below the layers. No buildpack can
// have that id.
const sbomDir = "sbom"

// gatherSBOM copies the SBOM files of all buildpacks to
// <layers>/sbom/<scope>/<buildpack>/[<layer>/]sbom.<format> and notes for each
// that it lies there (CNB Platform API, "Build": SBOM files). What buildpacks
// still say in tables becomes <layers>/sbom/<scope>/sbom.legacy.json, where there
// is any, or always. There is nothing else in that directory afterwards.
func gatherSBOM(layers string, files []buildpacks.SBOM, done []contribution, always bool) (err error) {
	if err := sandbox.Remove(filepath.Join(layers, sbomDir)); err != nil {
		return fmt.Errorf("gathering the SBOM: %w", err)
	}
	// Later buildpacks could write where the files lie: nothing that they put
	// there may lead out of the layers.
	root, err := os.OpenRoot(layers)
	if err != nil {
		return fmt.Errorf("gathering the SBOM: %w", err)
	}
	defer root.Close()
	for i, file := range files {
		from, err := filepath.Rel(layers, file.File)
		if err != nil {
			return fmt.Errorf("gathering the SBOM: %w", err)
		}
		to := path.Join(sbomDir, file.Scope, launch.EscapeID(file.Buildpack), file.Layer, "sbom."+file.Format)
		if err := copyWithin(root, from, to); err != nil {
			by := buildpacks.Descriptor{ID: file.Buildpack}
			return &buildpacks.CompileError{Buildpack: by, Step: "SBOM", Err: err}
		}
		files[i].File = filepath.Join(layers, to)
	}
	legacy := map[string][]buildpacks.BOMEntry{"launch": nil, "build": nil}
	for _, c := range done {
		legacy["launch"] = append(legacy["launch"], c.LaunchBOM...)
		legacy["build"] = append(legacy["build"], c.BuildBOM...)
	}
	for scope, entries := range legacy {
		if len(entries) == 0 && !always {
			continue
		}
		if err := writeLegacy(root, scope, entries); err != nil {
			return fmt.Errorf("gathering the SBOM: %w", err)
		}
	}
	return nil
}

// writeLegacy writes the tables of all buildpacks as the reference lifecycle
// does.
func writeLegacy(root *os.Root, scope string, entries []buildpacks.BOMEntry) error {
	var text bytes.Buffer
	if err := json.NewEncoder(&text).Encode(entries); err != nil {
		return err
	}
	dir := path.Join(sbomDir, scope)
	if err := root.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return root.WriteFile(path.Join(dir, "sbom.legacy.json"), text.Bytes(), 0o644)
}

// copyWithin copies a regular file to a new one in a root.
func copyWithin(root *os.Root, from, to string) (err error) {
	in, err := root.OpenFile(from, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s: expected a regular file, found something else", from)
	}
	if err := root.MkdirAll(path.Dir(to), 0o755); err != nil {
		return err
	}
	out, err := root.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	_, err = io.Copy(out, in)
	return err
}
