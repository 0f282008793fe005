package java

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/buildpacks/language/layer"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// buildFiles are what only a build reads, below a module.
var buildFiles = []string{
	"pom.xml", "mvnw", "mvnw.cmd", ".mvn", "settings.xml", "dependency-reduced-pom.xml", ".flattened-pom.xml",
	"build.gradle", "build.gradle.kts", "settings.gradle", "settings.gradle.kts", "gradle.properties", "gradle.lockfile",
	"gradlew", "gradlew.bat", "gradle", ".gradle", "buildSrc", ".kotlin", "target", "build",
	"src/test", "src/main/java", "src/main/kotlin", "src/main/scala", "src/main/groovy", "src/main/resources", "src/it", "src/integrationTest",
}

// files are checksums over what a build may read.
type files struct {
	// app is over the app, without the platform's layers, and beside over what the
	// source has besides, such as the pom.xml of a parent.
	app, beside string
}

// readFiles reads all that the build of the app may read.
func (b *build) readFiles() (files, error) {
	entries, err := os.ReadDir(b.App)
	if err != nil {
		return files{}, fmt.Errorf("reading the app: %w", err)
	}
	var k, beside layer.Key
	for _, entry := range entries {
		if entry.Name() == ".slugc" {
			continue
		}
		if err := k.AddTree(b.App, entry.Name()); err != nil {
			return files{}, err
		}
	}
	unneeded, err := b.foreign(b.Env[language.SourceVariable])
	if err != nil {
		return files{}, err
	}
	// The tool reads what is said of every module, and of one that the app does not
	// need nothing else.
	for _, module := range b.app.others {
		for _, name := range []string{pomFile, "build.gradle", "build.gradle.kts", "gradle.properties"} {
			if err := beside.AddTree(b.app.dir, path.Join(module, name)); err != nil {
				return files{}, err
			}
		}
		if !slices.ContainsFunc(b.app.modules, func(needed string) bool { return layer.Within(module, needed) }) {
			unneeded = append(unneeded, filepath.Join(b.app.dir, module))
		}
	}
	var links []string
	if len(unneeded) > 0 {
		if links, err = b.app.linked(); err != nil {
			return files{}, err
		}
	}
	unneeded = slices.DeleteFunc(unneeded, func(dir string) bool {
		return slices.ContainsFunc(links, func(target string) bool { return layer.Within(dir, target) || layer.Within(target, dir) })
	})
	err = b.AddAround(&beside, unneeded...)
	return files{k.Sum(), beside.Sum()}, err
}

// finish leaves in the app what processes need there: everything but what only
// the build reads, and links to what the Procfile names. BP_INCLUDE_FILES, as
// Paketo has it, are patterns of files that stay too, with colons between them.
func (b *build) finish(made *artefacts) error {
	var stay []string
	for pattern := range strings.SplitSeq(b.Env["BP_INCLUDE_FILES"], ":") {
		if pattern = strings.Trim(pattern, "/ "); pattern != "" {
			stay = append(stay, path.Join(b.app.member, strings.TrimSuffix(strings.TrimSuffix(pattern, "*"), "/")))
		}
	}
	stays := func(name string) bool {
		return slices.ContainsFunc(stay, func(kept string) bool {
			matched, err := path.Match(kept, name)
			return kept == name || err == nil && matched || layer.Within(name, kept) || layer.Within(kept, name)
		})
	}
	for _, module := range slices.Concat(b.app.modules, b.app.others) {
		for _, name := range buildFiles {
			if err := b.drop(path.Join(module, name), stays); err != nil {
				return fmt.Errorf("leaving out what only the build reads: %w", err)
			}
		}
		// What is left of a module is most often nothing.
		left := []string{"src/main", "src"}
		if module != "" && module != b.app.member {
			left = append(left, ".")
		}
		for _, name := range left {
			if err := dropEmpty(filepath.Join(b.app.dir, module, name)); err != nil {
				return err
			}
		}
	}
	for _, link := range made.links {
		at := filepath.Join(b.app.dir, link)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			return fmt.Errorf("linking %s: %w", link, err)
		}
		if err := layer.PointAt(filepath.Join(made.application.Layer.Path, "files", link), at); err != nil {
			return fmt.Errorf("linking %s: %w", link, err)
		}
	}
	return b.writeSBOM(made)
}

// drop takes a file or directory away, unless something of it stays.
func (b *build) drop(name string, stays func(string) bool) error {
	file := filepath.Join(b.app.dir, name)
	info, err := os.Lstat(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !stays(name) {
		return b.Scratch.Discard(file)
	}
	if !info.IsDir() {
		return nil
	}
	entries, err := os.ReadDir(file)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if err := b.drop(path.Join(name, entry.Name()), stays); err != nil {
			return err
		}
	}
	return nil
}

// dropEmpty removes a directory with nothing in it.
func dropEmpty(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) > 0 {
		return nil
	}
	if err != nil {
		return err
	}
	return os.Remove(dir)
}
