package composertest

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/slugc/slugc/stack/debian/control"
	"github.com/slugc/slugc/stack/debian/mirrortest"
	"github.com/slugc/slugc/stack/debian/repository"
)

// usual are Debian packages with packages of Composer that apps of all kinds use.
func usual() []string {
	return []string{
		"php-slim", "php-slim-psr7", "php-monolog", "php-twig", "php-nikic-fast-route", "php-psr-log", "php-pimple", "php-vlucas-phpdotenv",
		"php-symfony-framework-bundle", "php-symfony-console", "php-symfony-dotenv", "php-symfony-runtime", "php-symfony-yaml", "php-symfony-twig-bundle", "php-laravel-framework",
	}
}

// extensions are those that are called as their packages are.
func extensions() []string {
	return []string{"apcu", "bcmath", "curl", "gd", "gmp", "intl", "mbstring", "pgsql", "redis", "soap", "sqlite3", "zip"}
}

// base are packages with PHP itself and its extensions.
func base() []string {
	names := []string{"php-common", "php", "php-cli", "php-json", "php-tokenizer"}
	for _, extension := range append(extensions(), "mysql", "xml") {
		names = append(names, "php-"+extension, "php8.4-"+extension)
	}
	return names
}

// Debian are the packages of Composer in Debian packages that apps of all kinds use,
// and in those that these need.
func Debian(t testing.TB) []Package {
	t.Helper()
	from := mirrortest.Open(t)
	index, found := mirrortest.Resolve(t, from, "slugc-13", usual(), base())
	files := mirrortest.Fetch(t, from, found)
	there := map[string]bool{}
	for _, d := range found {
		there[d.Name] = true
	}
	var packages []Package
	for i, d := range found {
		if !strings.HasPrefix(d.Name, "php-") {
			continue
		}
		p := unpacked(t, files[i], d)
		if len(p.Files) == 0 {
			continue
		}
		for _, name := range depends(t, index, d) {
			switch extension := "php8.4-" + strings.TrimPrefix(name, "php-"); {
			case slices.Contains(base(), name) && !slices.Contains(extensions(), strings.TrimPrefix(name, "php-")):
				// Of PHP itself.
			case there[extension]:
				p.Require["ext-"+strings.TrimPrefix(name, "php-")] = "*"
			case there[name] && strings.HasPrefix(name, "php-") && name != d.Name:
				p.Require[composerName(name)] = "*"
			case slices.Contains(extensions(), strings.TrimPrefix(name, "php-")):
				p.Require["ext-"+strings.TrimPrefix(name, "php-")] = "*"
			}
		}
		packages = append(packages, p)
	}
	return packages
}

// depends are the names of what a Debian package depends on.
func depends(t testing.TB, index *repository.Index, d control.Package) []string {
	t.Helper()
	candidates, err := index.Named(d.Name)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range candidates {
		if c.Version != d.Version {
			continue
		}
		for _, relation := range c.Depends {
			for _, possibility := range relation.Alternatives {
				names = append(names, possibility.Name)
			}
		}
	}
	return names
}

// composerName is the name that a Debian package has for Composer: it begins with
// that of its vendor, which is left out where it is the same.
func composerName(debian string) string {
	name := strings.TrimPrefix(debian, "php-")
	if known := map[string]string{
		"monolog": "monolog/monolog", "slim": "slim/slim", "twig": "twig/twig", "pimple": "pimple/pimple", "getallheaders": "ralouphie/getallheaders",
		"email-validator": "egulias/email-validator", "phpoption": "phpoption/phpoption", "graham-campbell-result-type": "graham-campbell/result-type",
	}[name]; known != "" {
		return known
	}
	vendor, rest, found := strings.Cut(name, "-")
	if !found {
		rest = vendor
	}
	return vendor + "/" + rest
}

// library is where Debian has PHP's files.
const library = "usr/share/php"

// loaded is a file that Debian's loader of a package always loads.
var loaded = regexp.MustCompile(`(?m)^require_once __DIR__ ?\. ?'/([^.'][^']*\.php)';`)

// unpacked is the package of Composer in a Debian package.
func unpacked(t testing.TB, file string, d control.Package) Package {
	t.Helper()
	dir := mirrortest.Unpack(t, file)
	p := Package{Name: composerName(d.Name), Version: upstream(d.Version), Require: map[string]string{}, Files: map[string][]byte{}, Moving: true}
	always := []string{}
	err := fs.WalkDir(os.DirFS(dir), library, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil {
			return err
		}
		inside := path.Join("src", strings.TrimPrefix(name, library))
		if strings.HasSuffix(path.Base(name), "autoload.php") {
			for _, match := range loaded.FindAllSubmatch(data, -1) {
				if other := string(match[1]); !strings.HasSuffix(other, "autoload.php") {
					always = append(always, path.Join(path.Dir(inside), other))
				}
			}
			return nil
		}
		p.Files[inside] = data
		return nil
	})
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	// Some are in another package.
	always = slices.DeleteFunc(always, func(name string) bool { return p.Files[name] == nil })
	p.Autoload = map[string]any{"classmap": []string{"src/"}}
	if len(always) > 0 {
		p.Autoload["files"] = always
	}
	return p
}

// upstream is the version of a Debian package as its authors call it.
func upstream(version string) string {
	return regexp.MustCompile(`^[0-9]+(?:\.[0-9]+)*`).FindString(regexp.MustCompile(`^[0-9]+:`).ReplaceAllString(version, ""))
}
