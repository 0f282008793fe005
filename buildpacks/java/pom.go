package java

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/slugc/slugc/buildpacks/language/appfile"
)

// pomFile is the file that says what an app of Maven is and needs.
const pomFile = "pom.xml"

// maxModules bounds the modules of an app.
const maxModules = 2000

// pom is a pom.xml, as far as a build needs it (Maven, "POM Reference").
type pom struct {
	GroupID    string    `xml:"groupId"`
	ArtifactID string    `xml:"artifactId"`
	Version    string    `xml:"version"`
	Packaging  string    `xml:"packaging"`
	Parent     pomParent `xml:"parent"`
	Properties pomValues `xml:"properties"`
	Modules    []string  `xml:"modules>module"`
	// Subprojects are what Maven 4 calls modules.
	Subprojects  []string      `xml:"subprojects>subproject"`
	Dependencies []coordinates `xml:"dependencies>dependency"`
	Managed      []coordinates `xml:"dependencyManagement>dependencies>dependency"`
	Plugins      []pomPlugin   `xml:"build>plugins>plugin"`
	// ManagedPlugins are those whose settings children inherit.
	ManagedPlugins []pomPlugin  `xml:"build>pluginManagement>plugins>plugin"`
	Profiles       []pomProfile `xml:"profiles>profile"`
}

type coordinates struct {
	GroupID    string `xml:"groupId"`
	ArtifactID string `xml:"artifactId"`
	Version    string `xml:"version"`
}

// pomParent is the parent of a pom. RelativePath is where it is, nil for the usual
// place, and empty for one that repositories have.
type pomParent struct {
	coordinates
	RelativePath *string `xml:"relativePath"`
}

// String is group:artifact, as people name it.
func (c coordinates) String() string { return c.GroupID + ":" + c.ArtifactID }

type pomPlugin struct {
	coordinates
	Dependencies  []coordinates `xml:"dependencies>dependency"`
	Configuration struct {
		Release    string `xml:"release"`
		Target     string `xml:"target"`
		Source     string `xml:"source"`
		Toolchains string `xml:"toolchains>jdk>version"`
	} `xml:"configuration"`
}

type pomProfile struct {
	Modules      []string      `xml:"modules>module"`
	Subprojects  []string      `xml:"subprojects>subproject"`
	Dependencies []coordinates `xml:"dependencies>dependency"`
}

// pomValues are properties by name.
type pomValues map[string]string

// UnmarshalXML implements xml.Unmarshaler.
func (v *pomValues) UnmarshalXML(d *xml.Decoder, _ xml.StartElement) error {
	*v = pomValues{}
	for {
		token, err := d.Token()
		if err != nil {
			return err
		}
		switch t := token.(type) {
		case xml.StartElement:
			var text string
			if err := d.DecodeElement(&text, &t); err != nil {
				return err
			}
			(*v)[t.Name.Local] = strings.TrimSpace(text)
		case xml.EndElement:
			return nil
		}
	}
}

// readPOM reads a pom.xml of the app, by its path in it.
func readPOM(dir, name string) (pom, error) {
	data, err := appfile.Read(dir, name)
	if err != nil {
		return pom{}, err
	}
	return parsePOM(name, data)
}

func parsePOM(name string, data []byte) (pom, error) {
	var p pom
	decoder := xml.NewDecoder(bytes.NewReader(data))
	// Names that only Java knows are for Maven to read; what counts is ASCII.
	decoder.CharsetReader = latin
	err := decoder.Decode(&p)
	var syntax *xml.SyntaxError
	switch {
	case err == nil:
	case len(bytes.TrimSpace(data)) == 0:
		return pom{}, appfile.Error("%s is empty\nexpected <project> ... </project>", name)
	case errors.As(err, &syntax):
		return pom{}, appfile.Error("%s is not valid XML\nline %d: %s%s\nmend it, then see that Maven reads it:\n  mvn validate", name, syntax.Line, syntax.Msg, lineOf(data, syntax.Line))
	default:
		return pom{}, appfile.Error("%s cannot be read: %w", name, err)
	}
	for _, text := range []*string{&p.GroupID, &p.ArtifactID, &p.Version, &p.Packaging} {
		*text = strings.TrimSpace(*text)
	}
	return p, nil
}

// lineOf shows a line of a text below a message.
func lineOf(data []byte, number int) string {
	n := 0
	for line := range bytes.Lines(data) {
		if n++; n == number && len(line) < 120 {
			return "\n  " + strings.TrimSpace(string(line))
		}
	}
	return ""
}

// value fills in the properties in a text.
func (p pom) value(text string) string {
	text = strings.TrimSpace(text)
	for range 10 {
		filled := placeholder().ReplaceAllStringFunc(text, func(name string) string {
			key := placeholder().FindStringSubmatch(name)[1]
			switch key {
			case "project.version", "pom.version", "version":
				return p.Version
			case "project.groupId", "pom.groupId", "groupId":
				return orElse(p.GroupID, strings.TrimSpace(p.Parent.GroupID))
			case "project.parent.groupId":
				return strings.TrimSpace(p.Parent.GroupID)
			}
			if value, set := p.Properties[key]; set {
				return value
			}
			return name
		})
		if filled == text {
			break
		}
		text = filled
	}
	return text
}

// placeholder is a property in a text.
var placeholder = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\$\{([^{}]+)\}`) })

// modules are the directories of the modules that a pom names, also those in
// profiles.
func (p pom) modules() []string {
	all := slices.Concat(p.Modules, p.Subprojects)
	for _, profile := range p.Profiles {
		all = append(all, slices.Concat(profile.Modules, profile.Subprojects)...)
	}
	for i, name := range all {
		all[i] = p.value(name)
	}
	return all
}

// compiles is the release of Java that a pom compiles for and what says so, ""
// when it leaves that to Maven or a parent.
func (p pom) compiles() (release, name string) {
	for _, list := range [][]pomPlugin{p.Plugins, p.ManagedPlugins} {
		for _, plugin := range list {
			if strings.TrimSpace(plugin.ArtifactID) != "maven-compiler-plugin" {
				continue
			}
			for _, found := range []struct{ name, text string }{
				{"release", plugin.Configuration.Release}, {"target", plugin.Configuration.Target}, {"source", plugin.Configuration.Source},
			} {
				if text := p.value(found.text); text != "" && !strings.Contains(text, "${") {
					return text, found.name + " of maven-compiler-plugin"
				}
			}
		}
	}
	for _, name := range []string{"maven.compiler.release", "java.version", "maven.compiler.target", "maven.compiler.source", "release.version", "jdk.version", "kotlin.compiler.jvmTarget"} {
		if text := p.value(p.Properties[name]); text != "" && !strings.Contains(text, "${") {
			return text, name
		}
	}
	return "", ""
}

// toolchain is the version of the JDK that maven-toolchains-plugin asks for.
func (p pom) toolchain() string {
	for _, plugin := range slices.Concat(p.Plugins, p.ManagedPlugins) {
		if strings.TrimSpace(plugin.ArtifactID) == "maven-toolchains-plugin" {
			return p.value(plugin.Configuration.Toolchains)
		}
	}
	return ""
}

// moving are the versions of a pom that may be another one tomorrow, a line
// each. Own are the artifacts of the app's own modules.
func (p pom) moving(file string, own map[string]bool) []string {
	var lines []string
	all := slices.Concat([]coordinates{p.Parent.coordinates}, p.Dependencies, p.Managed)
	for _, profile := range p.Profiles {
		all = append(all, profile.Dependencies...)
	}
	for _, plugin := range slices.Concat(p.Plugins, p.ManagedPlugins) {
		all = append(all, plugin.coordinates)
	}
	for _, c := range all {
		version := p.value(c.Version)
		if !own[strings.TrimSpace(c.ArtifactID)] && movingVersion(version) {
			lines = append(lines, fmt.Sprintf("%s: %s wants %s", c, file, version))
		}
	}
	return lines
}

// movingVersion tells whether a version stands for several: a snapshot, a range,
// or a word (Maven, "POM Reference", "Dependency Version Requirement
// Specification").
func movingVersion(version string) bool {
	switch {
	case strings.HasSuffix(version, "-SNAPSHOT"), version == "LATEST", version == "RELEASE":
		return true
	case strings.HasPrefix(version, "["), strings.HasPrefix(version, "("):
		// [1.0] is exactly one.
		return strings.Contains(version, ",")
	}
	return false
}

// project is a reactor of Maven: the poms of its modules by directory.
type project map[string]pom

// readProject reads the poms of a build: that in its root, and those of all its
// modules in dir.
func readProject(w whole) (project, error) {
	all := project{}
	queue := []string{w.root}
	for len(queue) > 0 && len(all) < maxModules {
		at := queue[0]
		queue = queue[1:]
		if _, known := all[at]; known {
			continue
		}
		p, err := readPOM(w.ownDir(), w.fromApp(path.Join(at, pomFile)))
		if err != nil {
			return nil, err
		}
		all[at] = p
		for _, name := range p.modules() {
			module := path.Join(at, name)
			if path.Ext(name) == ".xml" {
				module = path.Dir(module)
			}
			module = rooted(module)
			there, err := appfile.Exists(w.dir, path.Join(module, pomFile))
			if err != nil || strings.HasPrefix(module, "..") {
				continue // outside of the app, or of a profile that is for another place
			}
			if there {
				queue = append(queue, module)
			}
		}
	}
	return all, nil
}
