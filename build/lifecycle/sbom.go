package lifecycle

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slugc/slugc/stack/launch"
	"github.com/slugc/slugc/stack/sandbox"
)

// sbomFormats are the ends of the names of SBOM files.
func sbomFormats() []string { return []string{"sbom.cdx.json", "sbom.spdx.json", "sbom.syft.json"} }

// ownSBOM puts the SBOM files of lifecycle and launcher to those of the buildpacks.
func (x *export) ownSBOM() error {
	if !x.API.LauncherSBOM {
		return nil
	}
	own := launch.EscapeID(ownID)
	if err := x.putSBOM("lifecycle", filepath.Join(x.Layers, "sbom", "build", own)); err != nil {
		return err
	}
	to := filepath.Join(x.Layers, "sbom", "launch", own, "launcher")
	from := x.Launcher.SBOMDir
	if from == "" || filepath.Clean(from) == launch.LifecycleDir {
		return x.putSBOM("launcher", to)
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		x.Log.Warnf("Failed to list contents of directory %s", from)
		return err
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	for _, entry := range entries {
		is := func(format string) bool { return strings.HasSuffix(entry.Name(), format) }
		if entry.IsDir() || !slices.ContainsFunc(sbomFormats(), is) {
			continue
		}
		if err := copySBOM(filepath.Join(from, entry.Name()), filepath.Join(to, entry.Name())); err != nil {
			return err
		}
	}
	return nil
}

// putSBOM copies the SBOM files that a component of the lifecycle has beside it.
func (x *export) putSBOM(component, to string) error {
	for _, format := range sbomFormats() {
		name := component + "." + format
		from := filepath.Join(launch.LifecycleDir, name)
		if _, err := os.Stat(from); missing(err) {
			x.Log.Warnf("Did not find SBOM %s in %s", name, launch.LifecycleDir)
			continue
		}
		err := os.MkdirAll(to, 0o777)
		if err != nil {
			return err
		}
		if err := copySBOM(from, filepath.Join(to, format)); err != nil {
			return err
		}
	}
	return nil
}

func copySBOM(from, to string) error {
	data, err := sandbox.ReadFile(from, maxSBOM)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o666)
}
