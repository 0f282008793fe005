package ruby

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/slugc/slugc/buildpacks/language/layer"
)

// made is what an app has in places where Rails writes notes when it is loaded.
type made struct {
	app    string
	before []string
}

// notes are such places: logs, and caches that know the time of each file.
func notes() []string {
	return []string{"log", "log/*", "tmp", "tmp/*", "tmp/cache/*"}
}

func lookAtNotes(app string) (made, error) {
	found, err := named(app, notes())
	return made{app: app, before: found}, err
}

func named(app string, patterns []string) ([]string, error) {
	var all []string
	for _, pattern := range patterns {
		found, err := filepath.Glob(filepath.Join(app, filepath.FromSlash(pattern)))
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// settle takes out of an app what was noted when it was loaded, and out of the
// assets what differs from build to build.
func (m made) settle() error {
	after, err := named(m.app, notes())
	if err != nil {
		return err
	}
	for _, name := range after {
		if !slices.Contains(m.before, name) {
			if err := os.RemoveAll(name); err != nil {
				return err
			}
		}
	}
	return settleAssets(filepath.Join(m.app, "public"))
}

// settleAssets makes the assets of Sprockets the same for the same app: the name
// of its manifest is random, and that and compressed files have times.
func settleAssets(public string) error {
	manifests, err := filepath.Glob(filepath.Join(public, "*", ".sprockets-manifest-*.json"))
	if err != nil {
		return err
	}
	for _, file := range manifests {
		if err := settleManifest(file); err != nil {
			return fmt.Errorf("settling %s: %w", filepath.Base(file), err)
		}
		err := filepath.WalkDir(filepath.Dir(file), func(name string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() || filepath.Ext(name) != ".gz" {
				return err
			}
			return withoutTime(name)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// assetTime is when each asset was changed, as far as a manifest says. It decides
// but which of several versions of one are old.
const assetTime = "1980-01-01T00:00:01+00:00"

// settleManifest gives a manifest the name that its content has, and one time.
func settleManifest(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var doc map[string]any
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&doc); err != nil {
		return err
	}
	files, _ := doc["files"].(map[string]any)
	for _, of := range files {
		if entry, is := of.(map[string]any); is && entry["mtime"] != nil {
			entry["mtime"] = assetTime
		}
	}
	// In the order of their names.
	if text, err = json.Marshal(doc); err != nil {
		return err
	}
	settled := filepath.Join(filepath.Dir(file), ".sprockets-manifest-"+layer.Sum(text)[:32]+".json")
	if err := layer.WriteBeside(settled, text, 0o644); err != nil || settled == file {
		return err
	}
	return os.Remove(file)
}

// withoutTime takes the time out of the header of a file of gzip (RFC 1952, 2.3.1).
func withoutTime(name string) error {
	file, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	header := make([]byte, 8)
	if _, err = file.ReadAt(header, 0); err == nil && header[0] == 0x1f && header[1] == 0x8b {
		_, err = file.WriteAt(make([]byte, 4), 4)
	}
	return errors.Join(err, file.Close())
}
