package java

import (
	"archive/zip"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language/layer"
	"github.com/slugc/slugc/buildpacks/language/sbom"
)

// writeSBOM writes the bill of materials of the jars that processes run, unless
// the one of the last build is there and right.
func (b *build) writeSBOM(made *artefacts) error {
	file := made.application.Layer.SBOMPath(libcnb.CycloneDXJSON)
	if made.kept {
		if _, err := os.Stat(file); err == nil {
			return nil
		}
	}
	var components []sbom.Component
	for _, dir := range []string{made.dependencies.Layer.Path, made.application.Layer.Path} {
		if dir == made.dependencies.Layer.Path && made.content == "" {
			continue
		}
		err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() || filepath.Ext(name) != ".jar" && filepath.Ext(name) != ".war" {
				return err
			}
			found, err := b.packages(name)
			if dir == made.application.Layer.Path {
				// What the app itself is changes with every edit, and its bill should
				// not.
				for i := range found {
					found[i].SHA256 = ""
				}
			}
			components = append(components, found...)
			return err
		})
		if err != nil {
			return fmt.Errorf("reading what the app is made of: %w", err)
		}
	}
	return sbom.Write(file, components)
}

// runtimeSBOM writes the bill of materials of the Java runtime, unless it is
// there.
func (p jrePlan) runtimeSBOM() error {
	r := p.jdk.Release
	return sbom.Write(p.slot.Layer.SBOMPath(libcnb.CycloneDXJSON), []sbom.Component{{PURL: r.PURL, Name: r.Title, Version: r.Version}})
}

// packages are the packages of Maven that a jar is or holds: what the notes say
// that Maven leaves in jars, else what its name says.
func (b *build) packages(file string) (components []sbom.Component, err error) {
	sum, err := layer.FileSum(file)
	if err != nil {
		return nil, err
	}
	j, err := openJar(file)
	if errors.Is(err, zip.ErrFormat) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, j.Close()) }()
	for _, entry := range j.File {
		if !strings.HasPrefix(entry.Name, "META-INF/maven/") || path.Base(entry.Name) != "pom.properties" {
			continue
		}
		data, err := readEntry(entry, maxManifest)
		if err != nil {
			return nil, err
		}
		values := properties(data)
		if c := component(values["groupId"], values["artifactId"], values["version"]); c.PURL != "" {
			components = append(components, c)
		}
	}
	name := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
	// A jar that is one package is known by its checksum; one that holds several
	// was put together here.
	for i, c := range components {
		if _, artifact, _ := strings.Cut(c.Name, ":"); len(components) == 1 || name == artifact+"-"+c.Version {
			components[i].SHA256 = sum
			return components[i : i+1], nil
		}
	}
	if len(components) > 0 {
		return components, nil
	}
	if match := jarName().FindStringSubmatch(name); match != nil {
		group := b.group(match[1], match[2])
		c := component(group, match[1], match[2])
		c.SHA256 = sum
		return []sbom.Component{c}, nil
	}
	return nil, nil
}

// jarName is the name of a jar in a repository: artifact, version.
var jarName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^([A-Za-z0-9_.-]+?)-([0-9][A-Za-z0-9_.+-]*)$`) })

func component(group, artifact, version string) sbom.Component {
	if artifact == "" || version == "" {
		return sbom.Component{}
	}
	name := artifact
	if group != "" {
		name = group + ":" + artifact
	}
	return sbom.Component{PURL: sbom.URL("maven", group, artifact, version), Name: name, Version: version}
}

// group is the group of a package, by where it lies in the local repository of
// the build tool, "" when it is not there.
func (b *build) group(artifact, version string) string {
	repository := filepath.Join(b.Layers.Path, repositoryLayer)
	for _, pattern := range []string{
		filepath.Join("caches", "modules-2", "files-2.1", "*", artifact, version), // Gradle's
		filepath.Join("repository", "*", artifact, version), filepath.Join("repository", "*", "*", artifact, version),
		filepath.Join("repository", "*", "*", "*", artifact, version), filepath.Join("repository", "*", "*", "*", "*", artifact, version),
		filepath.Join("repository", "*", "*", "*", "*", "*", artifact, version),
	} {
		found, err := filepath.Glob(filepath.Join(repository, pattern))
		if err != nil || len(found) == 0 {
			continue
		}
		rel, err := filepath.Rel(repository, filepath.Dir(filepath.Dir(found[0])))
		if err != nil {
			continue
		}
		rel = filepath.ToSlash(rel)
		if below, is := strings.CutPrefix(rel, "repository/"); is {
			return strings.ReplaceAll(below, "/", ".")
		}
		return path.Base(rel)
	}
	return ""
}
