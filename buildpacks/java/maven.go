package java

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/buildpacks/libcnb/v2"

	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/language/layer"
	"github.com/slugc/slugc/buildpacks/language/version"
	"github.com/slugc/slugc/buildpacks/runtime/maven"
	"github.com/slugc/slugc/stack/download"
)

// mavenWrapperFile says which Maven an app is built with.
const mavenWrapperFile = ".mvn/wrapper/maven-wrapper.properties"

// mavenTool builds an app with Maven.
type mavenTool struct {
	b     *build
	asked version.Asked
	// version is Maven's, extension that of its archive, and sha256 what the
	// wrapper states of it, which may be empty.
	version, extension, sha256 string
	// settings are the app's or the person's settings.xml, "" for none, and
	// global those of this machine.
	settings, global string
	from             maven.Repository
	slot             layer.Slot
	// inputs are those of the layer of Maven.
	described map[string]string
	// packages is the layer of Maven's local repository.
	packages layer.Slot
}

// mavenDistribution is the file of a distribution of Maven in an address.
var mavenDistribution = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`apache-maven-([0-9][0-9A-Za-z.+-]*?)-bin\.(zip|tar\.gz)$`)
})

func (b *build) newMaven() (*mavenTool, error) {
	m := &mavenTool{b: b, extension: "tar.gz"}
	if err := m.choose(); err != nil {
		return nil, err
	}
	if err := m.findSettings(); err != nil {
		return nil, err
	}
	var files []string
	for _, file := range []string{m.settings, m.global} {
		if file != "" {
			files = append(files, file)
		}
	}
	config, err := maven.Load(b.Env, files...)
	if err != nil {
		return nil, err
	}
	if m.from.Address, err = config.Central(); err != nil {
		return nil, err
	}
	if m.from.Fetcher = b.Fetcher; m.from.Fetcher == nil {
		client, err := config.Network().Client()
		if err != nil {
			return nil, err
		}
		m.from.Fetcher = download.NewFetcher(client)
	}
	m.described = map[string]string{"version": m.version, "extension": m.extension, "stated": m.sha256}
	if m.slot, err = layer.Open(b.Layers, toolLayer, libcnb.LayerTypes{Cache: true}, layout+"/maven"); err != nil {
		return nil, err
	}
	m.packages, err = layer.Open(b.Layers, repositoryLayer, libcnb.LayerTypes{Cache: true}, layout+"/maven")
	return m, err
}

// choose settles the version of Maven: that of the wrapper, Heroku's
// system.properties, or the default.
func (m *mavenTool) choose() error {
	own, source := m.b.app.ownDir(), m.b.Env[language.SourceVariable]
	systemName, system, err := systemProperties(own, source)
	if err != nil {
		return err
	}
	wrapperName, err := nearest(own, source, mavenWrapperFile)
	if err != nil {
		return err
	}
	wrapper := version.Asked{Name: "distributionUrl", File: wrapperName}
	data, err := appfile.Read(own, wrapperName)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	default:
		values := properties(data)
		url := values["distributionUrl"]
		match := mavenDistribution().FindStringSubmatch(url)
		if match == nil {
			return appfile.Error("distributionUrl in %s names no distribution of Maven: %q\nexpected an address that ends in apache-maven-VERSION-bin.zip. Write it anew:\n  mvn wrapper:wrapper -Dmaven=%s",
				wrapperName, url, m.b.releases.Maven)
		}
		wrapper.Text, m.extension, m.sha256 = match[1], match[2], strings.TrimSpace(values["distributionSha256Sum"])
	}
	m.asked = version.First(wrapper, version.Asked{Text: strings.TrimSpace(system["maven.version"]), Name: "maven.version", File: systemName})
	if m.asked.Text == "" {
		m.version, m.asked = m.b.releases.Maven, version.Asked{Name: "the default"}
		return nil
	}
	m.version = m.asked.Text
	if leadingNumber(m.version) < 3 {
		return appfile.Error("Maven %s is too old: slugc builds with 3 and later\n%s asks for it", m.version, m.asked.Source())
	}
	return nil
}

// findSettings finds the settings that Maven is to read: those that
// MAVEN_SETTINGS_PATH names, those of a service binding of type maven, as Paketo
// has it, or a settings.xml of the app, as Heroku has it.
func (m *mavenTool) findSettings() error {
	m.global = m.b.Env[maven.SettingsVariable]
	if m.b.Env["MAVEN_SETTINGS_URL"] != "" {
		return appfile.Error("MAVEN_SETTINGS_URL is not read: settings that are fetched may be others for every build\n" +
			"add the file to the app, or hand it over as a service binding, and name it:\n  slugc build -e MAVEN_SETTINGS_PATH=settings.xml")
	}
	if named := m.b.Env["MAVEN_SETTINGS_PATH"]; named != "" {
		file := named
		if !filepath.IsAbs(file) {
			file = filepath.Join(m.b.app.ownDir(), file)
		}
		if _, err := os.Stat(file); err != nil {
			return appfile.Error("MAVEN_SETTINGS_PATH names %s, which cannot be read\nexpected a settings.xml, by its path in the app", named)
		}
		m.settings = file
		return nil
	}
	if binding, found := m.b.Binding("maven"); found {
		file, is := binding.SecretFilePath("settings.xml")
		if !is {
			return appfile.Error("the service binding %s has the type maven, but no file settings.xml", binding.Name)
		}
		m.settings = file
		return nil
	}
	own := m.b.app.ownDir()
	name, err := nearest(own, m.b.Env[language.SourceVariable], "settings.xml")
	if err != nil {
		return err
	}
	there, err := appfile.Exists(own, name)
	if there {
		m.settings = filepath.Join(own, name)
	}
	return err
}

func (m *mavenTool) name() string { return "Maven " + m.version }

// inputs implements buildTool.
func (m *mavenTool) inputs(k *layer.Key) error {
	k.Add("maven", m.version)
	return m.addSettings(k)
}

// addSettings adds what the settings outside of the app say.
func (m *mavenTool) addSettings(k *layer.Key) error {
	for _, file := range []string{m.settings, m.global} {
		if file == "" {
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("reading Maven's settings: %w", err)
		}
		k.Add("settings", layer.Sum(data))
	}
	return nil
}

// noted is a note of a layer that stays as an earlier build described it.
func noted(s layer.Slot, names ...string) map[string]string {
	notes := map[string]string{}
	for _, name := range names {
		if s.Old[name] != "" {
			notes[name] = s.Old[name]
		}
	}
	return notes
}

// keep implements buildTool.
func (m *mavenTool) keep() ([]libcnb.Layer, error) {
	return []libcnb.Layer{m.layer(), m.packages.Describe(nil, m.packages.Old)}, nil
}

// layer is that of Maven.
func (m *mavenTool) layer() libcnb.Layer {
	return m.slot.Describe(m.described, map[string]string{"asked": m.asked.String()})
}

// install implements buildTool.
func (m *mavenTool) install(ctx context.Context) error {
	kept, why := m.slot.Keeps(m.described)
	if kept {
		m.b.Print.Detail("Maven %s (%s), from the cache", m.version, m.asked)
		return nil
	}
	m.b.Print.Detail("Maven %s (%s)", m.version, m.asked)
	artifact := maven.Artifact{Group: "org.apache.maven", Name: "apache-maven", Version: m.version, Classifier: "bin", Extension: m.extension}
	archive := m.b.Scratch.Path("maven." + m.extension)
	err := m.b.Download("Maven", m.version, why, func(progress func(done, total int64)) (err error) {
		integrity, err := m.from.Integrity(ctx, artifact)
		if err != nil {
			return err
		}
		to, err := os.Create(archive)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, to.Close()) }()
		return m.from.Save(ctx, artifact, m.sha256, integrity, to, progress)
	})
	var missing *maven.MissingError
	if errors.As(err, &missing) {
		return appfile.Error("%w\n%s asks for it. Ask for one that exists:\n  mvn wrapper:wrapper -Dmaven=%s", err, m.asked.Source(), m.b.releases.Maven)
	}
	if err != nil {
		return err
	}
	fresh := m.b.Scratch.Path("maven")
	if err := unpackTool(archive, fresh); err != nil {
		return &download.Error{Fault: download.Registry, Err: fmt.Errorf("unpacking Maven %s: %w", m.version, err)}
	}
	if err := m.b.Scratch.Replace(m.slot.Layer.Path, "", fresh); err != nil {
		return fmt.Errorf("installing Maven: %w", err)
	}
	m.b.Whole(m.layer())
	return nil
}

// poms is a checksum over what decides which packages Maven wants.
func (m *mavenTool) poms() (string, error) {
	k := &layer.Key{}
	k.Add("maven", m.version)
	for _, module := range slices.Concat(m.b.app.modules, m.b.app.others) {
		if err := k.AddTree(m.b.app.dir, path.Join(module, pomFile)); err != nil {
			return "", err
		}
	}
	if err := k.AddTree(m.b.app.rootDir(), ".mvn"); err != nil {
		return "", err
	}
	for _, name := range slices.Sorted(maps.Keys(m.b.Env)) {
		if strings.HasPrefix(name, "MAVEN_") || strings.HasPrefix(name, "BP_MAVEN_") {
			k.Add(name, m.b.Env[name])
		}
	}
	return k.Sum(), m.addSettings(k)
}
