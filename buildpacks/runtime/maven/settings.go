package maven

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/slugc/slugc/buildpacks/runtime/settingsfile"
	"github.com/slugc/slugc/stack/download"
)

// settings are the parts of a settings.xml that say where artifacts come from.
type settings struct {
	XMLName  xml.Name  `xml:"settings"`
	Proxies  []proxy   `xml:"proxies>proxy,omitempty"`
	Servers  []server  `xml:"servers>server,omitempty"`
	Mirrors  []mirror  `xml:"mirrors>mirror,omitempty"`
	Profiles []profile `xml:"profiles>profile,omitempty"`
	Active   []string  `xml:"activeProfiles>activeProfile,omitempty"`
}

type mirror struct {
	ID       string `xml:"id"`
	Name     string `xml:"name,omitempty"`
	URL      string `xml:"url"`
	MirrorOf string `xml:"mirrorOf"`
	// Blocked mirrors are a way to say that something must not be asked.
	Blocked string `xml:"blocked,omitempty"`
}

type server struct {
	ID            string         `xml:"id"`
	Username      string         `xml:"username,omitempty"`
	Password      string         `xml:"password,omitempty"`
	Configuration *configuration `xml:"configuration"`
}

// configuration is what a transport reads, such as headers; it is handed on as
// it is written.
type configuration struct {
	Inner string `xml:",innerxml"`
}

type proxy struct {
	ID            string `xml:"id,omitempty"`
	Active        string `xml:"active,omitempty"`
	Protocol      string `xml:"protocol,omitempty"`
	Host          string `xml:"host"`
	Port          string `xml:"port,omitempty"`
	Username      string `xml:"username,omitempty"`
	Password      string `xml:"password,omitempty"`
	NonProxyHosts string `xml:"nonProxyHosts,omitempty"`
}

type profile struct {
	ID           string       `xml:"id"`
	Activation   *activation  `xml:"activation"`
	Repositories []repository `xml:"repositories>repository,omitempty"`
	Plugins      []repository `xml:"pluginRepositories>pluginRepository,omitempty"`
}

type activation struct {
	ByDefault string `xml:"activeByDefault,omitempty"`
}

type repository struct {
	ID        string  `xml:"id"`
	URL       string  `xml:"url"`
	Layout    string  `xml:"layout,omitempty"`
	Releases  *policy `xml:"releases"`
	Snapshots *policy `xml:"snapshots"`
}

type policy struct {
	Enabled        string `xml:"enabled,omitempty"`
	UpdatePolicy   string `xml:"updatePolicy,omitempty"`
	ChecksumPolicy string `xml:"checksumPolicy,omitempty"`
}

// readSettings reads a settings.xml, with the variables in it filled in.
func readSettings(file string, env map[string]string) (s settings, err error) {
	data, err := settingsfile.Read("Maven's settings", file)
	if err != nil {
		return s, err
	}
	if s, err = parseSettings(data, env); err != nil {
		return s, &download.Error{Fault: download.App, Err: fmt.Errorf("the settings of Maven in %s are broken: %w\nexpected <settings> ... </settings>", file, err)}
	}
	return s, nil
}

// variable is what Maven fills in when it reads settings (Maven, "Settings
// Reference", "Properties").
var variable = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\$\{env\.([A-Za-z_][A-Za-z0-9_]*)\}`) })

func parseSettings(data []byte, env map[string]string) (s settings, err error) {
	if err := xml.Unmarshal(data, &s); err != nil {
		return settings{}, err
	}
	fill := func(texts ...*string) {
		for _, text := range texts {
			*text = variable().ReplaceAllStringFunc(strings.TrimSpace(*text), func(name string) string {
				if value, set := env[variable().FindStringSubmatch(name)[1]]; set {
					return value
				}
				return name
			})
		}
	}
	for i := range s.Servers {
		fill(&s.Servers[i].ID, &s.Servers[i].Username, &s.Servers[i].Password)
	}
	for i := range s.Mirrors {
		fill(&s.Mirrors[i].ID, &s.Mirrors[i].URL, &s.Mirrors[i].MirrorOf, &s.Mirrors[i].Blocked)
	}
	for i := range s.Proxies {
		p := &s.Proxies[i]
		fill(&p.Active, &p.Protocol, &p.Host, &p.Port, &p.Username, &p.Password, &p.NonProxyHosts)
	}
	for i := range s.Profiles {
		for _, list := range [][]repository{s.Profiles[i].Repositories, s.Profiles[i].Plugins} {
			for j := range list {
				fill(&list[j].ID, &list[j].URL)
			}
		}
	}
	return s, nil
}

// SettingsVariable names the file of this machine's settings for a build; see
// Connection.
const SettingsVariable = "SLUGC_MAVEN_SETTINGS"

// Files are the settings.xml that Maven reads for a person: those of the user,
// and those of the installation that MAVEN_HOME names.
func Files(env map[string]string) []string {
	var files []string
	if env["HOME"] != "" {
		files = append(files, filepath.Join(env["HOME"], ".m2", "settings.xml"))
	}
	for _, name := range []string{"MAVEN_HOME", "M2_HOME"} {
		if env[name] != "" {
			files = append(files, filepath.Join(env[name], "conf", "settings.xml"))
		}
	}
	return files
}

// Config are settings of Maven.
type Config struct {
	// all are the settings of files, the most important first, and files their
	// names.
	all     []settings
	files   []string
	wrapper string
	user    string
	secret  string
	proxies download.Proxies
	caFiles []string
}

// Load reads the settings of an environment and of files, the most important
// first. Files that do not exist are passed over.
func Load(env map[string]string, files ...string) (Config, error) {
	c := Config{
		wrapper: strings.TrimSpace(env["MVNW_REPOURL"]), user: env["MVNW_USERNAME"], secret: env["MVNW_PASSWORD"],
		proxies: download.ProxiesFrom(env),
	}
	if file := env["SSL_CERT_FILE"]; file != "" {
		c.caFiles = []string{file}
	}
	for _, file := range files {
		s, err := readSettings(file, env)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return Config{}, err
		}
		c.all, c.files = append(c.all, s), append(c.files, file)
	}
	return c, nil
}
