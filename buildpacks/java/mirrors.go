package java

import (
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/git-pkgs/purl"

	"github.com/slugc/slugc/buildpacks/language/layer"
	"github.com/slugc/slugc/buildpacks/runtime/maven"
	"github.com/slugc/slugc/stack/download"
)

// leads has Gradle ask the mirrors that Maven's settings name, in the place of the
// repositories that build files name. Gradle knows no settings for that but a
// program of this kind. Plugins come from a place of Gradle's own when a build names
// none, so a mirror of everything stands for that too.
const leads = `
def lead = { repository ->
    if (!(repository instanceof org.gradle.api.artifacts.repositories.MavenArtifactRepository)) { return }
    def from = repository.url == null ? '' : repository.url.toString()
    if (!from.startsWith('http')) { return }
    def to = from.replaceAll('/+$', '') == central ? mirrorOfCentral : mirrorOfOthers
    if (to == null) { return }
    repository.url = new URI(to.url)
    if (to.url.startsWith('http:') && repository.hasProperty('allowInsecureProtocol')) { repository.allowInsecureProtocol = true }
    if (to.user) {
        repository.credentials { login ->
            login.username = to.user
            login.password = to.password
        }
    }
}
gradle.settingsEvaluated { settings ->
    settings.pluginManagement { management ->
        management.repositories.all(lead)
        if (mirrorOfOthers != null && management.repositories.isEmpty()) {
            management.repositories.maven { repository -> repository.url = new URI(mirrorOfOthers.url) }
        }
    }
    if (settings.hasProperty('dependencyResolutionManagement')) { settings.dependencyResolutionManagement.repositories.all(lead) }
}
gradle.allprojects { project ->
    project.buildscript.repositories.all(lead)
    project.repositories.all(lead)
}
`

// leadGradle writes what tells Gradle of this machine's mirrors and proxies, for
// "gradle --init-script". It is "" when there is nothing to tell. The file has
// credentials, and goes with the scratch space.
func (b *build) leadGradle() (file string, err error) {
	var files []string
	if binding, found := b.Binding("maven"); found {
		if name, is := binding.SecretFilePath("settings.xml"); is {
			files = append(files, name)
		}
	}
	if name := b.Env[maven.SettingsVariable]; name != "" {
		files = append(files, name)
	}
	config, err := maven.Load(b.Env, files...)
	if err != nil {
		return "", err
	}
	var text strings.Builder
	ofCentral, central := config.Mirror("central")
	ofOthers, others := config.Mirror("*")
	proxies := proxyProperties(config.Network().Proxies)
	if !central && !others && len(proxies) == 0 {
		return "", nil
	}
	for _, name := range sortedKeys(proxies) {
		fmt.Fprintf(&text, "System.setProperty(%s, %s)\n", groovy(name), groovy(proxies[name]))
	}
	if central || others {
		fmt.Fprintf(&text, "def central = %s\n", groovy(strings.TrimRight(purl.DefaultRegistry("maven"), "/")))
		fmt.Fprintf(&text, "def mirrorOfCentral = %s\ndef mirrorOfOthers = %s\n", place(ofCentral, central), place(ofOthers, others))
		text.WriteString(leads)
	}
	file = b.Scratch.Path("mirrors.gradle")
	return file, layer.WriteBeside(file, []byte(text.String()), 0o600)
}

// place is a mirror as a map of Groovy, or null.
func place(m maven.Mirror, found bool) string {
	if !found {
		return "null"
	}
	return fmt.Sprintf("[url: %s, user: %s, password: %s]", groovy(m.URL), groovy(m.User), groovy(m.Password))
}

// groovy is a text as a literal of Groovy.
func groovy(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", `\n`, "\r", `\r`).Replace(text) + "'"
}

// proxyProperties are the settings of Java for proxies (Java, "Networking
// Properties"), with those of Gradle for their users.
func proxyProperties(p download.Proxies) map[string]string {
	all := map[string]string{}
	for scheme, address := range map[string]string{"http": p.HTTP, "https": p.HTTPS} {
		if address == "" {
			continue
		}
		if !strings.Contains(address, "://") {
			address = "http://" + address
		}
		u, err := url.Parse(address)
		if err != nil || u.Hostname() == "" {
			continue
		}
		all[scheme+".proxyHost"] = u.Hostname()
		all[scheme+".proxyPort"] = orElse(u.Port(), "80")
		if u.User != nil {
			password, _ := u.User.Password()
			all[scheme+".proxyUser"], all[scheme+".proxyPassword"] = u.User.Username(), password
			// Java by itself sends no password through a proxy to a host that speaks TLS.
			all["jdk.http.auth.tunneling.disabledSchemes"] = ""
		}
	}
	if len(all) == 0 {
		return all
	}
	var except []string
	for host := range strings.SplitSeq(p.Except, ",") {
		if host = strings.TrimSpace(host); host == "" {
			continue
		}
		if bare, _, err := net.SplitHostPort(host); err == nil {
			host = bare
		}
		if strings.HasPrefix(host, ".") {
			host = "*" + host
		}
		except = append(except, host)
	}
	all["http.nonProxyHosts"] = strings.Join(append([]string{"localhost", "127.*"}, except...), "|")
	return all
}
