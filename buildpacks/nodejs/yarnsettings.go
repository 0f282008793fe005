package nodejs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/nodejs/lock"
	"github.com/slugc/slugc/buildpacks/runtime/npm"
)

// The settings files of Yarn 2 and later, and of Yarn 1.
const (
	yarnSettingsFile        = ".yarnrc.yml"
	yarnClassicSettingsFile = ".yarnrc"
)

// yarnSettings are what an app tells Yarn, as far as a build needs it.
type yarnSettings struct {
	// file is the name of the file, "" when there is none.
	file string
	// path is the Yarn that the app brings, a file in it.
	path string
	// linker is how packages are laid out: "pnp", "node-modules" or "pnpm".
	linker string
	// registry is where packages come from.
	registry string
	// extends tells whether dependencies of packages are added.
	extends bool
	// credentials tells whether the file has a login of its own.
	credentials bool
}

// isBerry tells whether the settings are those of Yarn 2 or later.
func (s yarnSettings) isBerry() bool { return s.file == yarnSettingsFile }

// plugAndPlay tells whether packages stay in their archives.
func (s yarnSettings) plugAndPlay() bool { return s.linker == "" || s.linker == "pnp" }

// readYarnSettings reads the settings of Yarn in an app.
func readYarnSettings(dir string) (yarnSettings, error) {
	there, err := appfile.Found(dir, yarnSettingsFile, yarnClassicSettingsFile)
	if err != nil || len(there) == 0 {
		return yarnSettings{}, err
	}
	data, err := appfile.Read(dir, there[0])
	if err != nil {
		return yarnSettings{}, err
	}
	s := yarnSettings{file: there[0]}
	if s.file == yarnClassicSettingsFile {
		s.readClassic(data)
	} else if err := s.readBerry(data); err != nil {
		return yarnSettings{}, err
	}
	if s.path == "" {
		return s, nil
	}
	if !filepath.IsLocal(s.path) {
		return yarnSettings{}, appfile.Error("%s names a Yarn outside of the app: %s\nlet the app say which version it wants instead:\n  npm pkg set packageManager=yarn@VERSION\nand remove the line from %s", s.file, s.path, s.file)
	}
	if info, err := os.Stat(filepath.Join(dir, s.path)); err != nil || !info.Mode().IsRegular() {
		return yarnSettings{}, appfile.Error("%s names the Yarn %s, which is not in the app\n"+
			"commit it:\n  git add --force %s\n"+
			"or take the line out and ask for a version:\n  npm pkg set packageManager=yarn@VERSION\n"+
			"if it is there on your machine, see whether .gitignore or .slugignore lists it", s.file, s.path, s.path)
	}
	return s, nil
}

// readBerry reads .yarnrc.yml.
func (s *yarnSettings) readBerry(data []byte) error {
	var doc struct {
		YarnPath    string         `yaml:"yarnPath"`
		NodeLinker  string         `yaml:"nodeLinker"`
		Registry    string         `yaml:"npmRegistryServer"`
		Token       string         `yaml:"npmAuthToken"`
		Ident       string         `yaml:"npmAuthIdent"`
		Registries  map[string]any `yaml:"npmRegistries"`
		Scopes      map[string]any `yaml:"npmScopes"`
		Extensions  map[string]any `yaml:"packageExtensions"`
		IgnorePath  bool           `yaml:"ignorePath"`
		CacheFolder string         `yaml:"cacheFolder"`
	}
	if err := appfile.YAML(s.file, data, &doc); err != nil {
		return err
	}
	s.linker, s.registry, s.extends = doc.NodeLinker, doc.Registry, len(doc.Extensions) > 0
	s.credentials = doc.Token != "" || doc.Ident != "" || len(doc.Registries)+len(doc.Scopes) > 0
	if !doc.IgnorePath {
		s.path = doc.YarnPath
	}
	return nil
}

// readClassic reads .yarnrc: lines of a key and a value, like yarn.lock.
func (s *yarnSettings) readClassic(data []byte) {
	for line := range strings.Lines(string(data)) {
		key, value, err := lock.YarnPair(strings.TrimSpace(line))
		if err != nil {
			continue
		}
		switch key {
		case "yarn-path":
			s.path = value
		case "registry":
			s.registry = value
		}
	}
}

// pathVersion is the version in the name of a Yarn that an app brings, such as
// yarn-4.5.3.cjs; "" when it says none.
func (s yarnSettings) pathVersion() string {
	match := releaseName().FindStringSubmatch(filepath.Base(s.path))
	if match == nil {
		return ""
	}
	return match[1]
}

var releaseName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^yarn-(\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+?)?)\.c?js$`) })

// yarnInLine refuses a yarn.lock of the other form than that of the Yarn that
// the app asks for. Berry tells whether it is that of Yarn 2 and later.
func (a *app) yarnInLine(berry bool) error {
	asked := a.choice.asked
	if version := a.yarn.pathVersion(); version != "" {
		asked.Text, asked.Name, asked.File = version, "yarnPath", a.yarn.file
	}
	if asked.Text == "" {
		return nil
	}
	classic, later := "1.22.22", "4.0.0"
	r, err := npm.ParseRange(asked.Text)
	if err != nil {
		return nil // that is for who resolves it to say
	}
	major := strings.TrimLeft(asked.Text, "^~>=v ")
	switch {
	case berry && r.Allows(classic) && !r.Allows(later) && strings.HasPrefix(major, "1"):
		return appfile.Error("%s is that of Yarn 2 or later, but %s asks for Yarn %s\n"+
			"to build with the Yarn that made it, say so:\n  npm pkg set packageManager=yarn@4.VERSION\n  git add %s\n"+
			"or make the lock file again:\n  rm %s\n  yarn install\n  git add %s",
			lock.YarnFile, asked.Source(), asked.Text, manifestFile, lock.YarnFile, lock.YarnFile)
	case !berry && !r.Allows(classic) && (strings.HasPrefix(major, "2") || strings.HasPrefix(major, "3") || strings.HasPrefix(major, "4")):
		return appfile.Error("%s is that of Yarn 1, but %s asks for Yarn %s\n"+
			"let that turn it into its own form, and commit it:\n  yarn install --mode=update-lockfile\n  git add %s\n"+
			"or build with Yarn 1:\n  npm pkg set packageManager=yarn@%s\n  git add %s",
			lock.YarnFile, asked.Source(), asked.Text, lock.YarnFile, classic, manifestFile)
	}
	return nil
}
