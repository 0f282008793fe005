package java

import (
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/slugc/slugc/buildpacks/language"
	"github.com/slugc/slugc/buildpacks/language/appfile"
	"github.com/slugc/slugc/buildpacks/language/version"
	"github.com/slugc/slugc/buildpacks/runtime"
)

// systemFile is Heroku's file for versions.
const systemFile = "system.properties"

// javaWish is what an app asks of Java.
type javaWish struct {
	asked version.Asked
	// release is the release that is wanted, and exactly that one unless
	// orNewer says that a newer one is as good.
	release int
	orNewer bool
	// most, unless 0, is the newest release that will do, and limit says why.
	most  int
	limit string
}

// wishedJava is what an app asks of Java, by the order of Heroku, Paketo and the
// version managers: a variable of the build, system.properties, the files of
// version managers, the build's toolchain, the release that it compiles for,
// and what its Gradle runs on.
func (a app) wishedJava(env map[string]string, known releases) (javaWish, error) {
	own, source := a.ownDir(), env[language.SourceVariable]
	if err := appfile.RefuseMisspelled(own, "which Java to use", systemFile, ".java-version", ".sdkmanrc"); err != nil {
		return javaWish{}, err
	}
	systemName, system, err := systemProperties(own, source)
	if err != nil {
		return javaWish{}, err
	}
	pinned := []version.Asked{
		{Text: strings.TrimSpace(env["BP_JVM_VERSION"]), Name: "BP_JVM_VERSION"},
		{Text: strings.TrimSpace(system["java.runtime.version"]), Name: "java.runtime.version", File: systemName},
	}
	files, err := versionFiles(own, source)
	if err != nil {
		return javaWish{}, err
	}
	pinned = append(pinned, files...)
	toolchain, compiled := a.builtFor()
	chosen := version.First(append(pinned, toolchain, compiled)...)
	w := javaWish{asked: chosen}
	if !a.isMaven() {
		w.most = known.newestFor(a.gradle.version)
		w.limit = fmt.Sprintf("Gradle %s in %s", a.gradle.version, a.fromApp(wrapperFile))
	}
	if chosen.Text == "" {
		w.asked = version.Asked{Name: fmt.Sprintf("the default, %d", known.Default)}
		w.release = known.Default
		if w.most > 0 && w.most < w.release {
			w.release = known.LTS[0]
			for _, release := range known.LTS {
				if release <= w.most {
					w.release = release
				}
			}
			w.asked = version.Asked{Name: fmt.Sprintf("Java %d is the newest for %s", w.most, w.limit)}
			w.orNewer = true
		}
		return w, nil
	}
	if w.release = feature(chosen.Text); w.release == 0 {
		return javaWish{}, appfile.Error("%s does not say which Java to use\nexpected a release such as %d\n%s", chosen, known.Default, pinHint(known.Default))
	}
	w.orNewer = chosen.Name == compiled.Name && chosen.File == compiled.File
	if !w.orNewer && w.release < known.LTS[0] {
		return javaWish{}, appfile.Error("Java %d is too old: slugc builds with Java %d and later\n%s asks for it\n%s", w.release, known.LTS[0], chosen.Source(), pinHint(known.Default))
	}
	// Who asks for a release by name knows better what Gradle runs on.
	if !w.orNewer {
		w.most = 0
	}
	if least := feature(compiled.Text); !w.orNewer && least > w.release {
		return javaWish{}, appfile.Error("the app compiles for Java %d, but builds with Java %d, which cannot do that\n%s\n%s\n%s",
			least, w.release, compiled, chosen, pinHint(least))
	}
	return w, nil
}

// pinHint is what to type to ask for a release of Java.
func pinHint(release int) string {
	return fmt.Sprintf("ask for a release:\n  echo java.runtime.version=%d > %s\n  git add %[2]s", release, systemFile)
}

// constraint is the wish in the words of the catalogue, and the releases to
// choose from where it allows several: the very one, else the oldest one with
// long-term support, which changes the least.
func (w javaWish) constraint(known releases) (runtime.Constraint, []runtime.Constraint, error) {
	text := fmt.Sprintf("%d.x", w.release)
	var prefer []runtime.Constraint
	if w.orNewer {
		text = fmt.Sprintf(">=%d", w.release)
		if w.most > 0 {
			text += fmt.Sprintf(" <%d", w.most+1)
		}
		for _, release := range append([]int{w.release}, known.LTS...) {
			if release < w.release {
				continue
			}
			line, err := runtime.ParseConstraint(runtime.NPM, fmt.Sprintf("%d.x", release))
			if err != nil {
				return runtime.Constraint{}, nil, err
			}
			prefer = append(prefer, line)
		}
	}
	wanted, err := runtime.ParseConstraint(runtime.NPM, text)
	return wanted, prefer, err
}

// systemProperties reads Heroku's file, that of the app or the nearest one above
// it in the source, and says by which path.
func systemProperties(dir, source string) (name string, values map[string]string, err error) {
	if name, err = nearest(dir, source, systemFile); err != nil {
		return "", nil, err
	}
	data, err := appfile.ReadIfThere(dir, name)
	return name, properties(data), err
}

// versionFiles are the files of version managers: jenv's, SDKMAN's, and asdf's,
// which mise reads too. Each is that of the app or the nearest one above it in the
// source, as those look for it.
func versionFiles(dir, source string) ([]version.Asked, error) {
	var all []version.Asked
	for _, file := range []struct {
		name string
		read func(data []byte, name string) version.Asked
	}{
		{".java-version", func(data []byte, name string) version.Asked {
			return version.Asked{Text: appfile.Word(data), Name: name}
		}},
		{".sdkmanrc", func(data []byte, name string) version.Asked {
			return version.Asked{Text: properties(data)["java"], Name: "java", File: name}
		}},
		{version.ToolFile, func(data []byte, name string) version.Asked {
			return version.Asked{Text: version.InToolFile(data, "java"), Name: "java", File: name}
		}},
	} {
		name, err := nearest(dir, source, file.name)
		if err != nil {
			return nil, err
		}
		data, err := appfile.ReadIfThere(dir, name)
		if err != nil {
			return nil, err
		}
		all = append(all, file.read(data, name))
	}
	return all, nil
}

// builtFor is what the build's own files say of Java: the toolchain, which has
// to be that very release, and the release that is compiled for.
func (a app) builtFor() (toolchain, compiled version.Asked) {
	if !a.isMaven() {
		exact, release := gradleJava(a.buildText)
		file := a.buildFile
		if exact == "" && release == "" && a.member != "" {
			exact, release = gradleJava(a.builds.shared)
			file = "the build in " + a.fromApp("")
		}
		return version.Asked{Text: exact, Name: "the toolchain", File: file}, version.Asked{Text: release, Name: "the release to compile for", File: file}
	}
	for _, module := range a.modules {
		p := a.poms[module]
		file := a.fromApp(path.Join(module, pomFile))
		if text := p.toolchain(); text != "" && toolchain.Text == "" {
			toolchain = version.Asked{Text: text, Name: "maven-toolchains-plugin", File: file}
		}
		// The newest of all modules: one JDK compiles them all.
		if text, name := p.compiles(); feature(text) > feature(compiled.Text) {
			compiled = version.Asked{Text: text, Name: name, File: file}
		}
	}
	return toolchain, compiled
}

// numbers are the first ones in a version: 17, 1.8, 21.0.4.
var numbers = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`[0-9]+(?:[._][0-9]+)*`) })

// feature is the release of Java that a version means, 0 when it means none:
// "21", "21.0.4-tem", "temurin-21.0.4+7", "1.8", "17.*", "openjdk64-11.0.2". The
// numbers behind it are those of security fixes: the archive has the latest.
func feature(text string) int {
	// The 64 in the names of some vendors is no version.
	match := numbers().FindString(strings.ReplaceAll(text, "openjdk64", ""))
	if match == "" {
		return 0
	}
	first, rest, more := strings.Cut(strings.ReplaceAll(match, "_", "."), ".")
	if first == "1" && more {
		first, _, _ = strings.Cut(rest, ".")
	}
	n, err := strconv.Atoi(first)
	if err != nil || n < 1 || n > 999 {
		return 0
	}
	return n
}
